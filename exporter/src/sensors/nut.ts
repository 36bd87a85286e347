/** UPSs behind a Network UPS Tools server: https://networkupstools.org. */
import { withSupply, type Supply } from '../devices/limited-power.ts'
import { nutClient, type NutSettings } from '../devices/nut.ts'
import type { World } from '../world.ts'
import { PolledSensor, type DeviceSettings } from './polled.ts'
import type { About } from './sensor.ts'

export const about: About = {
  name: 'nut',
  measures:
    'Power that a UPS gives (figure `output`) and takes (`input`), with its load, the charge of its battery and how long that lasts.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'integrated',
  reads:
    'ups.realpower, else ups.load × ups.realpower.nominal (method estimated); input.realpower; battery.charge, battery.runtime, ups.load, ups.status',
  unit: 'watts of the moment, integrated over polls (10 s unless configured); never wraps',
  needs: 'the key nut in the configuration, and an upsd that listens to this machine (TCP 3493)',
  source: 'https://networkupstools.org/docs/developer-guide.chunked/net-protocol.html',
}

export type NutDevice = DeviceSettings & NutSettings & { readonly supply: Supply }

export const nut = ({ clock }: World, device: NutDevice): PolledSensor =>
  new PolledSensor(clock, {
    about,
    device,
    settings: JSON.stringify(device),
    client: withSupply(nutClient(device), device.supply),
  })
