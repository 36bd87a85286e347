/** What is read of known kinds of SNMP devices, as data. Columns of tables are walked; scalars are tables of one row. */
import type { Mapping } from './quantity.ts'

/** `id` of the mapping is followed by the row's index, unless the rows are added up or there is only one. */
export interface SnmpColumn extends Mapping {
  readonly oid: string
  /** Only rows whose index ends so; the rest of the index names the row. */
  readonly endsWith?: number
  /** Only rows in which these columns hold one of these numbers. */
  readonly where?: readonly { readonly oid: string; readonly is: readonly number[] }[]
  /** A column that says by how many decimal digits the value is to be moved. */
  readonly digits?: string
  /** A column that says the SI prefix as ENTITY-SENSOR-MIB does: 9 for units, 8 for milli, 10 for kilo. */
  readonly prefix?: string
  /** What the device answers when it has no such thing. */
  readonly nothing?: readonly number[]
  /** All rows are one figure's: their sum. */
  readonly isSum?: true
  /** An enumeration: what each number stands for; others stand for nothing. */
  readonly meaning?: Readonly<Record<number, number>>
}

export interface SnmpPreset {
  readonly columns: readonly SnmpColumn[]
  readonly source: string
}

const APC = '1.3.6.1.4.1.318.1.1'
const RARITAN = '1.3.6.1.4.1.13742.6'
const UPS = '1.3.6.1.2.1.33.1'
const SENSOR = '1.3.6.1.2.1.99.1.1.1'

/** Of PDU2-MIB's SensorTypeEnumeration and SensorUnitsEnumeration. */
const ACTIVE_POWER = 5
const ACTIVE_ENERGY = 8
const WATT = 3
const WATT_HOUR = 5
const TRUE = 1

const raritan = (id: string, values: string, settings: string): SnmpColumn[] =>
  (
    [
      { quantity: 'power', unit: 'W', endsWith: ACTIVE_POWER, units: WATT },
      { quantity: 'energy', unit: 'Wh', endsWith: ACTIVE_ENERGY, units: WATT_HOUR },
    ] as const
  ).map(({ quantity, unit, endsWith, units }) => ({
    id,
    quantity,
    unit,
    scale: 1,
    oid: `${RARITAN}.5.${values}.4`,
    endsWith,
    where: [
      { oid: `${RARITAN}.5.${values}.2`, is: [TRUE] }, // ...SensorIsAvailable
      { oid: `${RARITAN}.3.${settings}.6`, is: [units] }, // ...SensorUnits
    ],
    digits: `${RARITAN}.3.${settings}.7`, // ...SensorDecimalDigits
  }))

/** Of ENTITY-SENSOR-MIB's EntitySensorDataType and EntitySensorStatus. */
const OK = 1
const sensor = (type: number, mapping: Omit<Mapping, 'scale'>): SnmpColumn => ({
  ...mapping,
  scale: 1,
  oid: `${SENSOR}.4`,
  where: [
    { oid: `${SENSOR}.1`, is: [type] },
    { oid: `${SENSOR}.5`, is: [OK] },
  ],
  prefix: `${SENSOR}.2`,
  digits: `${SENSOR}.3`,
})

export const SNMP_PRESETS = {
  'apc-rpdu2': {
    source: 'PowerNet-MIB rPDU2DeviceStatusTable and rPDU2OutletMeteredStatusTable',
    columns: [
      // hundredths of a kilowatt; tenths of a kilowatt-hour, which a user may set to 0
      { id: 'device', quantity: 'power', unit: 'kW', scale: 0.01, oid: `${APC}.26.4.3.1.5`, nothing: [-1] },
      { id: 'device', quantity: 'energy', unit: 'kWh', scale: 0.1, oid: `${APC}.26.4.3.1.9`, nothing: [-1] },
      { id: 'outlet', quantity: 'power', unit: 'W', scale: 1, oid: `${APC}.26.9.4.3.1.7`, nothing: [-1] },
      {
        id: 'outlet',
        quantity: 'energy',
        unit: 'kWh',
        scale: 0.1,
        oid: `${APC}.26.9.4.3.1.11`,
        nothing: [-1],
      },
    ],
  },
  'apc-rpdu': {
    source: 'PowerNet-MIB rPDUIdentDevicePowerWatts',
    columns: [{ id: 'device', quantity: 'power', unit: 'W', scale: 1, oid: `${APC}.12.1.16`, nothing: [-1] }],
  },
  'raritan-pdu2': {
    source:
      'PDU2-MIB measurementsInletSensorTable and measurementsOutletSensorTable (Raritan, Legrand, Server Technology PRO4X)',
    columns: [...raritan('inlet', '2.3.1', '3.4.1'), ...raritan('outlet', '4.3.1', '5.4.1')],
  },
  'ups-mib': {
    source: 'RFC 1628',
    columns: [
      { id: 'output', quantity: 'power', unit: 'W', scale: 1, oid: `${UPS}.4.4.1.4`, isSum: true },
      { id: 'input', quantity: 'power', unit: 'W', scale: 1, oid: `${UPS}.3.3.1.5`, isSum: true },
      { id: 'output', quantity: 'ups_load_ratio', unit: 'percent', scale: 1, oid: `${UPS}.4.4.1.5` },
      { id: 'battery', quantity: 'battery_charge_ratio', unit: 'percent', scale: 1, oid: `${UPS}.2.4` },
      { id: 'battery', quantity: 'battery_runtime_seconds', unit: 'min', scale: 1, oid: `${UPS}.2.3` },
      { id: 'battery', quantity: 'temperature_celsius', unit: 'C', scale: 1, oid: `${UPS}.2.7` },
      {
        id: 'ups',
        quantity: 'ups_on_battery',
        unit: 'ratio',
        scale: 1,
        oid: `${UPS}.4.1`, // upsOutputSource: normal 3, bypass 4, battery 5, booster 6, reducer 7
        meaning: { 3: 0, 4: 0, 5: 1, 6: 0, 7: 0 },
      },
    ],
  },
  'entity-sensor': {
    source: 'RFC 3433',
    columns: [
      sensor(6, { id: 'sensor', quantity: 'power', unit: 'W' }),
      sensor(8, { id: 'sensor', quantity: 'temperature_celsius', unit: 'C' }),
      sensor(10, { id: 'sensor', quantity: 'fan_speed_rpm', unit: 'rpm' }),
    ],
  },
} as const satisfies Readonly<Record<string, SnmpPreset>>

export type SnmpPresetName = keyof typeof SNMP_PRESETS
export const SNMP_PRESET_NAMES = Object.keys(SNMP_PRESETS) as readonly SnmpPresetName[]

/** Every column that has to be walked for a preset. */
export const columnsToWalk = ({ columns }: SnmpPreset): readonly string[] =>
  Array.from(
    new Set(
      columns.flatMap(({ oid, where = [], digits, prefix }) => [
        oid,
        ...where.map((one) => one.oid),
        ...(digits === undefined ? [] : [digits]),
        ...(prefix === undefined ? [] : [prefix]),
      ]),
    ),
  )
