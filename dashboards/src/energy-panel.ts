/** The panel plugin, and the same queries in Grafana's own panels for those who do not have it. */
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { withWords, type PanelWords } from './core-panels.ts'

export const ENERGY_PANEL = 'wattribute-energy-panel'

export interface EnergyPanelWords extends PanelWords {
  readonly view: 'query-energy' | 'training-phases'
  /** Beside the defaults; the panel's README names them. */
  readonly options?: Readonly<Record<string, unknown>>
}

/** A section with it is followed by one with core panels that have each of its queries, by the same refIds. */
export const energyPanel = ({ view, options = {}, ...words }: EnergyPanelWords): PanelBuilder =>
  withWords(new PanelBuilder().type(ENERGY_PANEL), words).options({
    view,
    legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] },
    tooltip: { mode: 'single', sort: 'none' },
    ...options,
  })

/** Title of the section that follows. */
export const WITHOUT_PLUGIN = 'The same without the panel plugin'
