/** A management controller: ipmi_sim of OpenIPMI with sensors, users and DCMI, at a port of this machine. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const IPMI_USER = 'admin'
/** At most 16 bytes. What must not show anywhere. */
export const IPMI_SECRET = 'gr4phite-canary'

interface SimulatedSensor {
  readonly name: string
  /** Of the IPMI specification, table 42-3. */
  readonly type: number
  /** Table 43-15: 1 °C, 6 W, 18 RPM. */
  readonly unit: number
  /** Of the raw figure of one byte. */
  readonly factor: number
  readonly raw: number
}

const SENSORS: readonly SimulatedSensor[] = [
  { name: 'PS1 Input', type: 0x08, unit: 6, factor: 4, raw: 95 },
  { name: 'Pwr Consumption', type: 0x0b, unit: 6, factor: 4, raw: 185 },
  { name: 'Inlet Temp', type: 0x01, unit: 1, factor: 1, raw: 24 },
  { name: 'Fan1 RPM', type: 0x04, unit: 18, factor: 60, raw: 120 },
]

export class SimulatedController {
  readonly port: number
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(port: number, folder: string, process: ChildProcess) {
    this.port = port
    this.#folder = folder
    this.#process = process
  }

  /** @param folder its own; is made anew */
  static async start(folder: string): Promise<SimulatedController> {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(join(folder, 'state'), { recursive: true })
    const library = join(folder, 'dcmi.so')
    execFileSync('cc', [
      '-shared',
      '-fPIC',
      '-o',
      library,
      fileURLToPath(new URL('./dcmi.c', import.meta.url)),
    ])
    const port = await freePort()
    writeFileSync(join(folder, 'watts'), '742\n')
    writeFileSync(join(folder, 'lan.conf'), lanConfig(folder, library, port))
    writeFileSync(join(folder, 'bmc.emu'), emulation(folder))
    const words = [
      '-c',
      join(folder, 'lan.conf'),
      '-f',
      join(folder, 'bmc.emu'),
      '-s',
      join(folder, 'state'),
      '-n',
    ]
    const process = spawn('ipmi_sim', words, { stdio: 'ignore' })
    return new SimulatedController(port, folder, process)
  }

  /** What DCMI says; undefined: the controller knows no DCMI. */
  draw(watts: number | undefined): void {
    if (watts === undefined) rmSync(join(this.#folder, 'watts'), { force: true })
    else writeFileSync(join(this.#folder, 'watts'), `${watts}\n`)
  }

  /** It keeps its port and answers no more, until `resume`. */
  pause(): void {
    this.#process.kill('SIGSTOP')
  }

  resume(): void {
    this.#process.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGKILL')
    await ended
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return port
}

const lanConfig = (folder: string, library: string, port: number): string => `name "bmc"
loadlib "${library}" "${join(folder, 'watts')}"
set_working_mc 0x20
startlan 1
addr 127.0.0.1 ${port}
priv_limit admin
allowed_auths_callback none md2 md5 straight
allowed_auths_user none md2 md5 straight
allowed_auths_operator none md2 md5 straight
allowed_auths_admin none md2 md5 straight
guid a123456789abcdefa123456789abcdef
endlan
user 2 true "${IPMI_USER}" "${IPMI_SECRET}" admin 10 none md2 md5 straight
`

function emulation(folder: string): string {
  const lines = ['mc_setbmc 0x20', 'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr']
  SENSORS.forEach((sensor, index) => {
    const number = index + 1
    const file = join(folder, `sensor-${number}`)
    writeFileSync(file, String(sensor.raw))
    const noEvents = Array(4).fill('0'.repeat(15)).join(' ') // without this line a sensor reads as disabled
    lines.push(
      `sensor_add 0x20 0 ${number} ${sensor.type} 0x01 poll 500 file "${file}"`,
      `main_sdr_add 0x20 ${recordOf(sensor, number).join(' ')}`,
      `sensor_set_event_support 0x20 0 ${number} enable scanning per-state ${noEvents}`,
    )
  })
  return `${[...lines, 'mc_enable 0x20'].join('\n')}\n`
}

/** A full sensor record: IPMI 2.0, table 43-1. */
function recordOf({ name, type, unit, factor }: SimulatedSensor, number: number): number[] {
  const key = [0x20, 0, number]
  const entity = [7, number, 0x7f, 0x68, type, 1]
  const masks = Array<number>(6).fill(0)
  const units = [0, unit, 0]
  const conversion = [0, factor, 0, 0, 0, 0, 0]
  const limits = [0, 0, 255, 0, 255, 0, ...Array<number>(8).fill(0), 0, 0, 0]
  const text = [0xc0 | name.length, ...Buffer.from(name)]
  const body = [...key, ...entity, ...masks, ...units, ...conversion, ...limits, ...text]
  return [0, 0, 0x51, 1, body.length, ...body]
}
