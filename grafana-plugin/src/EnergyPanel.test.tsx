import { type DataFrame, dateTime, LoadingState, type PanelData, type PanelProps, toCSV } from '@grafana/data'
import { LegendDisplayMode, TooltipDisplayMode } from '@grafana/schema'
import { act, configure, render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import React from 'react'
import { EnergyPanel } from './EnergyPanel'
import { QUERY_ENERGY_QUERIES, TRAINING_PHASES_QUERIES } from './model/queries'
import { DEFAULTS, type PanelOptions } from './options'
import { panelData, series, table } from './test/frames'

// What is hidden is asked of the browser; here it costs seconds.
configure({ defaultHidden: true })

// There is no canvas here: what it shows is for the browser to test.
jest.mock('@grafana/ui', () => ({
  ...jest.requireActual<object>('@grafana/ui'),
  UPlotChart: ({ children }: { readonly children: React.ReactNode }) => children,
}))

const chat = { workload: 'chat', model: 'llama' }
const batch = { workload: 'batch', model: 'mistral' }
const MINUTE = 60_000

const answers = [
  table('accelerator', [
    [chat, 2],
    [batch, 4],
  ]),
  table('host', [
    [chat, 0.5],
    [batch, 1],
  ]),
  table('idle', []),
  table('overhead', []),
  table('queries', [
    [chat, 1200],
    [batch, 30],
  ]),
  table('quality', []),
]

const asked = (queries: typeof QUERY_ENERGY_QUERIES) =>
  ({ targets: queries.map(({ refId }) => ({ refId })) }) as PanelData['request']

interface Changes {
  readonly frames?: readonly DataFrame[]
  readonly data?: Partial<PanelData>
  readonly options?: Partial<PanelOptions>
  readonly defaults?: PanelProps['fieldConfig']['defaults']
  readonly onChangeTimeRange?: PanelProps['onChangeTimeRange']
  readonly width?: number
}

function show({
  frames = answers,
  data,
  options,
  defaults = {},
  onChangeTimeRange = jest.fn(),
  width = 800,
}: Changes = {}) {
  const timeRange = { from: dateTime(0), to: dateTime(10 * MINUTE), raw: { from: 'now-10m', to: 'now' } }
  const props = {
    data: { ...panelData(frames, { request: asked(QUERY_ENERGY_QUERIES) }), ...data },
    options: {
      ...DEFAULTS,
      legend: { showLegend: true, displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [] },
      tooltip: { mode: TooltipDisplayMode.Single, sort: 'none' },
      ...options,
    },
    fieldConfig: { defaults, overrides: [] },
    timeRange,
    timeZone: 'utc',
    width,
    height: 400,
    onChangeTimeRange,
  } as unknown as PanelProps<PanelOptions>
  return render(<EnergyPanel {...props} />)
}

const bars = () => within(screen.getByRole('list', { name: /^Energy/ })).getAllByRole('listitem')
const part = (name: RegExp | string) => screen.getByRole('button', { name })

describe('energy per query', () => {
  test('a bar for each workload, most energy first, with its queries and its boundary', () => {
    show()
    const [first, second] = bars()
    expect(first).toHaveTextContent(/batch.*mistral.*30 queries.*5 J.*host/)
    expect(second).toHaveTextContent(/chat.*llama.*1.2K queries.*2.50 J.*host/)
  })

  test('a part that is not measured is there and says so; it is never 0', () => {
    show()
    expect(part(/^chat.*overhead: not measured/)).toBeInTheDocument()
    expect(screen.queryByRole('button', { name: /overhead: 0/ })).toBeNull()
    expect(bars()[1]).not.toHaveTextContent(/\b0 J/)
  })

  test('a measured zero is a zero', () => {
    show({ frames: [table('accelerator', [[chat, 0]])] })
    expect(part(/^chat.*accelerator: 0 J/)).toBeInTheDocument()
  })

  test('a partly measured part says what is missing, an estimated one how it is known', () => {
    const quality = table('quality', [[{ ...chat, part: 'host', component: 'cpu', method: 'estimated' }, 1]])
    show({ frames: [...answers.slice(0, 5), quality] })
    expect(part(/^chat.*host.*missing: memory, board.*method: estimated/)).toBeInTheDocument()
    expect(bars()[1]).toHaveTextContent('host, partly')
  })

  test('the unit of the standard options is that of the figures', () => {
    show({ defaults: { unit: 'watth', decimals: 3 } })
    expect(bars()[0]).toHaveTextContent('1.389 mWh')
  })

  test('thresholds, mappings and no value are those of the field configuration', () => {
    const mappings = [{ type: 'value', options: { '5': { text: 'a lot' } } }] as never
    show({ defaults: { mappings } })
    expect(bars()[0]).toHaveTextContent('a lot')
  })

  test('without a count there is no figure, and the user says what stands there', () => {
    show({ options: { quantity: 'per-token' }, defaults: { noValue: 'n/a' } })
    expect(bars()[0]).toHaveTextContent('n/a')
  })

  test('compared with another bar', () => {
    show({ options: { compareWith: 'row', baseline: 'chat' } })
    expect(bars()[0]).toHaveTextContent('+100 %')
    expect(bars()[1]).not.toHaveTextContent('%')
  })

  test('the tooltip follows the pointer: one part, or all of them', async () => {
    const user = userEvent.setup()
    const { unmount } = show()
    await user.hover(part(/^chat.*\. accelerator:/))
    expect(screen.getByRole('tooltip')).toHaveTextContent('2 J (80 %)')
    expect(screen.getByRole('tooltip')).not.toHaveTextContent('500 mJ')
    unmount()
    show({ options: { tooltip: { mode: TooltipDisplayMode.Multi, sort: 'none' } as never } })
    await user.hover(part(/^chat.*\. accelerator:/))
    expect(screen.getByRole('tooltip')).toHaveTextContent(/2 J.*500 mJ.*boundary host2.50 J/)
  })

  test('no tooltip where none is wanted', async () => {
    show({ options: { tooltip: { mode: TooltipDisplayMode.None, sort: 'none' } as never } })
    await userEvent.setup().hover(part(/^chat.*\. accelerator:/))
    expect(screen.queryByRole('tooltip')).toBeNull()
  })

  test('one stop for the tab key, arrows go on from there', async () => {
    const user = userEvent.setup()
    show({ options: { legend: { showLegend: false } as never } })
    await user.tab()
    expect(part(/^batch.*\. accelerator:/)).toHaveFocus()
    await user.keyboard('{ArrowRight}')
    expect(part(/^batch.*\. host:/)).toHaveFocus()
    await user.keyboard('{ArrowDown}')
    expect(part(/^chat.*\. host:/)).toHaveFocus()
    await user.keyboard('{Home}{ArrowUp}')
    expect(part(/^batch.*\. accelerator:/)).toHaveFocus()
    await user.tab()
    expect(document.body).toHaveFocus()
  })

  test('a click in the legend shows one part alone, and totals follow', async () => {
    const user = userEvent.setup()
    show()
    await user.click(screen.getByText('host', { selector: 'button' }))
    expect(bars()[0]).toHaveTextContent('1 J')
    expect(screen.queryByRole('button', { name: /\. accelerator:/ })).toBeNull()
    await user.click(screen.getByText('host', { selector: 'button' }))
    expect(bars()[0]).toHaveTextContent('5 J')
  })

  test('a field that an override hides is not shown', () => {
    const hidden = table('host', [[chat, 0.5]], { custom: { hideFrom: { viz: true } } })
    show({ frames: [table('accelerator', [[chat, 2]]), hidden] })
    expect(screen.queryByRole('button', { name: /\. host:/ })).toBeNull()
  })

  test.each([
    [0, 'button'],
    [1, 'link'],
  ] as const)('with %i data links a part is a %s', (count, role) => {
    const links = [{ title: 'Details', url: 'https://example.org/chat' }]
    const frame = table('accelerator', [[chat, 2]], { links: links.slice(0, count) })
    for (const field of frame.fields) {
      field.getLinks = () => [
        { href: 'https://example.org/chat', title: 'Details', target: '_blank', origin: field },
      ]
    }
    show({ frames: [frame] })
    expect(screen.getByRole(role, { name: /\. accelerator:/ })).toBeInTheDocument()
  })

  test('with several data links a part opens a menu, by keyboard too', async () => {
    const user = userEvent.setup()
    const frame = table('accelerator', [[chat, 2]], {
      links: [
        { title: 'a', url: '' },
        { title: 'b', url: '' },
      ],
    })
    for (const field of frame.fields) {
      field.getLinks = () =>
        ['Logs', 'Traces'].map((title) => ({
          href: `https://example.org/${title}`,
          title,
          target: '_self',
          origin: field,
        }))
    }
    show({ frames: [frame], options: { legend: { showLegend: false } as never } })
    await user.tab()
    await user.keyboard('{Enter}')
    expect(await screen.findByRole('menuitem', { name: /Traces/ })).toHaveAttribute(
      'href',
      'https://example.org/Traces',
    )
  })

  test('the frames stay as they came: Inspect has every label', () => {
    const before = toCSV(answers)
    const values = JSON.stringify(answers.map(({ fields }) => fields.map((field) => field.values as unknown)))
    show()
    expect(toCSV(answers)).toBe(before)
    expect(JSON.stringify(answers.map(({ fields }) => fields.map((field) => field.values as unknown)))).toBe(
      values,
    )
    for (const label of ['chat', 'llama', 'batch', 'mistral']) expect(before).toContain(label)
  })
})

describe('states', () => {
  test('loading', () => {
    show({ frames: [], data: { state: LoadingState.Loading } })
    expect(screen.getByText('Loading')).toBeInTheDocument()
  })

  test('no data', () => {
    show({ frames: [] })
    expect(screen.getByRole('status')).toHaveTextContent(/No data.*No queries were counted/)
  })

  test('no data, in the words of the user', () => {
    show({ frames: [], defaults: { noValue: 'Nothing yet' } })
    expect(screen.getByRole('status')).toHaveTextContent('Nothing yet')
  })

  test('a missing query is named, and the one to use can be copied', async () => {
    show({ frames: answers.slice(0, 1), data: { request: undefined } })
    await userEvent.setup().click(screen.getByText(/No query: host, idle, overhead, queries, quality/))
    expect(screen.getByText(/part="host"/)).toBeVisible()
    expect(screen.getByRole('button', { name: 'Copy the query host' })).toBeInTheDocument()
  })

  test('a failed query is an alert where nothing is left to show', () => {
    show({ frames: [], data: { errors: [{ refId: 'accelerator', message: 'bad gateway' }] } })
    expect(screen.getByRole('alert')).toHaveTextContent(/accelerator failed: bad gateway/)
  })

  test('and a line above the chart where the rest is shown', () => {
    show({ frames: answers.slice(0, 1), data: { errors: [{ refId: 'host', message: 'bad gateway' }] } })
    expect(screen.getByText(/Failed: host/)).toBeInTheDocument()
    expect(part(/^chat.*host: failed, bad gateway/)).toBeInTheDocument()
  })

  test('data of something else: which queries there are', () => {
    show({ frames: [table('A', [[{ job: 'x' }, 1]])], data: { request: undefined } })
    expect(screen.getByRole('status')).toHaveTextContent('not known to this panel')
    expect(screen.getByText(/part="accelerator"/)).toBeInTheDocument()
  })
})

describe('training phases', () => {
  const run = { workload: 'resnet' }
  const points = (figure: (minute: number) => number) =>
    Object.fromEntries(Array.from({ length: 40 }, (_, index) => [index * 15_000, figure(index / 4)]))
  const frames = [
    ...series('timeline', [
      [{ ...run, phase: 'load' }, points((minute) => (minute < 2 ? 1 : 0))],
      [{ ...run, phase: 'train' }, points((minute) => (minute < 2 ? 0 : 1))],
    ]),
    ...series('power', [[run, points(() => 300)]]),
    table('energy', [
      [{ ...run, phase: 'load', part: 'accelerator', method: 'counter' }, 36_000],
      [{ ...run, phase: 'train', part: 'accelerator', method: 'estimated' }, 324_000],
    ]),
    table('seconds', [
      [{ ...run, phase: 'load' }, 120],
      [{ ...run, phase: 'train' }, 480],
    ]),
    table('steps', [[{ ...run, phase: 'train' }, 90]]),
  ]
  const data = { request: asked(TRAINING_PHASES_QUERIES) }

  test('a table of what each phase took, with its boundary', () => {
    show({ frames, data })
    const rows = within(screen.getByRole('table', { name: /boundary accelerator/ })).getAllByRole('row')
    expect(rows.map((row) => row.textContent)).toEqual([
      'PhaseEnergyDurationMean powerSharePer step',
      'train90 Wh est.00:08:00675 W90.0 %1 Wh',
      'load10 Wh00:02:00300 W10.0 %–',
    ])
  })

  test('blocks can be walked along, and say when they began and how well that is known', async () => {
    const user = userEvent.setup()
    show({ frames, data })
    const lane = screen.getByRole('group', { name: /^resnet/ })
    const [load, train] = within(lane).getAllByRole('button')
    act(() => load?.focus())
    await user.keyboard('{ArrowRight}')
    expect(train).toHaveFocus()
    expect(train).toHaveAccessibleName(/train: .*from 1970-01-01 00:01:\d\d ± 7.5 s.*goes on now/)
  })

  test('a key zooms to a block', async () => {
    const onChangeTimeRange = jest.fn()
    show({ frames, data, onChangeTimeRange })
    const [, train] = within(screen.getByRole('group', { name: /^resnet/ })).getAllByRole('button')
    act(() => train?.focus())
    await userEvent.setup().keyboard('z')
    expect(onChangeTimeRange).toHaveBeenCalledWith({ from: expect.any(Number) as number, to: 10 * MINUTE })
  })

  test('no phases', () => {
    show({ frames: [], data: { ...data }, options: { view: 'training-phases' } })
    expect(screen.getByRole('status')).toHaveTextContent('No phases were marked')
  })
})
