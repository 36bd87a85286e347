import { FieldColorModeId, FieldConfigProperty, PanelPlugin } from '@grafana/data'
import { commonOptionsBuilder } from '@grafana/ui'
import { EnergyPanel } from './EnergyPanel'
import { fromOtherPanel, migrate } from './migrations'
import { addOptions } from './option-editors'
import type { PanelOptions } from './options'
import { suggestionsSupplier } from './suggestions'

export const plugin = new PanelPlugin<PanelOptions>(EnergyPanel)
  .useFieldConfig({
    standardOptions: {
      // parts and phases have colours of their own until someone chooses others
      [FieldConfigProperty.Color]: { defaultValue: { mode: FieldColorModeId.PaletteClassic } },
    },
    useCustomConfig: (builder) => commonOptionsBuilder.addHideFrom(builder),
  })
  .setPanelOptions((builder) => {
    addOptions(builder)
    commonOptionsBuilder.addTooltipOptions(builder)
    commonOptionsBuilder.addLegendOptions(builder, true)
  })
  .setMigrationHandler(migrate)
  .setPanelChangeHandler((panel, previousType, previous) => fromOtherPanel(panel, previousType, previous))
  .setSuggestionsSupplier(suggestionsSupplier)
