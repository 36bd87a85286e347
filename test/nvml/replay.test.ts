/**
 * Two processes on one board whose energies are known, as a driver would show them: who gets how much by our split,
 * beside the way of Kepler 0.11 (each process's largest sample in all of the driver's ring, lastSeenTimeStamp 0) and
 * beside an equal split. The table is printed; what must hold is asserted.
 */
import { expect, test } from '@jest/globals'
import { Accelerators } from '../../exporter/src/activity/accelerators.ts'
import type { Consumer } from '../../exporter/src/model.ts'
import type { UtilisationRow } from '../../exporter/src/nvml.ts'
import { seconds } from '../../exporter/src/units.ts'
import { group, processOf } from '../ledger/small-machine.ts'
import { gpuLook, UUID } from './gpu-look.ts'

const [A, B] = [1, 2] as const
const PIDS: readonly (1 | 2)[] = [A, B]
/** What each draws while it runs alone; two that run at once share the time. */
const WATTS = { [A]: 300, [B]: 100 } as const
const RUN_SECONDS = 120
/** The simulation's step, the driver's sample, the counter's update, in milliseconds. */
const STEP = 1
const SAMPLE = 167
const UPDATE = 100
/** How many samples a driver keeps. */
const RING = 100

/** Which of the two run at a millisecond. */
type Load = (millisecond: number) => readonly (1 | 2)[]

const alternating =
  (period: number): Load =>
  (millisecond) =>
    millisecond % period < period / 2 ? [A] : [B]

/** Bursts and pauses of random lengths, each process on its own; the same in every run. */
function bursty(meanBurst: number, meanPause: number): Load {
  let state = 20_261_124
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state + 1) / 4_294_967_297
  }
  const plan = PIDS.map(() => {
    const runs: boolean[] = []
    for (let running = true; runs.length < RUN_SECONDS * 1000; running = !running) {
      const length = Math.ceil(-Math.log(random()) * (running ? meanBurst : meanPause))
      for (let count = 0; count < length; count += 1) runs.push(running)
    }
    return runs
  })
  return (millisecond) => PIDS.filter((_, index) => plan[index]?.[millisecond] === true)
}

interface Errors {
  /** Of A's energy, in percent. */
  readonly ours: number
  readonly kepler: number
  readonly equal: number
}

function replay(load: Load, tickMilliseconds: number): Errors {
  const consumers = new Map<number, Consumer>(
    PIDS.map((pid) => [pid, processOf(group(`${pid}.service`), pid, `${pid}`)]),
  )
  const room = new Accelerators((pid) => consumers.get(pid))
  const processes = PIDS.map((pid) => ({ pid, kind: 'compute' as const }))
  const ring: UtilisationRow[] = []
  const busy = { [A]: 0, [B]: 0 }
  let [truth, joules, counter, counted, rowsSince] = [0, 0, 0, 0, 0]
  let [ours, kepler, equal] = [0, 0, 0]
  for (let now = STEP; now <= RUN_SECONDS * 1000; now += STEP) {
    const running = load(now - STEP)
    for (const pid of running) {
      busy[pid] += STEP / running.length
      const spent = (WATTS[pid] * STEP) / running.length / 1000
      joules += spent
      if (pid === A) truth += spent
    }
    if (now % SAMPLE === 0) {
      for (const pid of PIDS) {
        const sm = Math.round((busy[pid] / SAMPLE) * 100)
        if (sm > 0) ring.push({ pid, timeStamp: now * 1000, sm })
        busy[pid] = 0
      }
      while (ring.length > RING) ring.shift()
    }
    if (now % UPDATE === 0) counter = joules
    if (now % tickMilliseconds !== 0) continue
    const spent = counter - counted
    counted = counter
    const rows = ring.filter(({ timeStamp }) => timeStamp > rowsSince)
    const at = seconds(now / 1000)
    const look = { at, devices: [gpuLook({ processes, rows, rowsSince })] }
    const use = room.look(at, tickMilliseconds / 1000, look).get(UUID)?.use ?? []
    rowsSince = Math.max(rowsSince, ...rows.map(({ timeStamp }) => timeStamp))
    ours += spent * shareOfA(use.map(({ to, weight }) => ({ isA: to === consumers.get(A), weight })))
    kepler += spent * shareOfA(largest(ring))
    equal += spent / 2
  }
  const error = (figure: number): number => (Math.abs(figure - truth) / truth) * 100
  return { ours: error(ours), kepler: error(kepler), equal: error(equal) }
}

interface Part {
  readonly isA: boolean
  readonly weight: number
}

function shareOfA(parts: readonly Part[]): number {
  const whole = parts.reduce((sum, { weight }) => sum + weight, 0)
  const own = parts.reduce((sum, { isA, weight }) => sum + (isA ? weight : 0), 0)
  return whole === 0 ? 0.5 : own / whole
}

const largest = (ring: readonly UtilisationRow[]): Part[] =>
  PIDS.map((pid) => ({
    isA: pid === A,
    weight: Math.max(0, ...ring.filter((row) => row.pid === pid).map(({ sm }) => sm)),
  }))

const LOADS: readonly (readonly [string, Load])[] = [
  ['alternating every 100 ms', alternating(100)],
  ['alternating every 500 ms', alternating(500)],
  ['alternating every 1 s', alternating(1000)],
  ['alternating every 2 s', alternating(2000)],
  ['alternating every 10 s', alternating(10_000)],
  ['alternating every 60 s', alternating(60_000)],
  ['bursts of 0.3 s, pauses of 0.7 s', bursty(300, 700)],
  ['bursts of 2 s, pauses of 5 s', bursty(2000, 5000)],
  ['bursts of 10 s, pauses of 10 s', bursty(10_000, 10_000)],
]

test('our split of the known loads is nearer to the truth than a largest sample or equal parts', () => {
  const lines = ['', 'error of the energy of A (300 W beside 100 W), in percent:', '']
  lines.push('load                             | tick  |  ours | Kepler |  equal')
  for (const [name, load] of LOADS) {
    for (const tick of [1000, 100]) {
      const errors = replay(load, tick)
      const figures = [errors.ours, errors.kepler, errors.equal].map((value) => value.toFixed(1).padStart(6))
      lines.push(`${name.padEnd(32)} | ${String(tick / 1000).padStart(3)} s | ${figures.join(' | ')}`)
      // Where samples cannot tell the two apart, nobody can do better than an equal split.
      expect(errors.ours).toBeLessThanOrEqual(errors.kepler + 1)
      expect(errors.ours).toBeLessThanOrEqual(errors.equal + 1)
    }
  }
  process.stdout.write(`${lines.join('\n')}\n\n`)
  expect(replay(alternating(10_000), 1000).ours).toBeLessThan(6)
  expect(replay(alternating(10_000), 100).ours).toBeLessThan(2)
  expect(replay(alternating(60_000), 100).ours).toBeLessThan(0.5)
})
