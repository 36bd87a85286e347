/** Every sensor of the exporter, measured ones before models. A new sensor is one file and two lines here. */
import type { World } from '../world.ts'
import { about as acpiPowerMeterAbout, acpiPowerMeter } from './acpi-power-meter.ts'
import { about as graceAbout, grace } from './grace.ts'
import { about as hwmonAbout, hwmon, type HwmonInput } from './hwmon.ts'
import { about as httpAbout, http, type HttpPlug } from './http.ts'
import { about as ipmiAbout, ipmi, type IpmiDevice } from './ipmi.ts'
import { about as jetsonAbout, jetson } from './jetson.ts'
import { about as metricsEndpointAbout, metricsEndpoint, type MetricsEndpoint } from './metrics-endpoint.ts'
import { about as modbusAbout, modbus, type ModbusDevice } from './modbus.ts'
import { about as nutAbout, nut, type NutDevice } from './nut.ts'
import { about as nvmlAbout, nvml } from './nvml.ts'
import { about as powerModelAbout, powerModel, type PowerModelOptions } from './power-model.ts'
import { about as raplAbout, rapl } from './rapl.ts'
import { about as redfishAbout, redfish, type RedfishDevice } from './redfish.ts'
import { about as snmpAbout, snmp, type SnmpDevice } from './snmp.ts'
import type { About, Sensor } from './sensor.ts'

/** Devices that are asked over a network or through a program, by what they speak. */
export interface Devices {
  readonly ipmi: readonly IpmiDevice[]
  readonly redfish: readonly RedfishDevice[]
  readonly snmp: readonly SnmpDevice[]
  readonly nut: readonly NutDevice[]
  readonly modbus: readonly ModbusDevice[]
  readonly http: readonly HttpPlug[]
  readonly prometheus: readonly MetricsEndpoint[]
}

export interface SensorSettings {
  /** Empty: nobody asks for them. */
  readonly hwmon: readonly HwmonInput[]
  /** Whether NVIDIA's driver is asked. */
  readonly nvidia: boolean
  /** Kinds that are left out: none of them. */
  readonly devices: Partial<Devices>
  /** Undefined: the model is switched off. */
  readonly powerModel: PowerModelOptions | undefined
}

export function sensors(world: World, settings: SensorSettings): Sensor[] {
  const { devices } = settings
  return [
    // First, so that a meter which somebody has set up is around one that the firmware has.
    ...(devices.ipmi ?? []).map((device) => ipmi(world, device)),
    ...(devices.redfish ?? []).map((device) => redfish(world, device)),
    ...(devices.snmp ?? []).map((device) => snmp(world, device)),
    ...(devices.nut ?? []).map((device) => nut(world, device)),
    ...(devices.modbus ?? []).map((device) => modbus(world, device)),
    ...(devices.http ?? []).map((device) => http(world, device)),
    ...(devices.prometheus ?? []).map((device) => metricsEndpoint(world, device)),
    rapl(world),
    acpiPowerMeter(world),
    grace(world),
    jetson(world),
    ...(settings.nvidia && world.nvml !== undefined ? [nvml(world.nvml)] : []),
    ...(settings.hwmon.length === 0 ? [] : [hwmon(world, settings.hwmon)]),
    ...(settings.powerModel === undefined ? [] : [powerModel(world, settings.powerModel)]),
  ]
}

/** One of each kind. */
export const everyAbout: readonly About[] = [
  raplAbout,
  acpiPowerMeterAbout,
  graceAbout,
  jetsonAbout,
  nvmlAbout,
  hwmonAbout,
  ipmiAbout,
  redfishAbout,
  snmpAbout,
  nutAbout,
  modbusAbout,
  httpAbout,
  metricsEndpointAbout,
  powerModelAbout,
]
