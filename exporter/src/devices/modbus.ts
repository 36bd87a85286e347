/** Devices that speak Modbus TCP: SunSpec inverters and meters by discovery, others by a map of their registers. */
import { DeviceError, type DeviceAnswer, type DeviceClient } from './device.ts'
import { ModbusConnection, type ModbusPeer, type RegisterKind } from './modbus-tcp.ts'
import { Figures, type Mapping } from './quantity.ts'
import { numberIn, registersOf, type RegisterType, type WordOrder } from './registers.ts'
import { discover, readModels, type FoundModel } from './sunspec.ts'

export interface RegisterMapping extends Mapping {
  readonly kind: RegisterKind
  /** As on the wire, from 0. */
  readonly address: number
  readonly type: RegisterType
  readonly wordOrder: WordOrder
}

export interface ModbusSettings extends ModbusPeer {
  /** 1 to 247; 255 or 0 for a device that is no gateway. */
  readonly unit: number
  readonly sunspec: boolean
  readonly registers: readonly RegisterMapping[]
}

export function modbusClient(settings: ModbusSettings): DeviceClient {
  /** Remembered, because discovery asks as many questions as the device has models. */
  let models: readonly FoundModel[] | undefined
  return {
    async ask(signal) {
      const connection = await ModbusConnection.open(settings, signal)
      try {
        const mapped = await readRegisters(connection, settings)
        if (!settings.sunspec) return mapped
        models ??= await findModels(connection, settings)
        const spoken = await readModels(connection, settings.unit, models)
        if (spoken === undefined) {
          models = undefined
          throw moved(settings)
        }
        return {
          ...mapped,
          meters: [...spoken.meters, ...mapped.meters],
          gauges: [...spoken.gauges, ...mapped.gauges],
        }
      } finally {
        connection.close()
      }
    },
  }
}

async function findModels(
  connection: ModbusConnection,
  settings: ModbusSettings,
): Promise<readonly FoundModel[]> {
  const found = await discover(connection, settings.unit)
  const { host, port, unit } = settings
  if (found === undefined)
    throw new DeviceError(
      `${host}:${port} unit ${unit} does not speak SunSpec`,
      'switch SunSpec on in the device where it has such a setting, try another `unit` (1, 126 and 240 are usual), or set `sunspec: false` and name `registers`',
    )
  if (found.length === 0)
    throw new DeviceError(
      `${host}:${port} unit ${unit} has no SunSpec model of an inverter, meter or battery`,
      'try another `unit`: meters often have one of their own, such as 240',
    )
  return found
}

const moved = ({ host, port }: ModbusSettings): DeviceError =>
  new DeviceError(
    `${host}:${port} has other SunSpec models than before`,
    'they are looked for again; it was updated or restarted',
  )

async function readRegisters(
  connection: ModbusConnection,
  { unit, registers }: ModbusSettings,
): Promise<DeviceAnswer> {
  const figures = new Figures()
  const complaints: { why: string; advice: string }[] = []
  for (const register of registers) {
    const { kind, address, type, wordOrder } = register
    const bytes = await connection.read(unit, kind, address, registersOf(type))
    if (bytes === undefined)
      complaints.push({
        why: `unit ${unit} has no ${kind} register ${address} for \`${register.id}\``,
        advice:
          'addresses count from 0: register 40001 of a manual is holding register 0, 30001 input register 0',
      })
    else figures.add(register, numberIn(bytes, type, wordOrder))
  }
  return { ...figures.answer, complaints }
}
