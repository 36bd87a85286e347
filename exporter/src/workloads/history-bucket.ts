/**
 * One hour or one day of the books: exact energy per row, and how much of that time was seen. Plain data in and out,
 * so that it can be kept.
 */
import {
  COMPONENTS,
  METHODS,
  REASONS,
  type Component,
  type Method,
  type Part,
  type Reason,
  type WallSpan,
  type WorkloadFacts,
} from '../model.ts'
import { EnergyTotal, seconds, type Microjoules, type Seconds } from '../units.ts'

export const PARTS = ['accelerator', 'host', 'idle', 'overhead'] as const satisfies readonly Part[]

/** Rows of workloads that one bucket holds; further ones are folded into the workload `other`. */
export const MOST_ROWS = 2000

export type RowLabels = Omit<WorkloadFacts, 'kind' | 'user' | 'account' | 'podLabels'> & {
  readonly kind: string
}

/** Energy that was booked alike: to a workload (`reason` is empty), or to nobody for a reason. */
export interface HistoryRow extends RowLabels {
  readonly reason: Reason | ''
  readonly component: Component
  readonly part: Part
  readonly method: Method
  readonly energy: EnergyTotal
}

export type EnergyKind = Pick<HistoryRow, 'component' | 'part' | 'method'>

export type BucketUnit = 'hour' | 'day'

/** An hour or a day that has ended. (unit, zone, from, generation) tells it from every other. */
export interface ClosedBucket extends WallSpan {
  readonly unit: BucketUnit
  /** The IANA zone on whose clock it is an hour or a day. */
  readonly zone: string
  /** Rises when the clock was found to have been wrong: the same hour can then come again, and both count. */
  readonly generation: number
  /** Time in which the exporter ran; more than the bucket is long where the clock was set back. */
  readonly observed: Seconds
  /** Time in which it did not run. */
  readonly down: Seconds
  /** Time in which nothing is known of a component although the exporter ran. */
  readonly unknown: ReadonlyMap<Component, Seconds>
  /** Energy that is in the workload `other` only because there were too many rows. */
  readonly folded: EnergyTotal
  readonly rows: readonly HistoryRow[]
}

const COMPONENT_INDEX = indexOf(COMPONENTS, PARTS.length * METHODS.length)
const PART_INDEX = indexOf(PARTS, METHODS.length)
const METHOD_INDEX = indexOf(METHODS, 1)

/** A small number for each (component, part, method). */
export const kindIndexOf = ({ component, part, method }: EnergyKind): number =>
  COMPONENT_INDEX[component] + PART_INDEX[part] + METHOD_INDEX[method]

export const NOBODY: RowLabels = { workload: '', namespace: '', kind: '', model: '', variant: '', phase: '' }
const OTHER: RowLabels = { ...NOBODY, workload: 'other', kind: 'other' }

export const keyOfLabels = ({ workload, namespace, kind, model, variant, phase }: RowLabels): string =>
  JSON.stringify([workload, namespace, kind, model, variant, phase])

const KEY_OF_OTHER = keyOfLabels(OTHER)

/** A bucket that still takes energy in. */
export class Bucket {
  readonly span: WallSpan
  observed = 0
  down = 0
  readonly unknown = new Map<Component, number>()
  readonly #rows = new Map<string, HistoryRow>()
  /** By kind index; kept apart so that what was folded can be counted. */
  readonly #foldedRows = new Map<number, HistoryRow>()
  readonly #foldedEarlier = new EnergyTotal()
  #workloadRows = 0

  constructor(span: WallSpan) {
    this.span = span
  }

