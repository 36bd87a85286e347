/** A device that says what a test wants, at once, late, never or wrongly, on the clock of a test's machine. */
import {
  DeviceError,
  type DeviceAnswer,
  type DeviceClient,
  type MeterFigure,
} from '../../exporter/src/devices/device.ts'
import type { DomainComponent, FacilityRole } from '../../exporter/src/model.ts'
import type { MeterUse } from '../../exporter/src/sensors/coverage.ts'
import { PolledSensor, type DeviceSettings } from '../../exporter/src/sensors/polled.ts'
import type { About } from '../../exporter/src/sensors/sensor.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import type { Machine } from '../machine.ts'

export const ABOUT: About = {
  name: 'scripted',
  measures: 'What the test says.',
  components: ['node'],
  method: 'counter',
  reads: 'the test',
  unit: 'as the test says',
  needs: 'a test',
  source: 'https://example.org',
}

const SHARED = { figures: [], minus: [], maximum: watts(100_000) }

export const ofNode = (
  name: string,
  component: DomainComponent = 'node',
  more: Partial<MeterUse> = {},
): MeterUse =>
  ({ ...SHARED, name, covers: 'node', component, within: '', isBooked: true, ...more }) as MeterUse

export const ofZone = (name: string, role: FacilityRole, more: Partial<MeterUse> = {}): MeterUse =>
  ({ ...SHARED, name, covers: 'zone', zone: 'closet', role, ...more }) as MeterUse

export class ScriptedClient implements DeviceClient {
  asked = 0
  /** Questions under way, and the most that there ever were at the same time. */
  open = 0
  mostOpen = 0
  closed = 0
  #answer: () => DeviceAnswer | Promise<DeviceAnswer> = () => ({ meters: [], gauges: [] })

  answer(meters: readonly MeterFigure[], more: Partial<DeviceAnswer> = {}): void {
    this.#answer = () => ({ meters, gauges: [], ...more })
  }

  does(answer: (signal: AbortSignal) => DeviceAnswer | Promise<DeviceAnswer>): void {
    this.#answer = () => answer(this.#signal)
  }

  fail(why = 'it hung up', retryAfterSeconds?: number): void {
    this.#answer = () => {
      throw new DeviceError(why, 'look after it', { retryAfterSeconds })
    }
  }

  #signal = new AbortController().signal

  async ask(signal: AbortSignal): Promise<DeviceAnswer> {
    this.#signal = signal
    this.asked += 1
    this.open += 1
    this.mostOpen = Math.max(this.mostOpen, this.open)
    try {
      return await this.#answer()
    } finally {
      this.open -= 1
    }
  }

  async close(): Promise<void> {
    this.closed += 1
  }
}

/** Without jitter: a question every period. */
export const scripted = (
  machine: Machine,
  client: DeviceClient,
  meters: readonly MeterUse[],
  more: Partial<DeviceSettings> & { readonly random?: () => number } = {},
): PolledSensor => {
  const { random = () => 0.5, ...device } = more
  return new PolledSensor(machine.world.clock, {
    about: ABOUT,
    client,
    settings: '',
    random,
    device: { name: 'one', period: seconds(10), timeout: seconds(5), meters, ...device },
  })
}

/** Lets all promises that can be kept be kept; nothing real is waited for. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}
