/**
 * Limited power: what lives on a battery, and what a facility takes for itself. A device that tells its input from its
 * battery (`ups_on_battery`) stands at a grid; elsewhere living on the battery is what it is for, and only a reserve counts.
 */
import { alertRule, answerTo, VALUE, type RuleGroup } from './rule.ts'

/** An exporter that restarts is missing for some scrapes; the battery goes on. */
const newest = (metric: string): string => `last_over_time(wattribute_${metric}[4m])`

const THING = 'cluster, instance, sensor'
const WHERE = '{{ $labels.sensor }} on {{ $labels.instance }}'

const chargeInPercent = answerTo(
  '100 * min(last_over_time(wattribute_battery_charge_ratio{cluster=%q,instance=%q,sensor=%q}[4m]))',
  '$labels.cluster',
  '$labels.instance',
  '$labels.sensor',
)

const onBattery = alertRule('WattributeOnBattery', {
  severity: 'critical',
  for: '1m',
  expr: `${newest('ups_on_battery')} == 1`,
  summary: `The power at ${WHERE} has failed`,
  description: `Its load lives on the battery, whose charge is ${chargeInPercent} %. Each W that is paused makes it last longer.`,
})

/** A fifth of the charge, or ten minutes at the present load. */
const batteryLow = alertRule('WattributeBatteryLow', {
  severity: 'critical',
  expr: `(
  ${newest('battery_charge_ratio')} < 0.2
  or
  ${newest('battery_runtime_seconds')} < 600
)
and on (${THING})
${newest('ups_on_battery')} == 1`,
  summary: `The battery of ${WHERE} is nearly empty`,
  description: `Its charge is ${chargeInPercent} % and the power is still away. Save checkpoints and shut down: at 0 W nothing is saved.`,
})

/** Longer than a day-night cycle may pass between two sunny hours; so much is kept for what must not stop. */
const reserveFloor = alertRule('WattributeReserveFloor', {
  severity: 'critical',
  for: '5m',
  expr: `${newest('battery_charge_ratio')} < 0.3
unless on (${THING})
${newest('ups_on_battery')}`,
  summary: `The battery of ${WHERE} is below the reserve of this site`,
  description: `Its charge is ${chargeInPercent} %, and 30 % are kept for what must not stop. Each W of work that can wait takes from that.`,
})

const increaseOfDay = (metric: string): string =>
  `sum by (cluster, zone) (increase(wattribute_${metric}[1d]))`

/** Over a whole day, since cooling follows the weather; so not before there is one. */
const pueHigh = alertRule('WattributePueHigh', {
  severity: 'warning',
  for: '1h',
  expr: `${increaseOfDay('facility_total_energy_joules_total')}
/
${increaseOfDay('facility_energy_joules_total{role=~"it|network"}')}
> 1.6
and on (cluster, zone)
last_over_time(wattribute_facility_total_energy_joules_total[10m])
and on (cluster, zone)
last_over_time(wattribute_facility_total_energy_joules_total[10m] offset 23h)`,
  summary: 'Zone {{ $labels.zone }} takes much energy beside its machines',
  description: `For each kWh of its machines it has drawn ${VALUE} kWh in the last 24 h (interim PUE, ISO/IEC 30134-2).`,
})

export const powerAlerts: RuleGroup = { name: 'wattribute-power', rules: [onBattery, batteryLow, pueHigh] }

/** Off by default: at a grid, a battery that is emptied each evening is no fault. */
export const offGridAlerts: RuleGroup = { name: 'wattribute-off-grid', rules: [reserveFloor] }
