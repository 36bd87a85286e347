/** Slow and hostile devices, in every protocol: what they do harms nobody else, and no credential is shown. */
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { seconds, watts } from '../../exporter/src/units.ts'
import type { PolledSensor } from '../../exporter/src/sensors/polled.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
import { ofNode } from '../sensors/scripted-client.ts'
import { DeviceMachine, TIMEOUT_SECONDS } from './device-machine.ts'
import { PROTOCOLS, type FaultyDevice, type Said } from './faulty-devices.ts'
import { secretIn, temporaryFolder } from './started.ts'

jest.setTimeout(15_000)

const SECRET = 'planted-secret'
const PERIOD = 10

const folder = temporaryFolder()
afterAll(() => folder.remove())

describe.each(PROTOCOLS)('a device that speaks $name and', ({ open, without }) => {
  let device: FaultyDevice
  let sensor: PolledSensor
  let machine: Machine
  let here: DeviceMachine
  /** Of all readings so far, in microjoules. */
  let spent: number

  beforeEach(async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5) // polls are a period apart
    machine = new Machine()
    here = new DeviceMachine(machine)
    device = await open()
    spent = 0
    sensor = device.sensor(
      here.world,
      {
        name: 'one',
        period: seconds(PERIOD),
        timeout: seconds(TIMEOUT_SECONDS),
        meters: [ofNode('meter', 'node', { maximum: watts(5000) })],
      },
      secretIn(folder.path, SECRET, 'monitor'),
    )
  })
  afterEach(async () => {
    await sensor.close()
    await device.close()
    jest.restoreAllMocks()
  })

  const look = async (): Promise<Outcome> => {
    const outcome = await sensor.read(machine.now)
    if (outcome.kind === 'readings') for (const reading of outcome.readings) spent += reading.spent
    const { about, settings, tls } = sensor
    expect(JSON.stringify([outcome, about, settings, tls])).not.toContain(SECRET)
    return outcome
  }

  let isStarted = false
  beforeEach(() => {
    isStarted = false
  })

  /** One question and the look after it. */
  const poll = async (said?: Said): Promise<Outcome> => {
    if (said !== undefined) device.says(said)
    if (isStarted) here.wait(PERIOD)
    else await look()
    isStarted = true
    await here.polls(1)
    return look()
  }

  const started = async (said: Said = { watts: 100 }): Promise<void> => {
    await poll(said)
    await poll(said)
  }

  /** One that was down is left alone for a while; then 100 W have been drawn all the time, and nothing is missing or twice. */
  const recovered = async (fault: Outcome): Promise<void> => {
    const before = spent
    if (fault.kind === 'failed') here.wait(PERIOD / 2)
    const outcome = await poll({ watts: 100 })
    const newest = outcome.kind === 'readings' ? outcome.readings.at(-1) : undefined
    expect(spent).toBeGreaterThan(before)
    expect(spent).toBe(((newest?.to ?? NaN) - 1000) * 100e6)
  }

  const complaintIn = (outcome: Outcome): string =>
    'troubles' in outcome ? outcome.troubles.map(({ why }) => why).join() : outcome.why

  test('measures', async () => {
    await started()
    expect(spent).toBe(1000e6)
  })

  const cases: readonly (readonly [string, (typeof without)[number] | undefined, Said, RegExp])[] = [
    ['claims far too much', undefined, { watts: 1e9 }, /more than its maximum of 5000 W/],
    ['claims to be negative', 'negative', { watts: -70 }, /cannot be negative|no meter/],
    ['claims what is no number', 'NaN', { watts: NaN }, /its power is no number/],
    [
      'loses its meter',
      undefined,
      {},
      /no meter|there is no|has no|gives no figure|says nothing|has nothing/,
    ],
  ]
  for (const [title, what, said, complaint] of cases) {
    if (what !== undefined && without.includes(what)) continue
    test(`${title}: that is told and not counted, and what was drawn meanwhile is`, async () => {
      await started()
      const outcome = await poll(said)
      expect(complaintIn(outcome)).toMatch(complaint)
      expect(spent).toBe(1000e6)
      await recovered(outcome)
    })
  }

  if (!without.includes('energy')) {
    test('counts in another unit all at once: its power counts instead', async () => {
      await started({ watts: 3600, kilowattHours: 5 })
      const before = spent
      const outcome = await poll({ watts: 3600, kilowattHours: 5000 })
      expect(complaintIn(outcome)).toMatch(/more than its maximum allows/)
      expect(spent - before).toBeLessThanOrEqual(2 * PERIOD * 3600e6)
    })

    test('has a counter that is stuck under power: its power counts instead', async () => {
      const said = { watts: 3600, kilowattHours: 5 }
      await started(said)
      let outcome: Outcome | undefined
      for (let count = 0; count < 8; count += 1) outcome = await poll(said)
      expect(outcome && complaintIn(outcome)).toMatch(/stands still while power is drawn/)
      expect(spent).toBe(9 * PERIOD * 3600e6)
    })
  }

  for (const fault of ['breaks off', 'sends 50 MB', 'refuses'] as const) {
    if (without.includes(fault)) continue
    test(`${fault}: it is down with the reason, and what was drawn meanwhile counts afterwards`, async () => {
      await started()
      device.fails(fault)
      const outcome = await poll()
      expect(outcome).toMatchObject({
        kind: 'failed',
        why: expect.stringMatching(/./),
        advice: expect.stringMatching(/./),
      })
      expect(spent).toBe(1000e6)
      device.fails(undefined)
      await recovered(outcome)
    })
  }

  test('hangs: it is given up after its timeout, and asked again later', async () => {
    await started()
    device.fails('hangs')
    here.wait(PERIOD)
    expect((await look()).kind).toBe('readings') // a look never waits
    here.wait(TIMEOUT_SECONDS)
    await here.polls(1)
    expect(await look()).toMatchObject({ kind: 'failed', why: `did not answer within ${TIMEOUT_SECONDS} s` })
    expect(spent).toBe(1000e6)
  })
})
