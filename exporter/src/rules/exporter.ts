/** Whether the figures can be trusted: the exporter, its sensors and its books. */
import { alertRule, type RuleGroup } from './rule.ts'

const down = alertRule('WattributeExporterDown', {
  severity: 'critical',
  for: '2m',
  expr: 'up{job=~".*wattribute.*"} == 0',
  summary: 'The exporter on {{ $labels.instance }} is down',
  description:
    'No energy of {{ $labels.instance }} is booked to workloads, budgets or demand blocks: 0 W is not what it draws.',
})

const absent = alertRule('WattributeExporterAbsent', {
  severity: 'critical',
  for: '5m',
  expr: 'absent(up{job=~".*wattribute.*"})',
  summary: 'Prometheus scrapes no exporter',
  description:
    'No scrape job has `wattribute` in its name, or none of them has a target: not a single kWh is booked, and no other alert can fire.',
})

const sensorDown = alertRule('WattributeSensorDown', {
  severity: 'warning',
  for: '5m',
  expr: 'wattribute_sensor_up == 0',
  summary: 'Sensor {{ $labels.sensor }} on {{ $labels.instance }} does not answer',
  description:
    'What it measured is missing in the books or estimated: each kW of it is 1 kWh an hour. `wattribute_sensor_info` and the start page of the exporter say why and what to do.',
})

const sensorStale = alertRule('WattributeSensorStale', {
  severity: 'warning',
  for: '5m',
  expr: 'time() - wattribute_sensor_last_reading_timestamp_seconds > 300',
  summary: 'Sensor {{ $labels.sensor }} on {{ $labels.instance }} gives no readings',
  description:
    'Its newest reading is {{ humanizeDuration $value }} old, and no kWh was booked from it since. It may hang, or its counter stands still.',
})

/** In joules: a single microjoule is an error. */
const conservationError = alertRule('WattributeConservationError', {
  severity: 'critical',
  for: '1m',
  expr: 'wattribute_conservation_error_joules != 0',
  summary: 'The books of {{ $labels.instance }} do not add up',
  description:
    'Readings and page differ by {{ $value }} J ({{ $labels.component }}; 3600000 J are 1 kWh). This is a defect of the exporter.',
})

/** Half an hour: it holds as long as there are more, and then ends once. */
const seriesDropped = alertRule('WattributeSeriesDropped', {
  severity: 'warning',
  expr: 'sum by (cluster, instance, view) (increase(wattribute_series_dropped_total[30m])) > 0',
  summary: 'The limit on series is reached on {{ $labels.instance }}',
  description:
    'The {{ $labels.view }} view has opened no series for about {{ printf "%.0f" $value }} newcomers in 30 min: their kWh are in the series `other`.',
})

const reloadFailed = alertRule('WattributeConfigReloadFailed', {
  severity: 'warning',
  for: '5m',
  expr: 'wattribute_config_last_reload_successful == 0',
  summary: 'The exporter on {{ $labels.instance }} has refused its configuration',
  description:
    'The configuration before it goes on: new limits in kWh or W do not count yet. The log says what is wrong, with its line.',
})

export const exporterAlerts: RuleGroup = {
  name: 'wattribute-exporter',
  rules: [down, absent, sensorDown, sensorStale, conservationError, seriesDropped, reloadFailed],
}
