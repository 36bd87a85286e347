/** When Grafana may propose this panel. */
import type { DataFrame, VisualizationSuggestionsSupplier } from '@grafana/data'
import { inputOf } from './model/input'
import { DEFAULTS, type PanelOptions } from './options'
import { findTable } from './query-energy/read-table'
import { PARTS } from './model/parts'
import { findPhaseTables } from './training-phases/series'

export interface Suggestion {
  readonly name: string
  readonly options: Partial<PanelOptions>
}

/** Both views of the data that they are for; nothing for other data. */
export function suggestionsFor(frames: readonly DataFrame[]): readonly Suggestion[] {
  const input = inputOf({ series: [...frames] } as never)
  const suggestions: Suggestion[] = []
  if (PARTS.some((part) => input.asked(part)) || findTable(frames, {}) !== undefined) {
    suggestions.push(
      { name: 'Energy per query', options: { ...DEFAULTS, view: 'query-energy' } },
      { name: 'Energy per query, shares', options: { ...DEFAULTS, view: 'query-energy', percent: true } },
    )
  }
  if (input.asked('timeline') || findPhaseTables(frames, {}) !== undefined) {
    suggestions.push({ name: 'Training phases', options: { ...DEFAULTS, view: 'training-phases' } })
  }
  return suggestions
}

/** What Grafana 11 hands over; newer ones call a function with a summary. */
interface OldBuilder {
  readonly data?: { readonly series: readonly DataFrame[] }
  readonly getListAppender: (defaults: object) => { readonly append: (suggestion: Suggestion) => void }
}

/** One supplier for all versions: a function that has the old form's method as well. */
export const suggestionsSupplier: VisualizationSuggestionsSupplier<PanelOptions> = Object.assign(
  (summary: { readonly rawFrames?: readonly DataFrame[] }) => [...suggestionsFor(summary.rawFrames ?? [])],
  {
    getSuggestionsForData: (builder: OldBuilder) => {
      const defaults = { defaults: {}, overrides: [] }
      const list = builder.getListAppender({
        pluginId: 'wattribute-energy-panel',
        options: {},
        fieldConfig: defaults,
      })
      for (const suggestion of suggestionsFor(builder.data?.series ?? [])) list.append(suggestion)
    },
  },
)
