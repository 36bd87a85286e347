/** Made-up answers for every state of the panel. */
import { type Labels, type Line, type Sample, seriesFrames, tableFrame } from './data'
import type { FrameData, Scene } from './scene'

export const NOW = Date.UTC(2026, 10, 24, 12)
const HOUR = 3_600_000

const WORKLOADS = [
  ['llama-chat', 'llama-3.3-70b', 'fp8', 2.1, 0.42, 0.31, 0.38, 182_340, 61_200_000],
  ['llama-chat', 'llama-3.3-70b', 'bf16', 3.9, 0.55, 0.47, 0.66, 41_020, 14_900_000],
  ['mistral-batch', 'mistral-small', 'q4_k_m', 0.82, 0.3, 0.12, 0.17, 904_112, 130_500_000],
  ['embed', 'bge-m3', '', 0.011, 0.008, 0.004, 0.003, 5_210_000, 0],
  ['coder', 'qwen-2.5-coder', 'fp8', 1.4, 0.36, 0.22, 0.26, 12_400, 5_210_000],
] as const

const PARTS = ['accelerator', 'host', 'idle', 'overhead'] as const
const COMPONENTS = {
  accelerator: ['accelerator'],
  host: ['cpu', 'memory', 'board'],
  idle: ['accelerator', 'cpu', 'memory', 'board'],
  overhead: ['cooling', 'power', 'network'],
} as const

const labelsOf = ([workload, model, variant]: (typeof WORKLOADS)[number]): Labels => ({
  workload,
  namespace: 'ml',
  model,
  ...(variant === '' ? {} : { variant }),
})

const samples = (figure: (workload: (typeof WORKLOADS)[number]) => number | undefined): readonly Sample[] =>
  WORKLOADS.flatMap((workload) => {
    const value = figure(workload)
    return value === undefined ? [] : [{ labels: labelsOf(workload), value }]
  })

interface Answers {
  /** Parts that answer with nothing. */
  readonly unmeasured?: readonly string[]
  /** Components that no part has. */
  readonly lacking?: readonly string[]
  readonly estimated?: readonly string[]
  readonly without?: readonly string[]
}

const part = (index: number) => (workload: (typeof WORKLOADS)[number]) => workload[3 + index] as number

/** Answers to the shipped queries of energy per query. */
export function queryEnergy({
  unmeasured = [],
  lacking = [],
  estimated = [],
  without = [],
}: Answers = {}): readonly FrameData[] {
  const frames: FrameData[] = [
    ...PARTS.map((name, index) =>
      tableFrame(name, unmeasured.includes(name) ? [] : samples(part(index)), NOW),
    ),
    tableFrame(
      'queries',
      samples((workload) => workload[7]),
      NOW,
    ),
    tableFrame(
      'tokens',
      samples((workload) => workload[8]),
      NOW,
    ),
    tableFrame(
      'quality',
      WORKLOADS.flatMap((workload) =>
        PARTS.filter((name) => !unmeasured.includes(name)).flatMap((name) =>
          COMPONENTS[name]
            .filter((component) => !lacking.includes(component))
            .map((component) => ({
              labels: {
                ...labelsOf(workload),
                part: name,
                component,
                method: estimated.includes(component) ? 'estimated' : 'counter',
              },
              value: 1000,
            })),
        ),
      ),
      NOW,
    ),
    tableFrame(
      'p50',
      samples((workload) => part(0)(workload) * 1.2),
      NOW,
    ),
    tableFrame(
      'p95',
      samples((workload) => part(0)(workload) * 2.4),
      NOW,
    ),
    ...PARTS.map((name, index) =>
      tableFrame(
        `baseline_${name}`,
        samples((workload) => part(index)(workload) * (workload[0] === 'coder' ? 0.8 : 1.15)),
        NOW,
      ),
    ),
    tableFrame(
      'baseline_queries',
      samples((workload) => workload[7] * 0.9),
      NOW,
    ),
    tableFrame(
      'baseline_tokens',
      samples((workload) => workload[8] * 0.9),
      NOW,
    ),
  ]
  return frames.filter(({ refId }) => !without.includes(refId))
}

const STEP = 15_000
const FROM = NOW - 2 * HOUR
const EXPRESSION = 'Expr: max by (…) (rate(wattribute_workload_phase_timeline_seconds_total[1m0s]))\nStep: 15s'

