/**
 * Runs in the browser in the place of Grafana: hands its libraries to SystemJS, loads the built plugin, and renders it
 * with the data, options and field configuration of a scene.
 */
import * as emotion from '@emotion/css'
import * as emotionReact from '@emotion/react'
import * as data from '@grafana/data'
import * as runtime from '@grafana/runtime'
import * as ui from '@grafana/ui'
import * as lodash from 'lodash'
import * as React from 'react'
import * as ReactDOM from 'react-dom'
import { createRoot, type Root } from 'react-dom/client'
import * as jsxRuntime from 'react/jsx-runtime'
import * as rxjs from 'rxjs'
import type { Scene } from './scene'

declare global {
  interface Window {
    System: {
      set: (name: string, module: object) => void
      addImportMap: (map: object) => void
      import: (url: string) => Promise<{ plugin: data.PanelPlugin }>
    }
    show: (scene: Scene) => Promise<void>
    /** What the panel asked for, in order. */
    asked: Array<{ readonly what: string; readonly value: unknown }>
    suggestions: (series: unknown[]) => Promise<unknown[]>
  }
}

const shared = {
  react: React,
  'react-dom': ReactDOM,
  'react/jsx-runtime': jsxRuntime,
  '@emotion/css': emotion,
  '@emotion/react': emotionReact,
  '@grafana/data': data,
  '@grafana/ui': ui,
  '@grafana/runtime': runtime,
  lodash,
  rxjs,
}
for (const [name, module] of Object.entries(shared)) {
  const plain = {
    ...module,
    default: (module as { default?: unknown }).default ?? module,
    __useDefault: true,
  }
  window.System.set(`package:${name}`, plain)
  window.System.addImportMap({ imports: { [name]: `package:${name}` } })
}

const EDITORS =
  'text number slider boolean select multi-select radio color fieldColor unit stats-picker strings thresholds mappings links actions timezone field-name dashboard-uid'
const FIELD_OPTIONS = 'unit decimals min max displayName noValue thresholds mappings links color'
const Nothing = () => null
data.standardEditorsRegistry.setInit(() =>
  EDITORS.split(' ').map((id) => ({ id, name: id, editor: Nothing }) as never),
)
data.standardFieldConfigEditorRegistry.setInit(() =>
  FIELD_OPTIONS.split(' ').map(
    (id) =>
      ({
        id,
        path: id,
        name: id,
        editor: Nothing,
        override: Nothing,
        process: (value: unknown) => value,
        shouldApply: () => true,
        settings: {},
      }) as never,
  ),
)
data.locationUtil.initialize({
  config: { appSubUrl: '' } as never,
  getVariablesUrlParams: () => ({}),
  getTimeRangeForUrl: () => ({ from: 'now-1h', to: 'now' }),
})

const MODULE = '/public/plugins/wattribute-energy-panel/module.js'
let root: Root | undefined
window.asked = []

window.show = async (scene) => {
  const { plugin } = await window.System.import(MODULE)
  plugin.meta = { id: 'wattribute-energy-panel', name: 'Wattribute Energy' } as never
  root?.unmount()
  window.asked = []
  const theme = data.createTheme({ colors: { mode: scene.theme } })
  const element = document.getElementById('root')
  if (element === null) throw new Error('the page has no root')
  document.body.style.background = theme.colors.background.canvas
  root = createRoot(element)
  root.render(<Host scene={scene} plugin={plugin} theme={theme} />)
  await new Promise((resolve) => setTimeout(resolve, 60))
}

window.suggestions = async (series) => {
  const { plugin } = await window.System.import(MODULE)
  plugin.meta = { id: 'wattribute-energy-panel', name: 'Wattribute Energy' } as never
  const frames = series.map((one) => data.toDataFrame(one))
  const modern = plugin as unknown as { getSuggestions?: (summary: unknown) => unknown[] | undefined }
  if (modern.getSuggestions !== undefined) return modern.getSuggestions({ rawFrames: frames }) ?? []
  const list: unknown[] = []
  const builder = {
    data: { series: frames },
    getListAppender: () => ({ append: (one: unknown) => list.push(one) }),
  }
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- Grafana 11 asks this way
  plugin.getSuggestionsSupplier().getSuggestionsForData(builder as never)
  return list
}

interface HostProps {
  readonly scene: Scene
  readonly plugin: data.PanelPlugin
  readonly theme: data.GrafanaTheme2
}

/** What stands around a panel in a dashboard. */
function Host({ scene, plugin, theme }: HostProps) {
  const [zoomed, setZoomed] = React.useState<{ from: number; to: number }>()
  const timeRange = React.useMemo(() => rangeOf(scene, zoomed), [scene, zoomed])
  const fieldConfig = React.useMemo(
    () => ({
      defaults: { ...plugin.fieldConfigDefaults.defaults, ...scene.fieldConfig?.defaults },
      overrides: scene.fieldConfig?.overrides ?? [],
    }),
    [scene, plugin],
  ) as unknown as data.FieldConfigSource
  const panelData = React.useMemo(() => {
    const series = data.applyFieldOverrides({
      data: scene.series.map((one) => data.toDataFrame(one)),
      fieldConfig,
      replaceVariables: (text: string) => text,
      theme,
      timeZone: scene.timeZone,
      fieldConfigRegistry: plugin.fieldConfigRegistry,
    })
    return {
      series,
      state: scene.state,
      errors: scene.errors,
      timeRange,
      request: { targets: scene.targets.map((refId) => ({ refId })) },
    }
  }, [scene, fieldConfig, theme, timeRange, plugin])
  const options = React.useMemo(() => ({ ...plugin.defaults, ...scene.options }), [scene, plugin]) as {
    legend?: object
  }
  const Panel = plugin.panel as unknown as React.ComponentType<Record<string, unknown>>
  const { width, height } = scene
  return (
    <data.ThemeContext.Provider value={theme}>
      <ui.GlobalStyles />
      <ui.PortalContainer />
      <ui.PanelContextProvider
        value={{
          eventsScope: 'test',
          eventBus: new data.EventBusSrv(),
          onToggleSeriesVisibility: (label: unknown) =>
            window.asked.push({ what: 'hide fields', value: label }),
        }}
      >
        <ui.PanelChrome title={scene.title} width={width} height={height} loadingState={scene.state as never}>
          {(innerWidth: number, innerHeight: number) => (
            <Panel
              id={1}
              title={scene.title}
              transparent={false}
              data={panelData}
              options={options}
              fieldConfig={fieldConfig}
              timeRange={timeRange}
              timeZone={scene.timeZone}
              width={innerWidth}
              height={innerHeight}
              renderCounter={1}
              eventBus={new data.EventBusSrv()}
              replaceVariables={(text: string) => text}
              onOptionsChange={(value: unknown) => window.asked.push({ what: 'options', value })}
              onFieldConfigChange={(value: unknown) => window.asked.push({ what: 'field config', value })}
              onChangeTimeRange={(value: { from: number; to: number }) => {
                window.asked.push({ what: 'time range', value })
                setZoomed(value)
              }}
            />
          )}
        </ui.PanelChrome>
      </ui.PanelContextProvider>
    </data.ThemeContext.Provider>
  )
}

function rangeOf(scene: Scene, zoomed: { from: number; to: number } | undefined): data.TimeRange {
  const from = data.dateTime(zoomed?.from ?? scene.from)
  const to = data.dateTime(zoomed?.to ?? scene.to)
  const raw = zoomed === undefined && scene.untilNow ? { from: 'now-1h', to: 'now' } : { from, to }
  return { from, to, raw }
}
