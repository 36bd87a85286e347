/** The client of Network UPS Tools, against its real server with a UPS of its dummy driver, and against rude ones. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { DeviceAnswer } from '../../exporter/src/devices/device.ts'
import { askNut, type NutSettings } from '../../exporter/src/devices/nut.ts'
import { nutAnswer } from '../../exporter/src/devices/nut-figures.ts'
import { requireProgram } from '../programs.ts'
import {
  eventually,
  failureOf,
  flood,
  freePort,
  listens,
  NOBODY,
  patient,
  RudeServer,
  secretIn,
  start,
  temporaryFolder,
  type Started,
} from './started.ts'

jest.setTimeout(60_000)

/** `/sbin/upsd` of Debian only starts when a file of the system says so. */
const UPSD = '/lib/nut/upsd'
const DUMMY = '/lib/nut/dummy-ups'

const RACK = {
  'ups.realpower': '1290',
  'input.realpower': '1395.5',
  'ups.load': '43',
  'battery.charge': '87',
  'battery.runtime': '2160',
  'battery.temperature': '25.5',
  'ups.status': 'OL CHRG',
  'ups.model': 'Rack \\"1\\"',
}

class NutServer {
  readonly folder = temporaryFolder()
  port = 0
  #upsd: Started | undefined
  #drivers = new Map<string, Started>()