  /** The row of a workload, or the one that stands in for it when the bucket is full. */
  workloadRow(labels: RowLabels, key: string, kind: EnergyKind): HistoryRow {
    const rowKey = `${kindIndexOf(kind)}${key}`
    const known = this.#rows.get(rowKey)
    if (known !== undefined) return known
    if (this.#workloadRows >= MOST_ROWS && key !== KEY_OF_OTHER) return this.#foldedRow(kind)
    this.#workloadRows += 1
    return this.#newRow(rowKey, labels, '', kind)
  }

  reasonRow(reason: Reason, kind: EnergyKind): HistoryRow {
    const rowKey = `${kindIndexOf(kind)}${reason}`
    return this.#rows.get(rowKey) ?? this.#newRow(rowKey, NOBODY, reason, kind)
  }

  addUnknown(component: Component, duration: number): void {
    this.unknown.set(component, (this.unknown.get(component) ?? 0) + duration)
  }

  /** Takes over all that another one holds. */
  merge(other: Bucket): void {
    this.observed += other.observed
    this.down += other.down
    for (const [component, duration] of other.unknown) this.addUnknown(component, duration)
    for (const row of other.#rows.values()) this.#rowLike(row).energy.addTotal(row.energy)
    for (const row of other.#foldedRows.values()) this.#foldedRow(row).energy.addTotal(row.energy)
    this.#foldedEarlier.addTotal(other.#foldedEarlier)
  }

  *rows(): Generator<HistoryRow> {
    yield* this.#rows.values()
    yield* this.#foldedRows.values()
  }

  close(unit: BucketUnit, zone: string, generation: number): ClosedBucket {
    return {
      unit,
      zone,
      generation,
      ...this.span,
      observed: seconds(this.observed),
      down: seconds(this.down),
      unknown: new Map(Array.from(this.unknown, ([component, duration]) => [component, seconds(duration)])),
      folded: EnergyTotal.of(
        this.#foldedEarlier,
        ...Array.from(this.#foldedRows.values(), ({ energy }) => energy),
      ),
      rows: this.#rowsFolded(),
    }
  }

  static reopen(closed: ClosedBucket): Bucket {
    const bucket = new Bucket({ from: closed.from, to: closed.to })
    bucket.observed = closed.observed
    bucket.down = closed.down
    for (const [component, duration] of closed.unknown) bucket.addUnknown(component, duration)
    for (const row of closed.rows) bucket.#rowLike(row).energy.addTotal(row.energy)
    bucket.#foldedEarlier.addTotal(closed.folded)
    return bucket
  }

  #rowLike(row: HistoryRow): HistoryRow {
    return row.reason === '' ? this.workloadRow(row, keyOfLabels(row), row) : this.reasonRow(row.reason, row)
  }

  #newRow(
    key: string,
    labels: RowLabels,
    reason: HistoryRow['reason'],
    { component, part, method }: EnergyKind,
  ): HistoryRow {
    const { workload, namespace, kind, model, variant, phase } = labels
    const names = { workload, namespace, kind, model, variant, phase }
    const row = { ...names, reason, component, part, method, energy: new EnergyTotal() }
    this.#rows.set(key, row)
    return row
  }

  #foldedRow(kind: EnergyKind): HistoryRow {
    const index = kindIndexOf(kind)
    const known = this.#foldedRows.get(index)
    if (known !== undefined) return known
    const { component, part, method } = kind
    const row = { ...OTHER, reason: '', component, part, method, energy: new EnergyTotal() } as const
    this.#foldedRows.set(index, row)
    return row
  }

  #rowsFolded(): HistoryRow[] {
    const rows = new Map(this.#rows)
    for (const [index, folded] of this.#foldedRows) {
      const key = `${index}${KEY_OF_OTHER}`
      const other = rows.get(key)
      const energy = EnergyTotal.of(folded.energy, ...(other === undefined ? [] : [other.energy]))
      rows.set(key, { ...folded, energy })
    }
    return [...rows.values()]
  }
}

/** A bucket as plain JSON. Energies are whole microjoules in decimal text, rows are lists to keep files small. */
export interface BucketRecord {
  readonly unit: BucketUnit
  readonly zone: string
  readonly from: number
  readonly to: number
  readonly generation: number
  readonly observed_seconds: number
  readonly down_seconds: number
  readonly unknown_seconds: Readonly<Partial<Record<Component, number>>>
  readonly folded_microjoules: string
  /** workload, namespace, kind, model, variant, phase, reason, component, part, method, microjoules */
  readonly rows: readonly (readonly string[])[]
}

export const recordOf = (bucket: ClosedBucket): BucketRecord => ({
  unit: bucket.unit,
  zone: bucket.zone,
  from: bucket.from,
  to: bucket.to,
  generation: bucket.generation,
  observed_seconds: bucket.observed,
  down_seconds: bucket.down,
  unknown_seconds: Object.fromEntries(bucket.unknown),
  folded_microjoules: microjoulesText(bucket.folded),
  rows: bucket.rows.map((row) => [
    row.workload,
    row.namespace,
    row.kind,
    row.model,
    row.variant,
    row.phase,
    row.reason,
    row.component,
    row.part,
    row.method,
    microjoulesText(row.energy),
  ]),
})

/** @returns undefined when the record is not what `recordOf` writes */
export function bucketOf(record: unknown): ClosedBucket | undefined {
  if (typeof record !== 'object' || record === null) return undefined
  const { unit, zone, from, to, generation, ...rest } = record as Record<string, unknown>
  const folded = totalOf(rest['folded_microjoules'])
  const unknown = unknownOf(rest['unknown_seconds'])
  const rows = rowsOf(rest['rows'])
  if ((unit !== 'hour' && unit !== 'day') || typeof zone !== 'string') return undefined
  if (!isAmount(from) || !isAmount(to) || !(from < to) || !isAmount(generation)) return undefined
  if (!isAmount(rest['observed_seconds']) || !isAmount(rest['down_seconds'])) return undefined
  if (folded === undefined || unknown === undefined || rows === undefined) return undefined
  return {
    unit,
    zone,
    from: seconds(from),
    to: seconds(to),
    generation,
    observed: seconds(rest['observed_seconds']),
    down: seconds(rest['down_seconds']),
    unknown,
    folded,
    rows,
  }
}

/** Whole microjoules: the form in which energies are kept. */
export const microjoulesText = (energy: EnergyTotal): string => energy.toBigInt().toString()

const MICROJOULES = /^(?<joules>\d{0,15}?)(?<below>\d{1,6})$/

/** @returns undefined when the text is no whole number of microjoules below 10^21 */
export function totalOf(text: unknown): EnergyTotal | undefined {
  const { joules, below } = (typeof text === 'string' ? MICROJOULES.exec(text) : null)?.groups ?? {}
  if (joules === undefined || below === undefined) return undefined
  const total = EnergyTotal.from(Number(below) as Microjoules)
  total.joules += Number(joules)
  return total
}

export const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0

function unknownOf(value: unknown): ReadonlyMap<Component, Seconds> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const unknown = new Map<Component, Seconds>()
  for (const [name, duration] of Object.entries(value)) {
    const component = COMPONENTS.find((one) => one === name)
    if (component === undefined || !isAmount(duration)) return undefined
    unknown.set(component, seconds(duration))
  }
  return unknown
}

