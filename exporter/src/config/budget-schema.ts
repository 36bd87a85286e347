/** The keys of energy budgets and demand charges, and the rules that they make. */
import { z } from 'zod'
import {
  BOUNDARIES,
  WORKLOAD_KINDS,
  type BudgetMatch,
  type BudgetPeriod,
  type BudgetRule,
  type DemandRule,
} from '../model.ts'
import { watts } from '../units.ts'
import { isTimeZone, whyNoTimeZone } from './time-zone.ts'

const JOULES_PER_KWH = 3.6e6
const JOULES_PER_MWH = 3.6e9
/** A terawatt hour: energies stay exact up to twice that. */
const MOST_KWH = 1e9

const upTo = (most: number): z.ZodNumber =>
  z.number().gt(0, 'must be above 0').max(most, `must be at most ${most}`)

export const timeZone = (): z.ZodString =>
  z.string().refine(isTimeZone, { error: ({ input }) => whyNoTimeZone(input) })

const DATE = /^\d{4}-\d\d-\d\d$/

/** Years of four digits, which the calendar of every zone can count. */
function isDate(text: string): boolean {
  if (!DATE.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

export const date = (): z.ZodString =>
  z.string().refine(isDate, { error: 'is not a day of the calendar: write it as 2026-10-01' })

const billingDay = (): z.ZodInt => z.int().min(1, 'must be from 1 to 31').max(31, 'must be from 1 to 31')

const maxWatts = () => z.number().gt(0, 'must be above 0').optional()

const match = z
  .strictObject({
    workload: z
      .string()
      .optional()
      .describe('Name of the workload. `*` stands for any characters, here and below.'),
    namespace: z.string().optional().describe("Its Kubernetes namespace or Slurm account; `''` for none."),
    kind: z.enum(WORKLOAD_KINDS).optional().describe('What the workload is.'),
    user: z.string().optional().describe('Who runs it.'),
    account: z.string().optional().describe('Who pays for it: the account of the job scheduler.'),
    node: z.string().optional().describe('Name of the machine, as in the key `node`.'),
    pod_labels: z
      .record(z.string(), z.string())
      .optional()
      .describe('Labels of its Kubernetes pod; each of them must fit.'),
  })
  .prefault({})
  .describe(
    'Whose energy counts: every condition given must hold. Without any, all energy of the node counts, what could not be charged to a workload included.',
  )

const budget = z
  .strictObject({
    name: z.string().min(1).describe('Name of the budget, as in the label `budget` of its metrics.'),
    match,
    limit_kwh: upTo(MOST_KWH).optional().describe('The limit in kilowatt hours.'),
    limit_mwh: upTo(MOST_KWH / 1000)
      .optional()
      .describe('The limit in megawatt hours.'),
    limit_joules: upTo(MOST_KWH * JOULES_PER_KWH)
      .optional()
      .describe('The limit in joules.'),
    boundary: z
      .enum(BOUNDARIES)
      .default('provisioned')
      .describe(
        'How much of the world counts. `accelerator`: active energy of accelerators; `host`: that of CPU, memory and board as well; `provisioned`: idle energy as well; `facility`: cooling, power and network as well.',
      ),
    facility_factor: z
      .number()
      .min(1, 'must be from 1 to 10')
      .max(10, 'must be from 1 to 10')
      .optional()
      .describe(
        'Joules at the meter of the facility per joule of IT, on top of overhead that is booked here: use = booked overhead + factor × IT.',
      ),
    meter: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Counts this domain as a whole instead of what was booked: the label `domain` of its metrics, or `node` for all that was measured.',
      ),
    scope: z
      .enum(['node', 'cluster'])
      .default('node')
      .describe(
        'Whose limit it is. `node`: each machine has its own; `cluster`: all machines that have this budget share it.',
      ),
    max_watts: maxWatts().describe(
      'The highest power of all that the budget counts, at its boundary and on all machines that share it. `wattribute rules` refuses alerts that it can never fire.',
    ),
    period: z
      .enum(['day', 'week', 'month', 'dates'])
      .default('month')
      .describe('How often the budget begins anew; a week on Monday. `dates`: once, between two days.'),
    billing_day: billingDay()
      .optional()
      .describe('The day on which a month begins, 1 unless given; in shorter months it is their last day.'),
    from: date().optional().describe('First day of `period: dates`.'),
    to: date().optional().describe('Last day of `period: dates`.'),
    time_zone: timeZone().optional().describe('Its time zone; that of the key `time_zone` unless given.'),
  })
  .superRefine(
    (value, context) => {
      for (const [path, message] of contradictionsOf(value)) {
        context.addIssue({ code: 'custom', input: value, path: [...path], message })
      }
    },
    { when: () => true }, // also beside other problems, so that all are listed at once
  )

type Contradiction = readonly [path: readonly string[], message: string]

/** @param value may be incomplete where it has other problems */
function contradictionsOf(value: Partial<z.output<typeof budget>>): Contradiction[] {
  if (typeof value !== 'object') return []
  return [...limitProblems(value), ...boundaryProblems(value), ...periodProblems(value)]
}

function limitProblems(value: Partial<z.output<typeof budget>>): Contradiction[] {
  const given = (['limit_kwh', 'limit_mwh', 'limit_joules'] as const).filter(
    (key) => value[key] !== undefined,
  )
  if (given.length === 0) return [[[], 'needs a limit: one of `limit_kwh`, `limit_mwh` and `limit_joules`']]
  return given.slice(1).map((key) => [[key], `is a second limit beside \`${given[0] ?? ''}\`: give one`])
}

const WITHIN_A_METER = ['workload', 'namespace', 'kind', 'user', 'account', 'pod_labels'] as const

function boundaryProblems(value: Partial<z.output<typeof budget>>): Contradiction[] {
  const problems: Contradiction[] = []
  const { boundary, facility_factor: factor, meter } = value
  if (boundary === 'facility' && factor === undefined && meter === undefined) {
    problems.push([['boundary'], 'needs `facility_factor`, or `meter` for what sees the facility'])
  }
  if (factor !== undefined && boundary !== 'facility') {
    problems.push([['facility_factor'], 'goes with `boundary: facility` only'])
  }
  if (meter === undefined) return problems
  if (factor !== undefined)
    problems.push([['facility_factor'], 'cannot be applied to a `meter`: give one of the two'])
  const chosen = WITHIN_A_METER.filter((key) => value.match?.[key] !== undefined)
  return [
    ...problems,
    ...chosen.map((key): Contradiction => [
      ['match', key],
      'cannot choose within a `meter`: leave one of the two out',
    ]),
  ]
}

function periodProblems(value: Partial<z.output<typeof budget>>): Contradiction[] {
  const { period, billing_day: day, from, to } = value
  const problems: Contradiction[] = []
  if (day !== undefined && period !== 'month')
    problems.push([['billing_day'], 'goes with `period: month` only'])
  if (period !== 'dates') {
    const without = (['from', 'to'] as const).filter((key) => value[key] !== undefined)
    return [...problems, ...without.map((key): Contradiction => [[key], 'goes with `period: dates` only'])]
  }
  if (from === undefined) problems.push([['from'], 'is missing: the first day of `period: dates`'])
  if (to === undefined) problems.push([['to'], 'is missing: the last day of `period: dates`'])
  if (from !== undefined && to !== undefined && to < from)
    problems.push([['to'], 'must not be before `from`'])
  return problems
}

/** Refuses a list in which two items have the same text under a key. */
const unique =
  (key: string, message: string) =>
  (items: readonly unknown[], context: z.core.$RefinementCtx<readonly unknown[]>): void => {
    const seen = new Set<unknown>()
    items.forEach((item, index) => {
      const text =
        typeof item === 'object' && item !== null ? (item as Record<string, unknown>)[key] : undefined
      if (typeof text === 'string' && seen.has(text)) {
        context.addIssue({ code: 'custom', input: items, path: [index, key], message })
      }
      seen.add(text)
    })
  }

export const budgets = z
  .array(budget)
  .superRefine(unique('name', 'is the name of a budget above: each needs its own'), {
    when: ({ value }) => Array.isArray(value),
  })
  .default([])
  .describe('Energy budgets: how much of a limit is used in a period, and what it will be at its end.')

const demandCharge = z.strictObject({
  meter: z
    .string()
    .min(1)
    .describe('The domain, as in the label `domain` of its metrics, or `node` for all that was measured.'),
  block_minutes: z
    .literal([15, 30])
    .default(15)
    .describe('Length of a block. Blocks begin on the clock: at every quarter or half of an hour.'),
  limit_watts: z
    .number()
    .gt(0, 'must be above 0')
    .optional()
    .describe('The mean power that no block should exceed.'),
  max_watts: maxWatts().describe(
    'The highest power of the meter. `wattribute rules` refuses an alert that it can never fire.',
  ),
  billing_day: billingDay()
    .default(1)
    .describe(
      'The day of each month from which on the highest block is kept; in shorter months their last day.',
    ),
  time_zone: timeZone().optional().describe('Its time zone; that of the key `time_zone` unless given.'),
})

export const demand = z
  .array(demandCharge)
  .superRefine(unique('meter', 'names a meter that has demand blocks already'), {
    when: ({ value }) => Array.isArray(value),
  })
  .default([])
  .describe('Demand charges: mean power over blocks of the clock, as utilities bill it.')

export function budgetRuleOf(content: z.output<typeof budgets>[number], ownZone: string): BudgetRule {
  return {
    name: content.name,
    match: matchOf(content.match),
    limitJoules: limitOf(content),
    boundary: content.boundary,
    facilityFactor: content.facility_factor,
    meter: content.meter,
    scope: content.scope,
    maxWatts: content.max_watts === undefined ? undefined : watts(content.max_watts),
    period: periodOf(content),
    timeZone: content.time_zone ?? ownZone,
  }
}

function matchOf({
  pod_labels: podLabels,
  ...texts
}: z.output<typeof budgets>[number]['match']): BudgetMatch {
  const given = Object.entries(texts).filter(([, text]) => text !== undefined)
  return { ...Object.fromEntries(given), ...(podLabels !== undefined && { podLabels }) }
}

const limitOf = ({
  limit_kwh: kwh,
  limit_mwh: mwh,
  limit_joules: joules,
}: z.output<typeof budgets>[number]): number =>
  joules ?? (kwh === undefined ? (mwh ?? 0) * JOULES_PER_MWH : kwh * JOULES_PER_KWH)

function periodOf({
  period,
  billing_day: day = 1,
  from = '',
  to = '',
}: z.output<typeof budgets>[number]): BudgetPeriod {
  switch (period) {
    case 'day':
    case 'week':
      return { kind: period }
    case 'month':
      return { kind: period, billingDay: day }
    case 'dates':
      return { kind: period, from, to }
  }
}

export const demandRuleOf = (content: z.output<typeof demand>[number], ownZone: string): DemandRule => ({
  meter: content.meter,
  blockMinutes: content.block_minutes,
  limit: content.limit_watts === undefined ? undefined : watts(content.limit_watts),
  maxWatts: content.max_watts === undefined ? undefined : watts(content.max_watts),
  billingDay: content.billing_day,
  timeZone: content.time_zone ?? ownZone,
})
