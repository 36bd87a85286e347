/**
 * Energy per query and per token. The energy of a workload goes to the models whose queries are counted: by name where
 * each of them has energy of its own, else by their output tokens (several in one process, adapters), which is an
 * estimate.
 */
import { BOUNDARIES, energyByBoundary, energyByPart, PARTS } from './boundaries.ts'
import { MODEL, sumOver, WORKLOAD } from './energy-sums.ts'
import type { RecordingRule } from './rule.ts'
import { longerThan, type Window } from './windows.ts'

/** Below so many in the window, a ratio says nothing. */
export const FEWEST_QUERIES = 10

const nameOf = (level: string, metric: string, { name }: Window): string =>
  `${level}:wattribute_${metric}:ratio_rate${name}`

const counted = ({ name }: Window): string => `workload_model:wattribute_counted:rate${name}`
const split = (window: Window): string => nameOf('workload_model', 'energy_split', window)
const servedEnergy = (by: string, { name }: Window): string =>
  `workload_model_${by}:wattribute_served_energy_joules:rate${name}`
/** Counted models without energy of their own. */
const nameless = ({ name }: Window): string => `workload_model:wattribute_counted_without_energy:rate${name}`

/** Which models are counted, and by what the energy of a workload is split where they have none of their own. */
function splitRules(window: Window): readonly RecordingRule[] {
  const models = counted(window)
  const output = `${sumOver('tokens', window)}{direction="output"}`
  const isSplit = `and on (${WORKLOAD}) ${nameless(window)}`
  return [
    { record: models, expr: `group by (${MODEL}) (${sumOver('queries', window)} or ${output})` },
    { record: nameless(window), expr: `${models} unless on (${MODEL}) ${energyByPart(window)}` },
    {
      record: split(window),
      labels: { basis: 'workload' },
      expr: `${models}
and on (${WORKLOAD}) count by (${WORKLOAD}) (${models}) == 1
${isSplit}`,
    },
    {
      record: split(window),
      labels: { basis: 'output_tokens' },
      expr: `(
  sum by (${MODEL}) (${output}) / on (${WORKLOAD}) group_left () (sum by (${WORKLOAD}) (${output}) > 0)${asBefore(window)}
)
and on (${WORKLOAD}) count by (${WORKLOAD}) (${models}) > 1
${isSplit}
unless on (${WORKLOAD}) (${models} unless on (${MODEL}) ${output})`,
    },
  ]
}

/** Without any token there still is idle energy: it goes where that of the longer window goes. */
function asBefore(window: Window): string {
  const longer = longerThan(window)
  return longer === undefined ? '' : `\n  or on (${WORKLOAD})\n  ${split(longer)}{basis="output_tokens"}`
}

/** Energy of a workload that goes to the models that it answered queries with. */
function servedRules(by: 'part' | 'boundary', window: Window): readonly RecordingRule[] {
  const [energy, values] =
    by === 'part' ? [energyByPart(window), PARTS] : [energyByBoundary(window), BOUNDARIES]
  return values.map((value) => ({
    record: servedEnergy(by, window),
    labels: { [by]: value },
    expr: `label_replace(
  ${energy}{${by}="${value}"}
  and on (${MODEL}) ${counted(window)}
  unless on (${WORKLOAD}) ${nameless(window)},
  "basis", "model", "", ""
)
or
${split(window)} * on (${WORKLOAD}) group_left () sum by (${WORKLOAD}) (${energy}{${by}="${value}"})`,
  }))
}

/** Input that came out of a cache took no energy to speak of and is not in `input`. */
function tokensOf(direction: string, window: Window): string {
  const tokens = (of: string): string => `sum by (${MODEL}) (${sumOver('tokens', window)}{direction="${of}"})`
  return direction === 'all' ? `(${tokens('input')} + ${tokens('output')})` : tokens(direction)
}

const count = (rate: string, { seconds }: Window): string => `round(${rate} * ${seconds})`

function ratioRules(by: 'part' | 'boundary', window: Window): readonly RecordingRule[] {
  const served = servedEnergy(by, window)
  const queries = sumOver('queries', window)
  const perQuery = nameOf(`workload_model_${by}`, 'energy_per_query_joules', window)
  return [
    {
      record: perQuery,
      expr: `${served}
/ on (${MODEL}) group_left ()
(${queries} and ${count(queries, window)} >= ${FEWEST_QUERIES})`,
    },
    {
      record: nameOf(`workload_model_${by}`, 'energy_per_1000_queries_joules', window),
      expr: `1000 * ${perQuery}`,
    },
    ...['output', 'input', 'all'].map((direction) => {
      const tokens = tokensOf(direction, window)
      return {
        record: nameOf(`workload_model_${by}`, 'energy_per_token_joules', window),
        labels: { direction },
        // a server that counts tokens and no queries has to do with its tokens
        expr: `${served}
/ on (${MODEL}) group_left ()
(
  ${tokens}
  and
  ${count(tokens, window)} >= ${FEWEST_QUERIES}
  unless on (${MODEL})
  ${count(queries, window)} < ${FEWEST_QUERIES}
)`,
      }
    }),
  ]
}

/** All models of a workload together: exact however many there are. */
const workloadRule = (window: Window): RecordingRule => {
  const queries = `sum by (${WORKLOAD}) (${sumOver('queries', window)})`
  return {
    record: nameOf('workload_boundary', 'energy_per_query_joules', window),
    expr: `sum by (${WORKLOAD}, boundary) (${energyByBoundary(window)})
/ on (${WORKLOAD}) group_left ()
(${queries} and ${count(queries, window)} >= ${FEWEST_QUERIES})`,
  }
}

export const perQueryRules = (window: Window): readonly RecordingRule[] => [
  ...splitRules(window),
  ...servedRules('part', window),
  ...servedRules('boundary', window),
  ...ratioRules('part', window),
  ...ratioRules('boundary', window),
  workloadRule(window),
]
