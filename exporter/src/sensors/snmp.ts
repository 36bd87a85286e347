/** PDUs, UPSs and whatever else speaks SNMP: https://www.rfc-editor.org/rfc/rfc3411. */
import { withSupply, type Supply } from '../devices/limited-power.ts'
import { snmpClient, type SnmpSettings } from '../devices/snmp.ts'
import type { World } from '../world.ts'
import { PolledSensor, type DeviceSettings } from './polled.ts'
import type { About } from './sensor.ts'

export const about: About = {
  name: 'snmp',
  measures:
    'Energy or power of rack PDUs and their outlets, of UPSs with their battery, and of whatever has a number in watts at an OID.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'counter',
  reads:
    'by presets: PowerNet-MIB rPDU2 and rPDU (APC), PDU2-MIB (Raritan, Legrand, Server Technology), UPS-MIB (RFC 1628), ENTITY-SENSOR-MIB (RFC 3433); OIDs of the configuration',
  unit: 'as the device has it: PDUs count energy in 1 or 100 Wh, counted where that is fine enough for the period, may begin anew; else watts, integrated (method integrated)',
  needs:
    'the key snmp in the configuration; version 2c with a community that may read, or version 3 with authentication and privacy',
  source: 'RFC 3416, RFC 3414; the MIBs of the vendors',
}

export type SnmpDevice = DeviceSettings & SnmpSettings & { readonly supply: Supply }

export const snmp = ({ clock }: World, device: SnmpDevice): PolledSensor =>
  new PolledSensor(clock, {
    about,
    device,
    settings: JSON.stringify(device),
    client: withSupply(snmpClient(device), device.supply),
  })
