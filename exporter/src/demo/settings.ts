/** The configuration of the simulated machine: what an operator of such a machine would write. */
import { EMBEDDING_CONTAINER, SERVERS } from './scenario.ts'
import type { Surroundings } from './pages.ts'

const ROLES = ['total', 'it', 'cooling', 'power', 'solar']

/**
 * @param proxyPort where the chat's counting proxy listens; undefined: there is none
 * @returns the text of a configuration file
 */
export function simulatedSettings(
  { roomUrl, serverUrls }: Surroundings,
  proxyPort: number | undefined,
): string {
  const named = ['llama-chat', 'code-assistant', 'jupyter', 'postgresql', 'nginx']
  const servers = SERVERS.map(
    ({ workload, style }) => `
    - url: ${serverUrls.get(workload)}
      preset: ${style}
      workload: ${workload}`,
  )
  return `# Simulated: this machine does not exist.
tick_seconds: 1
birth_hold_seconds: 2
node: simulated-node
zone: simulated-room
workloads:${named
    .map(
      (unit) => `
  - match:
      unit: ${unit}.service
    workload: ${unit}`,
    )
    .join('')}
  - match:
      cgroup: '*/docker-${EMBEDDING_CONTAINER}.scope'
    workload: embed-documents
queries:
  discovery: false
  period_seconds: 2
  servers:${servers.join('')}
prometheus:
  - name: room
    url: ${roomUrl}/metrics
    period_seconds: 2
    meters:${ROLES.map(
      (role) => `
      - name: simulated-${role}
        figures: [${role}]
        covers: zone
        role: ${role}`,
    ).join('')}
    series:${ROLES.map(
      (role) => `
      - name: ${role}
        metric: room_energy_joules_total
        labels:
          meter: ${role}
        unit: J`,
    ).join('')}
      - {name: battery, metric: room_battery_charge_percent, unit: percent, quantity: battery_charge_ratio}
      - {name: battery, metric: room_battery_runtime_seconds, unit: s, quantity: battery_runtime_seconds}
      - {name: ups, metric: room_ups_load_percent, unit: percent, quantity: ups_load_ratio}
      - {name: ups, metric: room_ups_on_battery, unit: ratio, quantity: ups_on_battery}
      - {name: supply air, metric: room_supply_air_celsius, unit: C, quantity: temperature_celsius}
      - {name: coolant, metric: room_heat_removed_watts, unit: W, quantity: heat_removed_watts}
      - {name: pump 1, metric: room_pump_rpm, unit: rpm, quantity: pump_speed_rpm}
      - {name: fan 1, metric: room_fan_rpm, unit: rpm, quantity: fan_speed_rpm}
${proxyPort === undefined ? '' : proxySettings(proxyPort, serverUrls)}budgets:
  - name: simulated-node-month
    period: month
    limit_kwh: 3000
  - name: simulated-chat-day
    period: day
    limit_kwh: 15
    match:
      workload: llama-chat
demand:
  - meter: node
    block_minutes: 15
    limit_watts: 6000
`
}

const proxySettings = (port: number, serverUrls: ReadonlyMap<string, string>): string => `proxies:
  - listen: 127.0.0.1:${port}
    target: ${serverUrls.get('llama-chat')}
    workload: llama-chat
`
