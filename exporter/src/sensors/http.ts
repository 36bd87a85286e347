/** Smart plugs and meters that answer in JSON over HTTP. */
import { httpJsonClient, type HttpJsonSettings } from '../devices/http-json.ts'
import { tlsOf } from '../devices/http.ts'
import { withSupply, type Supply } from '../devices/limited-power.ts'
import type { World } from '../world.ts'
import { PolledSensor, type DeviceSettings } from './polled.ts'
import type { About } from './sensor.ts'

export const about: About = {
  name: 'http',
  measures: 'Energy or power of smart plugs and meters, and of whatever answers in JSON.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'counter',
  reads:
    'Shelly Gen2 and later: Shelly.GetStatus (`switch-0`, `pm1-0`, `em-0`, `em1-0`); Tasmota: Status 10, else Status 8 (`total`, `channel-1`); others: numbers at paths of the configuration',
  unit: 'Shelly watt-hours, Tasmota thousandths of a kilowatt-hour, counted where the step is fine enough for the period, may begin anew; else watts, integrated (method integrated)',
  needs:
    'the key http in the configuration; digest, basic or bearer authentication where the device asks for it',
  source: 'https://shelly-api-docs.shelly.cloud/gen2, https://tasmota.github.io/docs/Commands',
}

export type HttpPlug = DeviceSettings & HttpJsonSettings & { readonly supply: Supply }

export const http = ({ clock }: World, device: HttpPlug): PolledSensor =>
  new PolledSensor(clock, {
    about,
    device,
    settings: JSON.stringify(device),
    tls: tlsOf(device),
    client: withSupply(httpJsonClient(device), device.supply),
  })
