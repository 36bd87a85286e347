/** The options in Grafana's panel editor. */
import { type Field, FieldType, type PanelOptionsEditorBuilder } from '@grafana/data'
import { QUANTITIES, QUANTITY } from './model/quantity'
import { DEFAULTS, type PanelOptions } from './options'
import { KEY_LABELS } from './query-energy/read-queries'
import { TABLE_ROLES } from './query-energy/read-table'
import { PHASE_ROLES } from './training-phases/series'

const BARS = ['Energy per query']
const LANES = ['Training phases']
const FIELDS = ['Fields by role']

const isBars = ({ view }: PanelOptions) => view !== 'training-phases'
const isLanes = ({ view }: PanelOptions) => view !== 'query-energy'

export function addOptions(builder: PanelOptionsEditorBuilder<PanelOptions>): void {
  builder.addRadio({
    path: 'view',
    name: 'View',
    defaultValue: DEFAULTS.view,
    settings: {
      options: [
        { value: 'auto', label: 'Auto', description: 'By what the data are' },
        { value: 'query-energy', label: 'Energy per query' },
        { value: 'training-phases', label: 'Training phases' },
      ],
    },
  })
  addBarOptions(builder)
  builder
    .addRadio({
      path: 'lanesBy',
      name: 'A lane for each',
      category: LANES,
      defaultValue: DEFAULTS.lanesBy,
      settings: {
        options: [
          { value: 'run', label: 'Run' },
          { value: 'workload', label: 'Workload' },
        ],
      },
      showIf: isLanes,
    })
    .addBooleanSwitch({
      path: 'showTotals',
      name: 'Table of totals',
      category: LANES,
      defaultValue: DEFAULTS.showTotals,
      showIf: isLanes,
    })
  addRoles(builder)
}

function addBarOptions(builder: PanelOptionsEditorBuilder<PanelOptions>): void {
  builder
    .addSelect({
      path: 'quantity',
      name: 'Show',
      description: 'Joules or watt-hours follow from the unit in the standard options',
      category: BARS,
      defaultValue: DEFAULTS.quantity,
      settings: { options: QUANTITIES.map((value) => ({ value, label: QUANTITY[value].label })) },
      showIf: isBars,
    })
    .addSelect({
      path: 'boundary',
      name: 'Boundary',
      description: 'How much of the world a bar includes',
      category: BARS,
      defaultValue: DEFAULTS.boundary,
      settings: {
        options: [
          { value: 'accelerator', label: 'Accelerator', description: 'Active energy of accelerators' },
          { value: 'host', label: 'Host', description: 'and of CPU, memory and board' },
          { value: 'provisioned', label: 'Provisioned', description: 'and idle energy' },
          { value: 'facility', label: 'Facility', description: 'and cooling, power conversion and network' },
        ],
      },
      showIf: isBars,
    })
    .addSelect({
      path: 'grouping',
      name: 'A bar for each',
      category: BARS,
      defaultValue: DEFAULTS.grouping,
      settings: {
        options: [
          { value: 'row', label: 'Workload, model and variant' },
          { value: 'workload', label: 'Workload' },
          { value: 'model', label: 'Model' },
          { value: 'variant', label: 'Model and variant' },
        ],
      },
      showIf: isBars,
    })
    .addSelect({
      path: 'order',
      name: 'Order',
      category: BARS,
      defaultValue: DEFAULTS.order,
      settings: {
        options: [
          { value: 'most', label: 'Most energy first' },
          { value: 'least', label: 'Least energy first' },
          { value: 'queries', label: 'Most queries first' },
          { value: 'name', label: 'By name' },
          { value: 'data', label: 'As in the data' },
        ],
      },
      showIf: isBars,
    })
    .addNumberInput({
      path: 'top',
      name: 'Bars at most',
      description: 'The rest is one bar, other. 0 shows all.',
      category: BARS,
      defaultValue: DEFAULTS.top,
      settings: { min: 0, integer: true },
      showIf: isBars,
    })
    .addBooleanSwitch({
      path: 'percent',
      name: '100 %',
      description: 'Every bar as long as the others: shares instead of energy',
      category: BARS,
      defaultValue: DEFAULTS.percent,
      showIf: isBars,
    })
    .addRadio({
      path: 'compareWith',
      name: 'Compare with',
      category: BARS,
      defaultValue: DEFAULTS.compareWith,
      settings: {
        options: [
          { value: 'nothing', label: 'Nothing' },
          { value: 'row', label: 'Another bar' },
          { value: 'earlier', label: 'Last week', description: 'The queries named baseline_…' },
        ],
      },
      showIf: isBars,
    })
    .addTextInput({
      path: 'baseline',
      name: 'Baseline',
      description: 'The workload, model or variant that the others are compared with',
      category: BARS,
      defaultValue: DEFAULTS.baseline,
      showIf: (options) => isBars(options) && options.compareWith === 'row',
    })
    .addBooleanSwitch({
      path: 'marks',
      name: 'Median and 95th percentile',
      description: 'Where the queries p50 and p95 are',
      category: BARS,
      defaultValue: DEFAULTS.marks,
      showIf: isBars,
    })
}

const isText = (role: string) => [...KEY_LABELS, 'phase'].includes(role) || /_(method|components)$/.test(role)
const isKey = (role: string) => (KEY_LABELS as readonly string[]).includes(role)

function addRoles(builder: PanelOptionsEditorBuilder<PanelOptions>): void {
  const pick = (role: string, type: FieldType, showIf: (options: PanelOptions) => boolean) =>
    builder.addFieldNamePicker({
      path: `mapping.${role}` as 'mapping',
      name: role,
      category: FIELDS,
      settings: { filter: (field: Field) => field.type === type, noFieldsMessage: `no ${type} field` },
      showIf,
    })
  const add = (roles: readonly string[], showIf: (options: PanelOptions) => boolean) => {
    for (const role of roles) pick(role, isText(role) ? FieldType.string : FieldType.number, showIf)
  }
  add(KEY_LABELS, () => true)
  add(PHASE_ROLES, isLanes)
  add(
    TABLE_ROLES.filter((role) => !isKey(role)),
    isBars,
  )
}
