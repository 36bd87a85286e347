import { type Field, FieldType, PanelOptionsEditorBuilder, standardEditorsRegistry } from '@grafana/data'
import { addOptions } from './option-editors'
import { DEFAULTS, type PanelOptions } from './options'
import { TABLE_ROLES } from './query-energy/read-table'
import { PHASE_ROLES } from './training-phases/series'

const EDITORS = ['radio', 'select', 'boolean', 'number', 'text', 'field-name']
standardEditorsRegistry.setInit(() => EDITORS.map((id) => ({ id, name: id, editor: () => null })))

const builder = new PanelOptionsEditorBuilder<PanelOptions>()
addOptions(builder)
const pickers = new Map(
  builder
    .getItems()
    .filter(({ path }) => path.startsWith('mapping.'))
    .map((item) => [item.path.replace('mapping.', ''), item]),
)
const shownIn = (view: PanelOptions['view'], role: string) =>
  pickers.get(role)?.showIf?.({ ...DEFAULTS, view } as PanelOptions)
const accepts = (role: string, type: FieldType) => {
  const { filter } = pickers.get(role)?.settings as { filter: (field: Field) => boolean }
  return filter({ name: 'x', type, config: {}, values: [] })
}

test.each(TABLE_ROLES)('%s can be picked for bars', (role) => {
  expect(shownIn('query-energy', role)).toBe(true)
})

test.each(PHASE_ROLES)('%s can be picked for lanes, and not for bars', (role) => {
  expect(shownIn('training-phases', role)).toBe(true)
  expect(shownIn('query-energy', role)).toBe(false)
})

test.each(['cluster', 'phase', 'host_method', 'idle_components'])('%s is a column of text', (role) => {
  expect([accepts(role, FieldType.string), accepts(role, FieldType.number)]).toEqual([true, false])
})

test.each(['host', 'baseline_host', 'baseline_queries', 'watts'])('%s is a column of numbers', (role) => {
  expect([accepts(role, FieldType.string), accepts(role, FieldType.number)]).toEqual([false, true])
})

test('every option has its default where it is chosen', () => {
  const defaults = builder
    .getItems()
    .filter(({ path }) => path in DEFAULTS)
    .map(({ path, defaultValue }): [string, unknown] => [path, defaultValue])
  expect(Object.fromEntries(defaults)).toEqual(DEFAULTS)
})
