/**
 * What every sensor promises, as one suite. A sensor's test scripts its hardware as a `ScriptedDevice` and runs
 * `sensorContract`. A case that cannot exist for a sensor is left out with a reason, which the test's name shows.
 */
import { describe, expect, test } from '@jest/globals'
import type { Domain, Reading } from '../../exporter/src/model.ts'
import { LOST_AFTER_SECONDS, type Outcome, type Sensor } from '../../exporter/src/sensors/sensor.ts'
import type { Seconds } from '../../exporter/src/units.ts'

/** A piece of hardware that does what the test says, and a new sensor that looks at it. */
export interface ScriptedDevice {
  readonly sensor: Sensor
  /** The domain that the script is about. */
  readonly domain: string
  now(): Seconds
  /** Time passes while the domain draws this energy: whole joules, at most 100 for each second. */
  spend(joules: number, duration: number): void
  /** The hardware goes away with all its domains, and comes back as it would be without the absence. */
  remove(): void
  restore(): void
  /** The hardware is there, and may not be read until `allow`. */
  refuse?(): void
  allow?(): void
  /** Sets the raw figure so far that it comes round to 0 after these joules. To be followed by a look. */
  wrapAfter?(joules: number): void
  /** The raw figure starts again at 0, as after a driver reload. */
  reset?(): void
  /** The raw figure stands still, whatever is spent, until `thaw`. */
  freeze?(): void
  thaw?(): void
}

type Optional = 'wrap' | 'reset' | 'frozen' | 'refused'

/** What a device must be able to do for each case that some sensors leave out. */
const SCRIPTED_BY = {
  wrap: ['wrapAfter'],
  reset: ['reset'],
  frozen: ['freeze', 'thaw'],
  refused: ['refuse', 'allow'],
} as const satisfies Record<Optional, readonly (keyof ScriptedDevice)[]>

export interface Contract {
  /** A fresh device and a fresh sensor for each case. */
  readonly device: () => ScriptedDevice
  /** Why a case cannot exist for this sensor. */
  readonly notApplicable?: Partial<Record<Optional, string>>
  /** What hardware that is not there is called: `failed` where somebody has set it up by name. */
  readonly gone?: 'absent' | 'failed'
}

export function sensorContract({ device, notApplicable = {}, gone = 'absent' }: Contract): void {
  const optional = (name: Optional, title: string, run: () => Promise<void>): void => {
    const reason = notApplicable[name]
    if (reason === undefined) {
      test(title, run)
      return
    }
    test(`${name} does not apply: ${reason}`, () => {
      const scripted = device()
      expect(SCRIPTED_BY[name].filter((ability) => scripted[ability] !== undefined)).toEqual([])
    })
  }

  describe('contract of every sensor', () => {
    test(`hardware that is not there is ${gone}, with a reason and advice`, async () => {
      const bench = new Bench(device())
      bench.device.remove()
      expect(await bench.look()).toMatchObject({ kind: gone, why: someText, advice: someText })
    })

    test('the first look gives no reading and names the domain', async () => {
      const bench = new Bench(device())
      expect(await bench.look()).toMatchObject({ kind: 'warming-up', troubles: [] })
      expect(bench.domains).toContain(bench.device.domain)
    })

    test('each later look gives exactly the energy since the look before', async () => {
      const bench = await Bench.warm(device())
      expect(await bench.spend(3, 30)).toBe(3_000_000n)
      expect(await bench.spend(7, 1)).toBe(7_000_000n)
      expect(await bench.spend(40, 1)).toBe(40_000_000n)
    })

    optional('wrap', 'a counter that wraps loses nothing', async () => {
      const scripted = device()
      scripted.wrapAfter?.(5)
      const bench = await Bench.warm(scripted)
      expect(await bench.spend(5, 1)).toBe(5_000_000n)
      expect(await bench.spend(2, 1)).toBe(2_000_000n)
      scripted.wrapAfter?.(3)
      await bench.startOver()
      expect(await bench.spend(9, 1)).toBe(9_000_000n)
      expect(await bench.spend(1, 1)).toBe(1_000_000n)
    })

    optional('reset', 'a counter that starts again at 0 shows what it counted since', async () => {
      const bench = await Bench.warm(device())
      expect(await bench.spend(6, 1)).toBe(6_000_000n)
      bench.device.reset?.()
      expect(await bench.spend(4, 1)).toBe(4_000_000n)
      expect(await bench.spend(8, 1)).toBe(8_000_000n)
    })

    optional(
      'frozen',
      'a counter that stands still for a minute is reported and believed no more',
      async () => {
        const bench = await Bench.warm(device())
        expect(await bench.spend(6, 1)).toBe(6_000_000n)
        bench.device.freeze?.()
        for (let second = 1; second < 60; second += 1) expect(await bench.spend(5, 1)).toBe(0n)
        expect(bench.complaints).toEqual([])
        expect(await bench.spend(5, 1)).toBeUndefined()
        expect(bench.complaints).toEqual([someText])
        bench.device.thaw?.()
        expect(await bench.spend(5, 1)).toBeUndefined()
        expect(bench.complaints).toEqual([])
        expect(await bench.spend(9, 1)).toBe(9_000_000n)
      },
    )

    optional('refused', 'hardware that may not be read has failed, with advice, until it may', async () => {
      const bench = await Bench.warm(device())
      bench.device.refuse?.()
      bench.device.spend(5, 1)
      expect(await bench.look()).toEqual({ kind: 'failed', why: someText, advice: someText })
      bench.device.allow?.()
      expect(await bench.spend(2, 1)).toBe(7_000_000n)
    })

    test('what was spent in a short absence is in the first difference after it', async () => {
      const bench = await Bench.warm(device())
      bench.device.remove()
      bench.device.spend(5, 20)
      expect(await bench.look()).toMatchObject({ kind: gone })
      bench.device.restore()
      expect(await bench.spend(4, LOST_AFTER_SECONDS - 20)).toBe(9_000_000n)
    })

    test('after a long absence it starts over, and what was spent meanwhile is not booked', async () => {
      const bench = await Bench.warm(device())
      bench.device.remove()
      bench.device.spend(5, LOST_AFTER_SECONDS + 1)
      expect(await bench.look()).toMatchObject({ kind: gone })
      bench.device.restore()
      expect(await bench.look()).toMatchObject({ kind: 'warming-up' })
      expect(await bench.spend(4, 1)).toBe(4_000_000n)
    })

    test('it may be closed twice', async () => {
      const { sensor } = (await Bench.warm(device())).device
      await expect(sensor.close()).resolves.toBeUndefined()
      await expect(sensor.close()).resolves.toBeUndefined()
    })
  })
}

