/** The course of energy per query, of queries and of tokens. */
import { timeSeries } from './core-panels.ts'
import { OF_MODEL } from './promql.ts'
import { widest } from './queries-answers.ts'
import { range } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

const PER_QUERY = widest('workload_model_boundary:wattribute_energy_per_query_joules:ratio_rate1h')
const MODEL = '{{workload}} {{model}} {{variant}}'

const WORDS = {
  description: ofEnergy(
    'Each point is the hour before it.',
    'the widest that is known of each model; it stands behind its name.',
    'energy by queries of the same hour; absent below ten queries.',
  ),
  width: 12,
  height: 8,
}

export const trend = () => [
  timeSeries({
    ...WORDS,
    title: 'A query in joules',
    unit: UNIT.joules,
    targets: [range({ refId: 'query', expr: PER_QUERY, legend: `${MODEL} ({{boundary}})` })],
  }).interval('1m'),
  timeSeries({
    ...WORDS,
    title: 'A query in Wh',
    unit: UNIT.wattHours,
    targets: [range({ refId: 'query', expr: `(${PER_QUERY}) / 3600`, legend: `${MODEL} ({{boundary}})` })],
  }).interval('1m'),
  timeSeries({
    title: 'Queries per second',
    description:
      'Answered queries, from the one source that counts: the server itself, a gateway or the counting proxy. Mean over five minutes.',
    unit: UNIT.queriesPerSecond,
    width: 12,
    height: 8,
    targets: [
      range({
        refId: 'queries',
        expr: `workload_model:wattribute_workload_queries:rate5m{${OF_MODEL}}`,
        legend: MODEL,
      }),
    ],
  }).interval('1m'),
  timeSeries({
    title: 'Tokens per second',
    description:
      '`output`: generated. `input`: of prompts, as far as they had to be worked on. `cached_input`: of prompts, out of a cache. Mean over five minutes.',
    unit: UNIT.tokensPerSecond,
    width: 12,
    height: 8,
    targets: [
      range({
        refId: 'tokens',
        expr: `workload_model_direction:wattribute_workload_tokens:rate5m{${OF_MODEL}}`,
        legend: `${MODEL} {{direction}}`,
      }),
    ],
  }).interval('1m'),
]
