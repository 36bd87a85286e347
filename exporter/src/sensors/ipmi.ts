/** Management controllers by IPMI (https://www.intel.com/content/www/us/en/products/docs/servers/ipmi/ipmi-home.html). */
import { ipmiClient, type IpmiSettings } from '../devices/ipmi.ts'
import type { World } from '../world.ts'
import { PolledSensor, type DeviceSettings } from './polled.ts'
import type { About } from './sensor.ts'

export const about: About = {
  name: 'ipmi',
  measures:
    'Power of a machine as its management controller knows it by IPMI, with its fans and temperatures. It encloses what other sensors measure of the machine.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'integrated',
  reads:
    '`ipmitool dcmi power reading` and `ipmitool -c sdr list full`, local or over the network (lanplus); DCMI is preferred to sensors in watts',
  unit: 'watts of the moment, integrated over polls (10 s unless configured); never wraps',
  needs:
    'the key ipmi in the configuration, the program ipmitool, and /dev/ipmi0 or a user of the controller',
  source: 'https://github.com/ipmitool/ipmitool, DCMI 1.5 section 6.6.1',
}

export type IpmiDevice = DeviceSettings & Omit<IpmiSettings, 'sensorsEvery'>

/** Sensors beside DCMI are asked about once a minute. */
const SENSORS_SECONDS = 60

export const ipmi = ({ clock }: World, device: IpmiDevice): PolledSensor =>
  new PolledSensor(clock, {
    about,
    device,
    settings: JSON.stringify(device),
    client: ipmiClient({ ...device, sensorsEvery: Math.max(1, Math.round(SENSORS_SECONDS / device.period)) }),
  })
