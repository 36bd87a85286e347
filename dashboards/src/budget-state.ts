/** How a budget stands, in words. */
import type { FigureColumn } from './table-panel.ts'
import { IN_CLUSTER } from './promql.ts'
import { UNIT } from './units.ts'

/** 0 within, 1 will be overrun if it goes on so, 2 overrun. */
export const STATE = `(budget:wattribute_budget_projected_joules:sum{${IN_CLUSTER}} > bool budget:wattribute_budget_limit_joules:max{${IN_CLUSTER}}) + (budget:wattribute_budget_used:ratio{${IN_CLUSTER}} > bool 1)`

export const STATE_MAPPINGS = [
  {
    type: 'value',
    options: {
      '0': { text: 'within its limit', color: 'green', index: 0 },
      '1': { text: 'will be overrun', color: 'orange', index: 1 },
      '2': { text: 'overrun', color: 'red', index: 2 },
    },
  },
]

export const STATE_COLUMN: FigureColumn = {
  refId: 'state',
  title: 'State',
  unit: UNIT.number,
  expr: STATE,
  properties: [
    { id: 'mappings', value: STATE_MAPPINGS },
    { id: 'custom.cellOptions', value: { type: 'color-text' } },
  ],
}