const someText: unknown = expect.stringMatching(/\S/)

/** A device under test: every look is checked for what holds always. */
class Bench {
  readonly device: ScriptedDevice
  #outcome: Outcome | undefined

  constructor(device: ScriptedDevice) {
    this.device = device
  }

  static async warm(device: ScriptedDevice): Promise<Bench> {
    const bench = new Bench(device)
    await bench.look()
    return bench
  }

  async look(): Promise<Outcome> {
    const at = this.device.now()
    const outcome = await this.device.sensor.read(at)
    if (outcome.kind === 'readings' || outcome.kind === 'warming-up') {
      checkDomains(outcome.domains, this.device.sensor)
    }
    if (outcome.kind === 'readings')
      for (const reading of outcome.readings) checkReading(reading, outcome, at)
    this.#outcome = outcome
    return outcome
  }

  /** @returns the microjoules of the domain's reading; undefined when there is none */
  async spend(joules: number, duration: number): Promise<bigint | undefined> {
    this.device.spend(joules, duration)
    const outcome = await this.look()
    const reading = readingsIn(outcome).find(({ domain }) => domain.id === this.device.domain)
    if (reading === undefined) return undefined
    expect(reading.excess).toBeUndefined()
    return BigInt(reading.spent)
  }

  /** Waits so long unseen that the next look is a first one. */
  async startOver(): Promise<void> {
    this.device.spend(0, LOST_AFTER_SECONDS + 1)
    expect(await this.look()).toMatchObject({ kind: 'warming-up' })
  }

  get domains(): readonly string[] {
    const outcome = this.#outcome
    return outcome !== undefined && 'domains' in outcome ? outcome.domains.map(({ id }) => id) : []
  }

  /** What the last look says is wrong with the domain. */
  get complaints(): readonly string[] {
    const outcome = this.#outcome
    switch (outcome?.kind) {
      case undefined:
        return []
      case 'absent':
      case 'failed':
        return [outcome.why]
      case 'readings':
      case 'warming-up':
        return outcome.troubles.filter(({ domain }) => domain === this.device.domain).map(({ why }) => why)
    }
  }
}

const readingsIn = (outcome: Outcome): readonly Reading[] =>
  outcome.kind === 'readings' ? outcome.readings : []

function checkDomains(domains: readonly Domain[], { about }: Sensor): void {
  expect(domains.map(({ id }) => id)).toEqual(Array.from(new Set(domains.map(({ id }) => id))))
  for (const { component, within, id } of domains) {
    expect(about.components).toContain(component)
    expect(within).not.toBe(id)
  }
}

function checkReading(
  { domain, spent, from, to }: Reading,
  { domains }: Outcome & { kind: 'readings' },
  at: Seconds,
): void {
  expect(domains).toContainEqual(domain)
  expect(Number.isSafeInteger(spent) && spent >= 0).toBe(true)
  expect(from).toBeLessThanOrEqual(to)
  expect(to).toBeLessThanOrEqual(at)
}
