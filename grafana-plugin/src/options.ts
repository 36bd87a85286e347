/** What users set, beside the field configuration. */
import type { VizLegendOptions, VizTooltipOptions } from '@grafana/schema'
import type { Boundary } from './model/parts'
import type { Quantity } from './model/quantity'
import type { Order } from './query-energy/bars'
import type { Grouping } from './query-energy/merge'

export interface PanelOptions {
  readonly view: 'auto' | 'query-energy' | 'training-phases'
  readonly quantity: Quantity
  readonly boundary: Boundary
  readonly grouping: Grouping
  readonly order: Order
  /** Bars before the rest is folded into one; 0 for all. */
  readonly top: number
  readonly percent: boolean
  readonly compareWith: 'nothing' | 'row' | 'earlier'
  /** The name of the row that the others are compared with. */
  readonly baseline: string
  readonly marks: boolean
  readonly lanesBy: 'run' | 'workload'
  readonly showTotals: boolean
  readonly legend: VizLegendOptions
  readonly tooltip: VizTooltipOptions
  /** By role, the name of the field that has it; nothing until someone maps one. */
  readonly mapping?: Readonly<Record<string, string | undefined>>
}

export type ViewName = Exclude<PanelOptions['view'], 'auto'>

export const DEFAULTS: Omit<PanelOptions, 'legend' | 'tooltip'> = {
  view: 'auto',
  quantity: 'per-query',
  boundary: 'facility',
  grouping: 'row',
  order: 'most',
  top: 20,
  percent: false,
  compareWith: 'nothing',
  baseline: '',
  marks: true,
  lanesBy: 'run',
  showTotals: true,
}