  #environment(): NodeJS.ProcessEnv {
    const { path } = this.folder
    return { NUT_CONFPATH: path, NUT_STATEPATH: path, NUT_ALTPIDPATH: path, NUT_PIDPATH: path }
  }

  async start(names: readonly string[]): Promise<void> {
    const { path } = this.folder
    this.port = await freePort()
    const write = (file: string, text: string): void => writeFileSync(join(path, file), text, { mode: 0o600 })
    write(
      'ups.conf',
      names.map((name) => `[${name}]\ndriver = dummy-ups\nport = ${name}.dev\nmode = dummy-once\n`).join(''),
    )
    write('upsd.conf', `LISTEN 127.0.0.1 ${this.port}\nSTATEPATH ${path}\nMAXAGE 2\n`)
    write('upsd.users', '[monitor]\npassword = right\nactions = SET\ninstcmds = ALL\n')
    write('nut.conf', 'MODE=netserver\n')
    for (const name of names) {
      this.define(name, RACK)
      this.drive(name)
    }
    const upsd = start(UPSD, ['-u', 'root', '-F'], this.#environment())
    this.#upsd = upsd
    await eventually(() => listens(this.port), upsd)
  }

  define(name: string, variables: Readonly<Record<string, string>>): void {
    const lines = Object.entries(variables).map(([key, value]) => `${key}: ${value}\n`)
    writeFileSync(join(this.folder.path, `${name}.dev`), lines.join(''))
  }

  drive(name: string): void {
    this.#drivers.set(name, start(DUMMY, ['-a', name, '-u', 'root', '-FF'], this.#environment()))
  }

  async stopDriver(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#drivers.get(name)?.stop(signal)
  }

  freezeDriver(name: string): void {
    this.#drivers.get(name)?.child.kill('SIGSTOP')
  }

  async stop(): Promise<void> {
    for (const driver of this.#drivers.values()) await driver.stop('SIGKILL')
    await this.#upsd?.stop('SIGKILL')
    this.folder.remove()
  }
}

requireProgram(UPSD, 'a UPS of a real Network UPS Tools server', () => {
  const server = new NutServer()
  const settings = (ups: string): NutSettings => ({
    host: '127.0.0.1',
    port: server.port,
    ups,
    credentials: NOBODY,
  })

  beforeAll(() => server.start(['rack', 'dying', 'hanging']))
  afterAll(() => server.stop())

  /** A driver that has just been started says one thing after the other. */
  const askRunning = (ups: string, more: Partial<NutSettings> = {}): Promise<DeviceAnswer> =>
    eventually(async () => {
      const answer = await askNut({ ...settings(ups), ...more }, patient())
      if (answer.meters.length < 2) throw new Error('it has not said all')
      return answer
    })

  test('says what it gives, takes, and has left', async () => {
    const answer = await askRunning('rack')
    expect(answer).toEqual({
      meters: [
        { id: 'output', watts: 1290 },
        { id: 'input', watts: 1395.5 },
      ],
      gauges: [
        { id: 'battery', quantity: 'battery_charge_ratio', value: 0.87 },
        { id: 'battery', quantity: 'battery_runtime_seconds', value: 2160 },
        { id: 'ups', quantity: 'ups_load_ratio', value: 0.43 },
        { id: 'battery', quantity: 'temperature_celsius', value: 25.5 },
        { id: 'ups', quantity: 'ups_on_battery', value: 0 },
      ],
      complaints: [],
    })
  })

  test('takes a login, which the server only checks for what changes something', async () => {
    const credentials = secretIn(server.folder.path, 'ri"g\\ht', 'monitor')
    const answer = await askRunning('rack', { credentials })
    expect(answer.meters[0]).toEqual({ id: 'output', watts: 1290 })
  })

  test('an unknown name is told', async () => {
    expect(await failureOf(askNut(settings('attic'), patient()))).toEqual({
      why: 'attic: the server knows no UPS of that name (UNKNOWN-UPS)',
      advice: 'list the names with "upsc -l"',
    })
  })

  test('a driver that hangs makes stale data, which are not believed', async () => {
    await askRunning('hanging')
    server.freezeDriver('hanging')
    const failure = await eventually(() => failureOf(askNut(settings('hanging'), patient())))
    expect(failure.why).toBe('hanging: its driver gets no answer from the UPS (DATA-STALE)')
  })

  test('a driver that died is told, and back when it is back', async () => {
    await askRunning('dying')
    await server.stopDriver('dying', 'SIGKILL')
    const failure = await eventually(() => failureOf(askNut(settings('dying'), patient())))
    expect(failure.why).toBe('dying: its driver does not run (DRIVER-NOT-CONNECTED)')
    server.define('dying', { ...RACK, 'ups.realpower': '400', 'ups.status': 'OB LB' })
    server.drive('dying')
    const answer = await askRunning('dying')
    expect(answer.meters[0]).toEqual({ id: 'output', watts: 400 })
    expect(answer.gauges).toContainEqual({ id: 'ups', quantity: 'ups_on_battery', value: 1 })
    expect(answer.complaints).toEqual([
      {
        why: 'the UPS says that its battery is low (LB)',
        advice: 'look at the UPS; "upsc" shows all that it says',
      },
    ])
  })
})

describe('what variables mean', () => {
  const answerTo = (variables: Readonly<Record<string, string>>): ReturnType<typeof nutAnswer> =>
    nutAnswer(new Map(Object.entries(variables)))

  test('without real power, load × nominal power is an estimate', () => {
    expect(answerTo({ 'ups.load': '35.0', 'ups.realpower.nominal': '900' }).meters).toEqual([
      { id: 'output', watts: 315, isEstimated: true, source: 'ups.load × nominal power' },
    ])
  })

  test('without a nominal power there is no meter, and the load is shown', () => {
    expect(answerTo({ 'ups.load': '35' })).toEqual({
      meters: [],
      gauges: [{ id: 'ups', quantity: 'ups_load_ratio', value: 0.35 }],
      complaints: [],
    })
  })

  test.each(['', 'NaN', '-5', '1e9', '12,5', 'Infinity'])('a power of "%s" is none', (value) => {
    expect(answerTo({ 'ups.realpower': value }).meters).toEqual([])
  })

  test('a status that says neither of the two leaves open where power comes from', () => {
    expect(answerTo({ 'ups.status': 'OFF' }).gauges).toEqual([])
  })
})

describe('a server that is none', () => {
  const folder = temporaryFolder()
  afterAll(() => folder.remove())

  const asked = async (
    greet: Parameters<typeof RudeServer.open>[0],
    signal: AbortSignal = patient(),
  ): Promise<{ why: string; open: number }> => {
    const server = await RudeServer.open(greet)
    try {
      const credentials = secretIn(folder.path, 'planted-secret', 'monitor')
      const failure = await failureOf(
        askNut({ host: '127.0.0.1', port: server.port, ups: 'rack', credentials }, signal),
      )
      expect(JSON.stringify(failure)).not.toContain('planted-secret')
      await eventually(async () => {
        if (server.open > 0) throw new Error('still connected')
      })
      return { why: failure.why.replace(String(server.port), 'PORT'), open: server.open }
    } finally {
      await server.close()
    }
  }
  const answering = (text: string) => (socket: Socket) => socket.on('data', () => socket.write(text))

  test('that hangs is left when the time is over', async () => {
    const abort = new AbortController()
    const greet = (socket: Socket): void => {
      socket.on('data', () => abort.abort())
    }
    expect((await asked(greet, abort.signal)).why).toBe('127.0.0.1:PORT did not answer in time')
  })

  test('that hangs up is told', async () => {
    expect((await asked((socket) => socket.end())).why).toBe('127.0.0.1:PORT hung up')
  })

  test('that repeats the password is not quoted', async () => {
    const { why } = await asked((socket) =>
      socket.on('data', (data: Buffer) => socket.write(`ERR ${String(data)}`)),
    )
    expect(why).toBe('127.0.0.1:PORT does not answer as a Network UPS Tools server does')
  })

  test('that sends 50 MB without an end is cut off', async () => {
    const { why } = await asked((socket) => flood(socket, 50 << 20))
    expect(why).toBe('127.0.0.1:PORT sent a line of more than 4096 bytes')
  })

  test('that sends 50 MB in lines is cut off', async () => {
    const lines = Buffer.from('OK\n'.repeat(21_000))
    const { why } = await asked((socket) => flood(socket, 50 << 20, lines))
    expect(why).toBe('127.0.0.1:PORT does not answer as a Network UPS Tools server does')
  })

  test('that lists for ever is cut off', async () => {
    const lines = Buffer.from(`OK\nOK\nBEGIN LIST VAR rack\n${'VAR rack a.b "1"\n'.repeat(3000)}`)
    const { why } = await asked((socket) => flood(socket, 1 << 20, lines))
    expect(why).toBe('rack has more than 2000 variables')
  })

  test('that wants another password says so', async () => {
    const { why } = await asked(answering('ERR INVALID-PASSWORD\n'))
    expect(why).toBe('rack: the server refuses the password (INVALID-PASSWORD)')
  })

  test('where nobody listens', async () => {
    const port = await freePort()
    const failure = await failureOf(
      askNut({ host: '127.0.0.1', port, ups: 'rack', credentials: NOBODY }, patient()),
    )
    expect(failure.why).toBe(`127.0.0.1:${port} cannot be reached: ECONNREFUSED`)
    expect(failure.advice).toContain(`upsc rack@127.0.0.1:${port}`)
  })
})
