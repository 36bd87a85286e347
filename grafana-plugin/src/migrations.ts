/** Options of older versions and of other panels, as options of this one. */
import type { PanelModel } from '@grafana/data'
import { BOUNDARIES } from './model/parts'
import { QUANTITIES } from './model/quantity'
import { DEFAULTS, type PanelOptions } from './options'

type Loose = Readonly<Record<string, unknown>>

const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  view: ['auto', 'query-energy', 'training-phases'],
  quantity: QUANTITIES,
  boundary: BOUNDARIES,
  grouping: ['row', 'workload', 'model', 'variant'],
  order: ['most', 'least', 'name', 'queries', 'data'],
  compareWith: ['nothing', 'row', 'earlier'],
  lanesBy: ['run', 'workload'],
}

/** What this version does not know, hand-written or of a newer one, becomes the default. */
export function migrate(panel: Pick<PanelModel, 'options'>): Partial<PanelOptions> {
  const options: Record<string, unknown> = { ...(panel.options as Loose | undefined) }
  for (const [name, values] of Object.entries(VALUES)) {
    if (options[name] !== undefined && !values.includes(options[name])) {
      options[name] = DEFAULTS[name as keyof typeof DEFAULTS]
    }
  }
  const { top, mapping } = options
  if (top !== undefined && !(typeof top === 'number' && Number.isInteger(top) && top >= 0))
    options['top'] = DEFAULTS.top
  if (mapping !== undefined && (typeof mapping !== 'object' || mapping === null)) options['mapping'] = {}
  return options
}

const VIEW_AFTER: Readonly<Record<string, PanelOptions['view']>> = {
  'state-timeline': 'training-phases',
  'status-history': 'training-phases',
  timeseries: 'training-phases',
  barchart: 'query-energy',
  bargauge: 'query-energy',
  piechart: 'query-energy',
}

/** When someone turns another panel into this one: its legend and tooltip stay, the view is the nearest. */
export function fromOtherPanel(
  panel: Pick<PanelModel, 'options'>,
  previousType: string,
  previous: Loose | undefined,
): Partial<PanelOptions> {
  const before = ((previous?.['options'] as Loose | undefined) ?? previous ?? {}) as Partial<PanelOptions> &
    Loose
  const view = VIEW_AFTER[previousType]
  const own: Partial<PanelOptions> = panel.options as Partial<PanelOptions>
  return {
    ...own,
    ...(view === undefined || own.view !== undefined ? {} : { view }),
    ...(before.legend === undefined ? {} : { legend: before.legend }),
    ...(before.tooltip === undefined ? {} : { tooltip: before.tooltip }),
    ...(before['stacking'] === 'percent' ? { percent: true } : {}),
  }
}