/** A run of hours: load, then training with a checkpoint and an evaluation each half an hour, a gap, and a second run. */
export function trainingPhases(scale = 1): readonly FrameData[] {
  const times: number[] = []
  for (let at = FROM; at <= NOW; at += STEP / scale) times.push(at)
  const first = { workload: 'train-resnet', namespace: 'research' }
  const second = { workload: 'finetune-llama', namespace: 'research' }
  const minute = (at: number) => (at - FROM) / 60_000
  const phaseOf = (at: number): string => {
    const now = minute(at)
    if (now < 6) return 'load'
    if (now > 70 && now < 76) return ''
    const inCycle = (now + 10) % 30
    return inCycle > 27 ? 'eval' : inCycle > 25.5 ? 'checkpoint' : 'train'
  }
  const fraction = (phase: string) => (at: number) => {
    const root = phase.split('/')[0] ?? ''
    if (phaseOf(at) !== root) return 0
    if (root !== 'train') return 1
    return phase === 'train/forward'
      ? 0.31
      : phase === 'train/backward'
        ? 0.52
        : phase === 'train/data'
          ? 0.12
          : 0.05
  }
  const line = (labels: Labels, figure: (at: number) => number | null): Line => ({
    labels,
    times,
    values: times.map(figure),
  })
  const phases = ['load', 'train', 'train/forward', 'train/backward', 'train/data', 'eval', 'checkpoint']
  const watts: Readonly<Record<string, number>> = {
    load: 260,
    train: 2750,
    eval: 1900,
    checkpoint: 420,
    '': 310,
  }
  const wave = (at: number) => Math.sin(at / 41_000) * 60 + Math.sin(at / 7000) * 25
  const secondPhase = (at: number): string | null =>
    minute(at) < 40 ? null : minute(at) < 44 ? 'load' : 'train'
  return [
    ...seriesFrames(
      'timeline',
      [
        ...phases.map((phase) => line({ ...first, phase }, fraction(phase))),
        ...['load', 'train'].map((phase) =>
          line({ ...second, phase }, (at) =>
            secondPhase(at) === null ? null : secondPhase(at) === phase ? 1 : 0,
          ),
        ),
      ],
      EXPRESSION,
    ),
    ...seriesFrames('power', [
      line(first, (at) => (watts[phaseOf(at)] ?? 0) + wave(at)),
      line(second, (at) => {
        const phase = secondPhase(at)
        return phase === null ? null : (phase === 'load' ? 180 : 1320) + wave(at) / 2
      }),
    ]),
    ...seriesFrames('runs', [
      line(first, (at) => (minute(at) < 76 ? FROM / 1000 - 120 : FROM / 1000 + 76 * 60)),
      line(second, (at) => (minute(at) < 40 ? null : FROM / 1000 + 40 * 60)),
    ]),
    tableFrame('energy', energies(first, second), NOW),
    tableFrame(
      'seconds',
      [
        ...seconds(first),
        { labels: { ...second, phase: 'load' }, value: 240 },
        { labels: { ...second, phase: 'train' }, value: 4560 },
      ],
      NOW,
    ),
    tableFrame(
      'steps',
      [
        { labels: { ...first, phase: 'train' }, value: 18_400 },
        { labels: { ...second, phase: 'train' }, value: 912 },
      ],
      NOW,
    ),
    tableFrame('samples', [{ labels: { ...first, phase: 'train' }, value: 18_400 * 256 }], NOW),
  ]
}

function energies(first: Labels, second: Labels): readonly Sample[] {
  const of = (labels: Labels, phase: string, joules: number): readonly Sample[] =>
    (
      [
        ['accelerator', 0.72, 'counter'],
        ['host', 0.16, 'counter'],
        ['idle', 0.12, 'estimated'],
      ] as const
    ).map(([name, share, method]) => ({
      labels: { ...labels, ...(phase === '' ? {} : { phase }), part: name, method },
      value: joules * share,
    }))
  return [
    ...of(first, 'load', 93_600),
    ...of(first, 'train', 742_000),
    ...of(first, 'train/forward', 4_600_000),
    ...of(first, 'train/backward', 7_720_000),
    ...of(first, 'train/data', 1_780_000),
    ...of(first, 'eval', 1_368_000),
    ...of(first, 'checkpoint', 151_000),
    ...of(first, '', 111_600),
    ...of(second, 'load', 43_000),
    ...of(second, 'train', 6_019_000),
  ]
}

function seconds(first: Labels): readonly Sample[] {
  const figures = {
    load: 360,
    train: 270,
    'train/forward': 1674,
    'train/backward': 2808,
    'train/data': 648,
    eval: 720,
    checkpoint: 360,
  }
  return Object.entries(figures).map(([phase, value]) => ({ labels: { ...first, phase }, value }))
}

const LEGEND = { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] }

export function sceneOf(series: readonly FrameData[], changes: Partial<Scene> = {}): Scene {
  return {
    title: 'Energy per query',
    series,
    targets: [...new Set(series.map(({ refId }) => refId))],
    state: 'Done',
    theme: 'dark',
    width: 900,
    height: 400,
    timeZone: 'utc',
    from: FROM,
    to: NOW,
    untilNow: true,
    ...changes,
    options: { legend: LEGEND, tooltip: { mode: 'single', sort: 'none' }, ...changes.options },
  }
}
