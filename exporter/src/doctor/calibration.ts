/** Idle baselines, measured on purpose on an idle machine. */
import type { Method } from '../model.ts'

/** Above this share of all CPUs the machine is busy; the same limit as for baselines that are observed. */
export const BUSY_RATIO = 0.02

/** Means over the time watched. */
export interface Watch {
  readonly host: string
  /** Unix time of its end. */
  readonly wall: number
  readonly seconds: number
  readonly busyRatio: number
  /** Those that used the most, such as `python (pid 500)`. */
  readonly busiest: readonly string[]
  readonly heldAccelerators: readonly string[]
  readonly leaves: readonly {
    readonly domain: string
    readonly method: Method
    /** Undefined: it gave no reading. */
    readonly watts: number | undefined
  }[]
}

export type Calibration =
  { readonly kind: 'refused'; readonly why: string } | { readonly kind: 'baselines'; readonly yaml: string }

export function calibrationOf(watch: Watch): Calibration {
  const { busyRatio, busiest, heldAccelerators, leaves } = watch
  if (heldAccelerators.length > 0) {
    const ids = heldAccelerators.join(', ')
    return { kind: 'refused', why: `the machine is not idle: somebody holds ${ids}` }
  }
  if (busyRatio > BUSY_RATIO) {
    const who = busiest.length === 0 ? '' : `, most of them by ${busiest.join(', ')}`
    return {
      kind: 'refused',
      why: `the machine is not idle: its CPUs were busy for ${percent(busyRatio)} of the time${who}; at most ${percent(BUSY_RATIO)} is idle`,
    }
  }
  const measured = leaves.flatMap(({ domain, method, watts }) =>
    method === 'estimated' || watts === undefined ? [] : [{ domain, watts }],
  )
  if (measured.length === 0) {
    return { kind: 'refused', why: 'nothing is measured on this machine: see wattribute doctor' }
  }
  return { kind: 'baselines', yaml: yamlOf(watch, measured) }
}

function yamlOf(
  { host, wall, seconds, busyRatio }: Watch,
  measured: readonly { readonly domain: string; readonly watts: number }[],
): string {
  const when = new Date(wall * 1000).toISOString().replace(/\.\d+/, '')
  return [
    `# Measured by wattribute doctor --calibrate on ${host} at ${when}, over ${seconds.toFixed(0)} s with ${percent(busyRatio)} of CPU use.`,
    'baselines:',
    ...measured.flatMap(({ domain, watts }) => [
      `  - domain: ${JSON.stringify(domain)}`,
      `    watts: ${Number(watts.toFixed(3))}`,
      '    source: calibrated',
    ]),
    '',
  ].join('\n')
}

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`
