/** What the programs of the simulated machine say of their own work: the marks of the training run. */
import type { IntakeBatch, TimedMark } from '../workloads/marks.ts'
import { seconds, type Seconds } from '../units.ts'
import { phaseAt, PROGRAMS, startTicksOf, type Program } from './scenario.ts'

const RANKS: readonly Program[] = PROGRAMS.filter(({ environment }) => environment?.['RANK'] !== undefined)

/** A training step, and how its time is spent; what is left is told by nobody. */
const STEP = { seconds: 0.8, samples: 64, forward: 0.3, backward: 0.55, optimizer: 0.1 }

const NO_CHANGE = {
  change: undefined,
  report: undefined,
  steps: 0,
  samples: 0,
  isRunStart: false,
  isForProcessOnly: false,
  lease: undefined,
}

export class SimulatedWork {
  #phase = ''
  #since = 0
  #stepsTold = 0
  #reportedAt = 0
  #hasBegun = false

  /**
   * What is new since this was last asked.
   * @param t seconds since the simulation began
   * @param now the same instant on the monotonic clock
   */
  at(t: number, now: Seconds): IntakeBatch {
    const { phase, since } = phaseAt(t)
    const marks: TimedMark[] = []
    const mark = (after: number, change: Partial<TimedMark>): void =>
      void marks.push({ ...NO_CHANGE, at: seconds(now - (t - after)), ...change })
    if (!this.#hasBegun) mark(t, { isRunStart: true })
    this.#hasBegun = true
    if (phase !== this.#phase) {
      this.#train(since, mark)
      mark(since, { change: { kind: 'set', phase } })
      this.#phase = phase
      this.#since = since
      this.#stepsTold = 0
      this.#reportedAt = since
    }
    this.#train(t, mark)
    if (marks.length === 0) return { senders: [], counts: [] }
    const senders = RANKS.map(({ pid }) => ({
      who: { kind: 'process', pid, startTicks: startTicksOf(pid) } as const,
      marks,
    }))
    return { senders, counts: [] }
  }

  /** Tells the steps up to an instant of the present phase, if they are training. */
  #train(until: number, mark: (after: number, change: Partial<TimedMark>) => void): void {
    if (this.#phase !== 'train') return
    const steps = Math.floor((until - this.#since) / STEP.seconds) - this.#stepsTold
    const time = until - this.#reportedAt
    this.#stepsTold += steps
    this.#reportedAt = until
    if (steps > 0) mark(until, { steps, samples: steps * STEP.samples })
    for (const name of ['forward', 'backward', 'optimizer'] as const) {
      if (time > 0) mark(until, { report: { phase: `train/${name}`, duration: seconds(time * STEP[name]) } })
    }
  }
}
