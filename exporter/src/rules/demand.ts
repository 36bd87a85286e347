/** Demand charges: the mean power over blocks of the clock, as utilities bill it. */
import { alertRule, answerTo, VALUE, type RuleGroup } from './rule.ts'

const ELAPSED = `(time() - wattribute_demand_block_start_timestamp_seconds)
/ (wattribute_demand_block_end_timestamp_seconds - wattribute_demand_block_start_timestamp_seconds)`

const limitInWatts = answerTo(
  'max(wattribute_demand_limit_watts{cluster=%q,instance=%q,meter=%q})',
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
  expr: `wattribute_demand_projected_watts > wattribute_demand_limit_watts
and
${ELAPSED} > 1 / 3
or
wattribute_demand_last_block_watts > wattribute_demand_limit_watts
and
${ELAPSED} <= 1 / 3`,
  summary: 'The demand block of {{ $labels.meter }} on {{ $labels.instance }} exceeds its limit',
  description: `Its mean power comes to ${VALUE} W, and the limit is ${limitInWatts} W. What is paused before the block ends still lowers it.`,
})

export const demandAlerts: RuleGroup = { name: 'wattribute-demand', rules: [blockOverLimit] }
