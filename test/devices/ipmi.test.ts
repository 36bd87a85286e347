/** IPMI by the real ipmitool, against the real simulator of a controller. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { DeviceError } from '../../exporter/src/devices/device.ts'
import { dcmiWattsIn, ipmiClient, sensorsIn, type IpmiSettings } from '../../exporter/src/devices/ipmi.ts'
import { runProgram, type RunProgram } from '../../exporter/src/devices/program.ts'
import { requireProgram } from '../programs.ts'
import { IPMI_SECRET, IPMI_USER, SimulatedController } from './ipmi-sim.ts'

const folder = mkdtempSync(join(tmpdir(), 'wattribute-ipmi-'))
const passwordFile = join(folder, 'password')
writeFileSync(passwordFile, `${IPMI_SECRET}\n`)
afterAll(() => rmSync(folder, { recursive: true }))

const settings = (port: number, more: Partial<IpmiSettings> = {}): IpmiSettings => ({
  host: '127.0.0.1',
  port,
  credentials: { username: IPMI_USER, passwordFile, passwordEnv: '' },
  privilege: 'administrator',
  cipherSuite: 3,
  sensorsEvery: 1,
  ...more,
})

const patience = (seconds = 30): AbortSignal => AbortSignal.timeout(seconds * 1000)

const failureOf = async (asking: Promise<unknown>): Promise<DeviceError> => {
  const failure: unknown = await asking.catch((cause: unknown) => cause)
  expect(failure).toBeInstanceOf(DeviceError)
  expect(`${(failure as DeviceError).message} ${(failure as DeviceError).advice}`).not.toContain(IPMI_SECRET)
  return failure as DeviceError
}

requireProgram('ipmi_sim', 'a controller', () => {
  requireProgram('ipmitool', 'asked by ipmitool', () => {
    let controller: SimulatedController
    beforeAll(async () => {
      controller = await SimulatedController.start(join(folder, 'bmc'))
      await ipmiClient(settings(controller.port)).ask(patience()) // it is up when it answers
    })
    afterAll(() => controller.stop())

    test('says watts by DCMI first, then sensors in watts, fans and temperatures', async () => {
      controller.draw(742)
      const client = ipmiClient(settings(controller.port, { sensorsEvery: 100 }))
      expect(await client.ask(patience())).toEqual({
        meters: [
          { id: 'DCMI', watts: 742, source: 'DCMI power reading' },
          { id: 'PS1 Input', watts: 380, source: 'sensor in watts' },
          { id: 'Pwr Consumption', watts: 740, source: 'sensor in watts' },
        ],
        gauges: [
          { id: 'Inlet Temp', quantity: 'temperature_celsius', value: 24 },
          { id: 'Fan1 RPM', quantity: 'fan_speed_rpm', value: 7200 },
        ],
      })
      controller.draw(655)
      expect((await client.ask(patience())).meters[0]).toMatchObject({ id: 'DCMI', watts: 655 })
    })

    test('without DCMI the sensor of the whole machine is the main meter', async () => {
      controller.draw(undefined)
      const { meters } = await ipmiClient(settings(controller.port)).ask(patience())
      expect(meters.map(({ id, watts }) => [id, watts])).toEqual([
        ['Pwr Consumption', 740],
        ['PS1 Input', 380],
      ])
      controller.draw(742)
    })

    test('the password is in no list of words that all users of the machine may read', async () => {
      const seen: string[] = []
      const spy: RunProgram = async (program, words, options) => {
        seen.push(program, ...words)
        return runProgram(program, words, options)
      }
      await ipmiClient(settings(controller.port), spy).ask(patience())
      expect(seen).toContain('-E')
      expect(seen.join(' ')).not.toContain(IPMI_SECRET)
    })

    test('a wrong password is said', async () => {
      const file = join(folder, 'wrong')
      writeFileSync(file, 'wrong')
      const client = ipmiClient(
        settings(controller.port, {
          credentials: { username: IPMI_USER, passwordFile: file, passwordEnv: '' },
        }),
      )
      expect((await failureOf(client.ask(patience(60)))).message).toBe('no session with the controller')
    }, 90_000)

    test('one that hangs is given up in time, and ipmitool is killed', async () => {
      controller.pause()
      const pids: number[] = []
      const spy: RunProgram = async (program, words, options) => {
        const running = runProgram(program, words, options)
        pids.push(...childrenNamed('ipmitool'))
        return running
      }
      const { message } = await failureOf(
        ipmiClient(settings(controller.port), spy).ask(AbortSignal.timeout(400)),
      )
      controller.resume()
      expect(message).toBe('ipmitool did not end in time')
      expect(pids.length).toBeGreaterThan(0)
      expect(childrenNamed('ipmitool').filter((pid) => pids.includes(pid))).toEqual([])
    })
  })
})

test.each([
  [
    'Could not open device at /dev/ipmi0 or /dev/ipmi/0 or /dev/ipmidev/0: No such file or directory\n',
    'this machine has no /dev/ipmi0',
  ],
  [`odd: ${'x'.repeat(500)}\n`, `ipmitool failed: odd: ${'x'.repeat(155)}`],
  ['', 'ipmitool failed: without a word'],
])('what ipmitool complains of is said: %j', async (stderr, why) => {
  const run: RunProgram = async () => ({ status: 1, stdout: '', stderr })
  expect((await failureOf(ipmiClient(settings(0, { host: '' }), run).ask(patience()))).message).toBe(why)
})

test('a password that a program repeats is not shown', async () => {
  const run: RunProgram = async () => ({
    status: 1,
    stdout: '',
    stderr: `bad password ${IPMI_SECRET} of admin`,
  })
  const { message } = await failureOf(ipmiClient(settings(0), run).ask(patience()))
  expect(message).toBe('ipmitool failed: bad password … of admin')
})

describe('a program', () => {
  const options = (signal = patience()) => ({ environment: {}, signal })

  test('that is not installed is said', async () => {
    const failure = await failureOf(runProgram('no-such-program', [], options()))
    expect([failure.message, failure.advice]).toEqual([
      'no-such-program is not installed',
      'install the package no-such-program',
    ])
  })

  test('that says 50 MB is killed', async () => {
    const failure = await failureOf(
      runProgram('sh', ['-c', 'head -c 50000000 /dev/zero; sleep 60'], options()),
    )
    expect(failure.message).toBe('sh says more than 4 MiB')
  })

  test('that hangs is killed with what it has started', async () => {
    const file = join(folder, 'pid')
    const abort = new AbortController()
    const script = `sleep 60 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`
    const failure = failureOf(runProgram('sh', ['-c', script], options(abort.signal)))
    while (!existsSync(file)) await setImmediate()
    abort.abort()
    expect((await failure).message).toBe('sh did not end in time')
    const state = /^\d+ \(sleep\) (.)/.exec(statOf(readFileSync(file, 'utf8').trim()))?.[1] ?? 'gone'
    expect(['gone', 'Z', 'X']).toContain(state)
  })

  test('gets nothing of the environment but a path and what it is given', async () => {
    process.env['WATTRIBUTE_TEST_CANARY'] = IPMI_SECRET
    const { stdout } = await runProgram('env', [], { environment: { A: '1' }, signal: patience() })
    delete process.env['WATTRIBUTE_TEST_CANARY']
    expect(
      stdout
        .split('\n')
        .map((line) => line.split('=')[0])
        .sort(),
    ).toEqual(['', 'A', 'LC_ALL', 'PATH'])
  })
})

describe('what ipmitool writes', () => {
  const power = (watts: string, state = 'activated'): string =>
    `\n    Instantaneous power reading:                   ${watts} Watts\n    Power reading state is:                   ${state}\n`

  test.each([
    [power('742'), 742],
    [power('0'), 0],
    [power('742', 'deactivated'), undefined],
    [power('65535'), undefined],
    [power('nan'), undefined],
    ['', undefined],
  ])('of power: %j', (text, watts) => {
    expect(dcmiWattsIn(text)).toBe(watts)
  })

  test('of sensors: lines without a reading and odd ones are left out', () => {
    const text = [
      'Temp, inlet,24,degrees C,ok',
      'Fan 2,na,RPM,ns',
      'Fan 3,0,RPM,ns',
      'PSU,disabled,Watts,ok',
      'Negative,-5.5,degrees C,cr',
      'half a li',
      '',
    ].join('\n')
    expect(sensorsIn(text)).toEqual([
      { name: 'Temp, inlet', value: 24, unit: 'degrees C' },
      { name: 'Negative', value: -5.5, unit: 'degrees C' },
    ])
  })
})

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}

/** Processes that this one has started and that live. */
function childrenNamed(name: string): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name
      } catch {
        return false
      }
    })
}