function rowsOf(value: unknown): readonly HistoryRow[] | undefined {
  if (!Array.isArray(value)) return undefined
  const rows = value.map(rowOf)
  return rows.every((row) => row !== undefined) ? rows : undefined
}

const ROW_FIELDS = 11

function rowOf(value: unknown): HistoryRow | undefined {
  if (!Array.isArray(value) || value.length !== ROW_FIELDS) return undefined
  if (!value.every((field) => typeof field === 'string')) return undefined
  const [workload = '', namespace = '', kind = '', model = '', variant = '', phase = ''] = value
  const [reasonText, componentText, partText, methodText, energyText] = value.slice(6)
  const reason = ['' as const, ...REASONS].find((one) => one === reasonText)
  const component = COMPONENTS.find((one) => one === componentText)
  const part = PARTS.find((one) => one === partText)
  const method = METHODS.find((one) => one === methodText)
  const energy = totalOf(energyText)
  if (reason === undefined || component === undefined || part === undefined) return undefined
  if (method === undefined || energy === undefined) return undefined
  return { workload, namespace, kind, model, variant, phase, reason, component, part, method, energy }
}

function indexOf<Word extends string>(words: readonly Word[], step: number): Readonly<Record<Word, number>> {
  return Object.fromEntries(words.map((word, index) => [word, index * step])) as Record<Word, number>
}
