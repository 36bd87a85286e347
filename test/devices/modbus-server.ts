/** A real Modbus TCP server, compiled from modbus-server.c against libmodbus, with the registers of a test. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort, temporaryFolder } from './started.ts'

/** Register values by address. */
export type Registers = ReadonlyMap<number, number>

export class ModbusServer {
  readonly folder = temporaryFolder()
  port = 0
  #child: ChildProcess | undefined
  #lines: Interface | undefined

  async start(): Promise<void> {
    const program = join(this.folder.path, 'modbus-server')
    const source = fileURLToPath(new URL('./modbus-server.c', import.meta.url))
    const { status, stderr } = spawnSync('cc', ['-O1', '-o', program, source, '-lmodbus'], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(stderr)
    this.port = await freePort()
    const child = spawn(program, [String(this.port)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    this.#lines = createInterface({ input: child.stdout })
    await once(this.#lines, 'line')
  }

  /** Nothing else is there afterwards. */
  async hold(holding: Registers, input: Registers = new Map()): Promise<void> {
    const lines = (table: string, registers: Registers): string[] =>
      Array.from(registers, ([address, value]) => `${table} ${address} ${value & 0xffff}`)
    const said = once(this.#lines as Interface, 'line')
    this.#child?.stdin?.write(['clear', ...lines('h', holding), ...lines('i', input), 'done', ''].join('\n'))
    await said
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child !== undefined) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    this.folder.remove()
  }
}

/** Several registers behind each other. */
export const at = (address: number, ...values: readonly number[]): Registers =>
  new Map(values.map((value, index) => [address + index, value]))

export const together = (...parts: readonly Registers[]): Registers =>
  new Map(parts.flatMap((part) => Array.from(part)))

/** The two registers of a number with 32 bits. */
export const long = (value: number): readonly [number, number] => [(value >>> 16) & 0xffff, value & 0xffff]

export function float(value: number): readonly [number, number] {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)]
}

export interface Model {
  readonly id: number
  /** Without its first two registers. */
  readonly length: number
  /** By offset from the start of the model, its first two registers included. */
  readonly points: Readonly<Record<number, readonly number[]>>
}

const NOT_IMPLEMENTED = 0x8000

/** A SunSpec device: the mark, model 1, and the given ones. */
export function sunSpec(base: number, ...models: readonly Model[]): Registers {
  const all: Model[] = [{ id: 1, length: 66, points: {} }, ...models]
  const registers: number[] = [0x5375, 0x6e53]
  for (const { id, length, points } of all) {
    const block = [id, length, ...Array.from({ length }, () => NOT_IMPLEMENTED)]
    for (const [offset, values] of Object.entries(points))
      block.splice(Number(offset), values.length, ...values)
    registers.push(...block)
  }
  return at(base, ...registers, 0xffff, 0)
}
