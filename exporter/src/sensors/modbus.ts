/** Inverters, meters, batteries, chillers and coolant units over Modbus TCP: https://www.modbus.org. */
import { withSupply, type Supply } from '../devices/limited-power.ts'
import { modbusClient, type ModbusSettings } from '../devices/modbus.ts'
import type { World } from '../world.ts'
import { PolledSensor, type DeviceSettings } from './polled.ts'
import type { About } from './sensor.ts'

export const about: About = {
  name: 'modbus',
  measures:
    'Energy or power of solar inverters and meters that speak SunSpec, found by discovery, with the charge of batteries; of chillers, coolant units and meters by a map of their registers.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'counter',
  reads:
    'SunSpec models 101 to 103, 111 to 113 and 701 (`inverter`, `dc`), 201 to 204 and 211 to 214 (`meter`, `export`), 124, 713 and 802 (`battery`); holding and input registers of the configuration',
  unit: 'watt-hours with a power of ten, 32 bits that wrap or 64, counted where the step is fine enough for the period; else watts, integrated (method integrated)',
  needs: 'the key modbus in the configuration, and a device that serves one more connection (TCP 502)',
  source: 'https://github.com/sunspec/models, Modbus Messaging on TCP/IP Implementation Guide 1.0b',
}

export type ModbusDevice = DeviceSettings & ModbusSettings & { readonly supply: Supply }

export const modbus = ({ clock }: World, device: ModbusDevice): PolledSensor =>
  new PolledSensor(clock, {
    about,
    device,
    settings: JSON.stringify(device),
    client: withSupply(modbusClient(device), device.supply),
  })
