/** Units by the names that Grafana gives them. */

export const UNIT = {
  /** J, kJ, MJ, … */
  joules: 'joule',
  /** Wh, kWh, MWh, … from a figure in Wh. */
  wattHours: 'watth',
  /** kWh, MWh, … from a figure in kWh. */
  kilowattHours: 'kwatth',
  watts: 'watt',
  seconds: 's',
  /** A share from 0 to 1, as percent. */
  share: 'percentunit',
  perSecond: 'ops',
  queriesPerSecond: 'suffix: queries/s',
  tokensPerSecond: 'suffix: tokens/s',
  count: 'short',
  /** A number without a unit, such as a PUE. */
  number: 'none',
  /** Money: a number with separators. The currency stands in the title, since Grafana puts no variable into a unit. */
  money: 'locale',
  /** B, KiB, MiB, … */
  bytes: 'bytes',
  celsius: 'celsius',
  revolutionsPerMinute: 'rotrpm',
  /** A Unix time in milliseconds, as a date. */
  date: 'dateTimeAsIso',
  /** A Unix time in milliseconds, as "3 days ago". */
  fromNow: 'dateTimeFromNow',
  text: 'string',
} as const

export type Unit = (typeof UNIT)[keyof typeof UNIT]

export const JOULES_PER_KILOWATT_HOUR = 3_600_000
export const JOULES_PER_WATT_HOUR = 3600
