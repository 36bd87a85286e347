/**
 * Reading registers over Modbus TCP: a header of seven bytes and one function, in a conversation of one question at a
 * time. https://www.modbus.org/file/secure/messagingimplementationguide.pdf, .../modbusprotocolspecification.pdf
 */
import { Connection } from './connection.ts'
import { DeviceError } from './device.ts'

export interface ModbusPeer {
  readonly host: string
  readonly port: number
}

/** Function 3 and function 4. */
export type RegisterKind = 'holding' | 'input'
const FUNCTION_CODES: Readonly<Record<RegisterKind, number>> = { holding: 3, input: 4 }

/** Of one question, by the specification. */
export const MOST_REGISTERS = 125

const ADVICE =
  'check host, port and network; many devices serve one or two connections only: end those of other programs'

export class ModbusConnection {
  readonly #connection: Connection
  readonly #peer: ModbusPeer
  #transaction = 0

  private constructor(connection: Connection, peer: ModbusPeer) {
    this.#connection = connection
    this.#peer = peer
  }

  /** @throws DeviceError */
  static async open(peer: ModbusPeer, signal: AbortSignal): Promise<ModbusConnection> {
    return new ModbusConnection(await Connection.open({ ...peer, advice: ADVICE }, signal), peer)
  }

  close(): void {
    this.#connection.close()
  }

  /**
   * @param address as on the wire, from 0: register 40001 of a manual is holding register 0
   * @param count up to MOST_REGISTERS
   * @returns two bytes for each register; undefined where the device says that there is none
   * @throws DeviceError
   */
  async read(unit: number, kind: RegisterKind, address: number, count: number): Promise<Buffer | undefined> {
    const code = FUNCTION_CODES[kind]
    this.#transaction = (this.#transaction + 1) % 0x10000
    const question = Buffer.alloc(12)
    question.writeUInt16BE(this.#transaction, 0)
    question.writeUInt16BE(6, 4)
    question.writeUInt8(unit, 6)
    question.writeUInt8(code, 7)
    question.writeUInt16BE(address, 8)
    question.writeUInt16BE(count, 10)
    this.#connection.write(question)
    const answer = await this.#answer(unit)
    const where = `${kind} register ${address} of unit ${unit}`
    const [answeredCode = 0, second = 0] = answer
    if (answeredCode === code + 0x80) {
      if (second === ILLEGAL_ADDRESS) return undefined
      throw this.#failure(`refuses ${where}: ${EXCEPTIONS[second] ?? `exception ${second}`}`)
    }
    if (answeredCode !== code || second !== 2 * count || answer.length !== 2 + 2 * count)
      throw this.#failure(`sent an answer that is none to the question for ${where}`)
    return answer.subarray(2)
  }

  /** @returns what follows the header; late answers to other questions are passed over, up to the size of an answer */
  async #answer(unit: number): Promise<Buffer> {
    for (;;) {
      const header = await this.#connection.bytes(7)
      const length = header.readUInt16BE(4)
      if (header.readUInt16BE(2) !== 0 || length < 3 || length > 254)
        throw this.#failure('does not speak Modbus TCP')
      const answer = await this.#connection.bytes(length - 1)
      if (header.readUInt16BE(0) === this.#transaction && header.readUInt8(6) === unit) return answer
    }
  }

  #failure(why: string): DeviceError {
    const { host, port } = this.#peer
    return new DeviceError(`${host}:${port} ${why}`, UNIT_ADVICE)
  }
}

const UNIT_ADVICE =
  'check the unit (1 to 247; gateways have one for each device behind them), the kind of register and its address in the manual'

const ILLEGAL_ADDRESS = 2
const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'it does not know this function',
  3: 'it does not accept this number of registers',
  4: 'it has a failure',
  6: 'it is busy',
  10: 'its gateway has no path to that unit',
  11: 'that unit does not answer its gateway',
}
