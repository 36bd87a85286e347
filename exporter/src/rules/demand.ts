/** Demand charges: the mean power over blocks of the clock, as utilities bill it. */
import { alertRule, answerTo, VALUE, type RuleGroup } from './rule.ts'

/** An exporter that restarts is missing for some scrapes; its blocks go on. */
const newest = (metric: string): string => `last_over_time(wattribute_demand_${metric}[4m])`

const START = newest('block_start_timestamp_seconds')
const ELAPSED = `(time() - ${START}) / (${newest('block_end_timestamp_seconds')} - ${START})`
const LIMIT = newest('limit_watts')

const limitInWatts = answerTo(
  'max(last_over_time(wattribute_demand_limit_watts{cluster=%q,instance=%q,meter=%q}[4m]))',
  '$labels.cluster',
  '$labels.instance',
  '$labels.meter',
)

/**
 * The first third of a block says too little about the rest. In it the block before stands for it, so that a load that
 * goes on over several blocks is one alert.
 */
const blockOverLimit = alertRule('WattributeDemandBlockOverLimit', {
  severity: 'critical',
  for: '1m',
  expr: `${newest('projected_watts')} > ${LIMIT}
and
${ELAPSED} > 1 / 3
or
${newest('last_block_watts')} > ${LIMIT}
and
${ELAPSED} <= 1 / 3`,
  summary: 'The demand block of {{ $labels.meter }} on {{ $labels.instance }} exceeds its limit',
  description: `Its mean power comes to ${VALUE} W, and the limit is ${limitInWatts} W. What is paused before the block ends still lowers it.`,
})

export const demandAlerts: RuleGroup = { name: 'wattribute-demand', rules: [blockOverLimit] }
