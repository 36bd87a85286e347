/** Services that speak Redfish (https://www.dmtf.org/standards/redfish): BMCs, rack PDUs, coolant distribution units. */
import { redfishClient, type RedfishSettings } from '../devices/redfish/client.ts'
import { tlsOf } from '../devices/http.ts'
import type { World } from '../world.ts'
import { PolledSensor, type DeviceSettings } from './polled.ts'
import type { About } from './sensor.ts'

export const about: About = {
  name: 'redfish',
  measures:
    'Energy or power of a machine, a rack or a cooling unit by Redfish, with fans, temperatures and the heat that coolant carries. As a meter of a machine it encloses what other sensors measure of it.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'counter',
  reads:
    'of each chassis EnvironmentMetrics, else Power, else the inputs of PowerSubsystem, else a sensor in watts; Metrics and Outlets of PowerEquipment; EnvironmentMetrics, pumps and coolant connectors of ThermalEquipment; ThermalSubsystem or Thermal',
  unit: 'EnergyJoules or EnergykWh, counted where the step is fine enough for the period, 64 bits, may begin anew; else watts, integrated (method integrated)',
  needs:
    'the key redfish in the configuration, and a user that may log in and read, where the service asks for one',
  source: 'https://redfish.dmtf.org/schemas, DSP0266, DSP2046',
}

export type RedfishDevice = DeviceSettings & Omit<RedfishSettings, 'wanted' | 'gaugesEvery' | 'gaugesSeconds'>

/** Fans and temperatures are asked about twice a minute. */
const GAUGES_SECONDS = 30

export function redfish({ clock }: World, device: RedfishDevice): PolledSensor {
  const wanted = device.meters.flatMap(({ figures, minus }) => [
    ...(figures.length === 0 ? [''] : figures),
    ...minus,
  ])
  return new PolledSensor(clock, {
    about,
    device,
    settings: JSON.stringify(device),
    tls: tlsOf(device),
    client: redfishClient({
      ...device,
      wanted: Array.from(new Set(wanted)),
      gaugesEvery: Math.max(1, Math.round(GAUGES_SECONDS / device.period)),
      gaugesSeconds: device.timeout / 3,
    }),
  })
}
