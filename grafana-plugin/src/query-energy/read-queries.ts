/** Rows from the answers to the shipped queries, joined by their labels. */
import { type Cell, instantCells, type Labels } from '../model/cells'
import type { Input } from '../model/input'
import { missingComponents, type Part, PARTS } from '../model/parts'
import type { Earlier, PartFigure, Row } from './row'

export const KEY_LABELS = ['cluster', 'namespace', 'workload', 'model', 'variant'] as const

export const keyOf = (labels: Labels): string => JSON.stringify(KEY_LABELS.map((name) => labels[name] ?? ''))

const identity = (labels: Labels): Labels =>
  Object.fromEntries(KEY_LABELS.flatMap((name) => (labels[name] ? [[name, labels[name]]] : [])))

export function readQueries(input: Input): readonly Row[] {
  const answers = new Answers(input)
  const identities = new Map<string, Labels>()
  for (const refId of [...PARTS, 'queries']) {
    for (const { labels } of answers.cells(refId)) identities.set(keyOf(labels), identity(labels))
  }
  return [...identities].map(([key, labels]) => readRow(key, labels, answers, input))
}

function readRow(key: string, labels: Labels, answers: Answers, input: Input): Row {
  const figure = (refId: string) => answers.find(refId, labels)?.value
  const cells: Partial<Record<Part, Cell>> = {}
  for (const part of PARTS) {
    const cell = answers.find(part, labels)
    if (cell !== undefined) cells[part] = cell
  }
  const quality = answers.quality(labels)
  const parts = Object.fromEntries(
    PARTS.map((part) => [part, partFigure(part, cells, quality, answers, input)]),
  ) as Record<Part, PartFigure>
  return {
    key,
    labels,
    parts,
    queries: figure('queries'),
    tokens: figure('tokens'),
    median: figure('p50'),
    percentile95: figure('p95'),
    earlier: earlierOf(figure),
    cells,
    members: 1,
  }
}

function partFigure(
  part: Part,
  cells: Readonly<Partial<Record<Part, Cell>>>,
  quality: readonly Cell[],
  answers: Answers,
  input: Input,
): PartFigure {
  const failure = input.failure(part)
  if (failure !== undefined) return { state: 'failed', why: failure }
  const cell = cells[part]
  if (cell === undefined) {
    if (!input.asked(part)) return { state: 'not-asked' }
    return { state: answers.cells(part).length === 0 ? 'not-measured' : 'no-figure' }
  }
  const own = quality.filter(({ labels }) => labels['part'] === part)
  const components = own.flatMap(({ labels }) => labels['component'] ?? [])
  return {
    state: 'measured',
    joulesPerQuery: cell.value,
    methods: [
      ...new Set(own.filter(({ value }) => value > 0).flatMap(({ labels }) => labels['method'] ?? [])),
    ].sort(),
    missing:
      components.length === 0
        ? []
        : missingComponents(part, new Set(components), cells.accelerator !== undefined),
  }
}

function earlierOf(figure: (refId: string) => number | undefined): Earlier | undefined {
  const joulesPerQuery: Partial<Record<Part, number>> = {}
  for (const part of PARTS) {
    const joules = figure(`baseline_${part}`)
    if (joules !== undefined) joulesPerQuery[part] = joules
  }
  if (Object.keys(joulesPerQuery).length === 0) return undefined
  return { joulesPerQuery, queries: figure('baseline_queries'), tokens: figure('baseline_tokens') }
}

/** Figures found by labels. An answer without some label (a quantile has no variant) is for all that agree otherwise. */
class Answers {
  private readonly read = new Map<string, readonly Cell[]>()
  private readonly indices = new Map<string, Map<string, readonly Cell[]>>()

  constructor(private readonly input: Input) {}

  cells(refId: string): readonly Cell[] {
    let cells = this.read.get(refId)
    if (cells === undefined) {
      const all = instantCells(this.input.frames(refId))
      const output = all.filter(({ labels }) => (labels['direction'] ?? 'output') === 'output')
      cells = refId.endsWith('tokens') ? output : all
      this.read.set(refId, cells)
    }
    return cells
  }

  find(refId: string, labels: Labels): Cell | undefined {
    return this.all(refId, labels)[0]
  }

  quality(labels: Labels): readonly Cell[] {
    return this.all('quality', labels)
  }

  private all(refId: string, labels: Labels): readonly Cell[] {
    const names = KEY_LABELS.filter((name) =>
      this.cells(refId).some((cell) => cell.labels[name] !== undefined),
    )
    let index = this.indices.get(refId)
    if (index === undefined) {
      index = new Map()
      for (const cell of this.cells(refId)) {
        const key = JSON.stringify(names.map((name) => cell.labels[name] ?? ''))
        index.set(key, [...(index.get(key) ?? []), cell])
      }
      this.indices.set(refId, index)
    }
    return index.get(JSON.stringify(names.map((name) => labels[name] ?? ''))) ?? []
  }
}
