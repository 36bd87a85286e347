import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import {
  BOUNDARIES,
  COMPONENTS,
  METHODS,
  REASONS,
  type Method,
  type Part,
  type Reason,
} from '../../exporter/src/model.ts'
import type { Figures } from '../../exporter/src/report/figures.ts'
import { formatReport } from '../../exporter/src/report/formats.ts'
import { COLUMNS, FORMATS } from '../../exporter/src/report/options.ts'
import { periodOf } from '../../exporter/src/report/period.ts'
import { reportOf, type Factors, type Report, type ReportOptions } from '../../exporter/src/report/report.ts'
import { EnergyTotal, microjoules, seconds } from '../../exporter/src/units.ts'
import { PARTS, type HistoryRow } from '../../exporter/src/workloads/history-bucket.ts'
import { microjoulesIn } from '../exposition/page-text.ts'
import { at } from '../workloads/books.ts'

const row = (
  who: Partial<HistoryRow>,
  component: HistoryRow['component'],
  part: Part,
  method: Method,
  amount: number,
): HistoryRow => ({
  workload: '',
  namespace: '',
  kind: '',
  model: '',
  variant: '',
  phase: '',
  reason: '',
  ...who,
  component,
  part,
  method,
  energy: EnergyTotal.from(microjoules(amount)),
})

const chat = {
  workload: 'llama-chat',
  namespace: 'prod',
  kind: 'inference',
  model: 'llama-3.1-8b',
  variant: 'fp8',
}
const train = { workload: 'train-resnet', namespace: 'ml', kind: 'training', model: 'resnet-50' }

const rows: readonly HistoryRow[] = [
  row(chat, 'accelerator', 'accelerator', 'counter', 1_800_000_000_001),
  row(chat, 'cpu', 'host', 'counter', 90_000_000_000),
  row(chat, 'memory', 'host', 'estimated', 9_000_000_000),
  row(chat, 'accelerator', 'idle', 'counter', 36_000_000_000),
  row({ ...train, phase: 'train/forward' }, 'accelerator', 'accelerator', 'integrated', 3_600_000_000_000),
  row({ ...train, phase: 'eval' }, 'accelerator', 'accelerator', 'integrated', 360_000_000_000),
  row({ reason: 'idle' }, 'cpu', 'idle', 'counter', 72_000_000_000),
  row({ reason: 'no_activity' }, 'cpu', 'host', 'counter', 5),
  row({ reason: 'exporter_down' }, 'cpu', 'idle', 'counter', 1_000_000),
]

const none: Factors = { price: undefined, emissions: undefined }

const factors: Factors = {
  price: { perKwh: 0.25, currency: 'EUR', source: 'contract 4711', date: '2026-01-01' },
  emissions: { gramsPerKwh: 360, source: 'grid mix of 2025', date: '2026-04-10' },
}

const figures: Figures = {
  rows,
  coverage: {
    observed: seconds(741 * 3600),
    down: seconds(2 * 3600),
    unknown: new Map([['memory', seconds(5400)]]),
    until: at('2026-10-31T21:00:00Z'),
    folded: new EnergyTotal(),
  },
  notes: ['history: a line is damaged and is left out: hours-2026-10-07.jsonl'],
}

const report = (more: Partial<ReportOptions> = {}, from: Figures = figures): Report =>
  reportOf(from, {
    period: periodOf('2026-10', 'Europe/Berlin'),
    now: at('2026-11-24T12:00:00Z'),
    node: 'gpu-07',
    source: 'history in /var/lib/wattribute',
    boundary: 'facility',
    by: ['workload', 'namespace', 'model', 'variant', 'phase', 'part'],
    factors: none,
    ...more,
  })

const nothing: Figures = { ...figures, rows: [], notes: [] }

describe('a report as a table', () => {
  test('says who, how much, how it is known and what is not', () => {
    expect(formatReport(report(), 'table')).toBe(`Energy report for 2026-10

period          2026-10-01 00:00:00 to 2026-11-01 00:00:00, Europe/Berlin
in UTC          2026-09-30T22:00:00Z to 2026-10-31T23:00:00Z, 745 h
node            gpu-07
source          history in /var/lib/wattribute
boundary        facility
observed        741 h of 745 h (99.5 %)
exporter down   2 h
no figures      2 h
figures until   2026-10-31 22:00:00, Europe/Berlin
memory unknown  1.50 h
not measured    board, cooling, power, network
note            history: a line is damaged and is left out: hours-2026-10-07.jsonl

Workloads
workload       namespace  model         variant  phase          part         boundary     method                     joules       kWh
-------------  ---------  ------------  -------  -------------  -----------  -----------  -----------------  --------------  --------
train-resnet   ml         resnet-50              train/forward  accelerator  accelerator  integrated         3600000.000000  1.000000
llama-chat     prod       llama-3.1-8b  fp8                     accelerator  accelerator  counter            1800000.000001  0.500000
llama-chat     prod       llama-3.1-8b  fp8                     host         host         counter+estimated    99000.000000  0.027500
llama-chat     prod       llama-3.1-8b  fp8                     idle         provisioned  counter              36000.000000  0.010000
train-resnet   ml         resnet-50              eval           accelerator  accelerator  integrated          360000.000000  0.100000
all workloads                                                                                                5895000.000001  1.637500

Not attributed to a workload
reason         part  boundary     method         joules       kWh
-------------  ----  -----------  -------  ------------  --------
idle           idle  provisioned  counter  72000.000000  0.020000
no_activity    host  host         counter      0.000005  0.000000
exporter_down  idle  provisioned  counter      1.000000  0.000000
all of it                                  72001.000005  0.020000

Boundaries, each with those above it
boundary     adds         method                        workloads kWh  not attributed kWh  together joules  together kWh  without
-----------  -----------  ----------------------------  -------------  ------------------  ---------------  ------------  -------------------
accelerator  accelerator  counter+integrated                 1.600000            0.000000   5760000.000001      1.600000
host         host         counter+integrated+estimated       1.627500            0.000000   5859000.000006      1.627500
provisioned  idle         counter+integrated+estimated       1.637500            0.020000   5967001.000006      1.657500
facility     overhead     counter+integrated+estimated       1.637500            0.020000   5967001.000006      1.657500  overhead: no figure
`)
  })

  test('has cost and emissions only when factors are given, with their source and date', () => {
    const text = formatReport(report({ by: ['workload'], boundary: 'host', factors }), 'table')
    expect(text).toContain('cost in EUR     0.25 EUR/kWh: contract 4711, 2026-01-01\n')
    expect(text).toContain('emissions in g  360 g/kWh: grid mix of 2025, 2026-04-10\n')
    expect(text).toContain(`Workloads
workload       method                     joules       kWh  cost in EUR  emissions in g
-------------  -----------------  --------------  --------  -----------  --------------
train-resnet   integrated         3960000.000000  1.100000       0.2750         396.000
llama-chat     counter+estimated  1899000.000001  0.527500       0.1319         189.900
all workloads                     5859000.000001  1.627500       0.4069         585.900
`)
    expect(formatReport(report(), 'table')).not.toMatch(/cost|emissions/)
  })

  test('of a period that goes on counts the time so far', () => {
    const now = at('2026-10-02T09:30:00Z')
    const coverage = {
      ...figures.coverage,
      observed: seconds(35 * 3600),
      down: seconds(0),
      unknown: new Map(),
      until: at('2026-10-02T09:00:00Z'),
    }
    const text = formatReport(report({ now }, { ...figures, coverage, notes: [] }), 'table')
    expect(text).toContain(`goes on        35.50 h until 2026-10-02 11:30:00, Europe/Berlin
node           gpu-07
source         history in /var/lib/wattribute
boundary       facility
observed       35 h of 35.50 h (98.6 %)
exporter down  0 h
no figures     0.50 h
figures until  2026-10-02 11:00:00, Europe/Berlin
`)
  })

  test('without any energy says so', () => {
    const text = formatReport(report({}, nothing), 'table')
    expect(text).toContain('Workloads\nNo workload has used energy.\n')
    expect(text).toContain('Not attributed to a workload\nNothing.\n')
    expect(text).toMatch(
      /^accelerator +accelerator +no figure +no figure +no figure +no figure +accelerator: no figure$/m,
    )
    expect(text).toContain('not measured    accelerator, cpu, memory, board, cooling, power, network\n')
  })

  test('a name can neither end a line nor speak to the terminal', () => {
    const odd = row({ workload: 'a\nb\u001b[31m\u202e' }, 'cpu', 'host', 'counter', 1)
    const text = formatReport(report({}, { ...figures, rows: [odd] }), 'table')
    expect(text).toContain('a\\u{a}b\\u{1b}[31m\\u{202e} ')
  })
})

describe('a report as Markdown', () => {
  test('has the same figures in tables', () => {
    const text = formatReport(report({ by: ['workload', 'part'] }), 'markdown')
    expect(text).toContain('# Energy report for 2026-10\n\n- period: 2026-10-01 00:00:00 to')
    expect(text).toContain(`
## Workloads

| workload | part | boundary | method | joules | kWh |
| --- | --- | --- | --- | ---: | ---: |
| train-resnet | accelerator | accelerator | integrated | 3960000.000000 | 1.100000 |
| llama-chat | accelerator | accelerator | counter | 1800000.000001 | 0.500000 |
| llama-chat | host | host | counter+estimated | 99000.000000 | 0.027500 |
| llama-chat | idle | provisioned | counter | 36000.000000 | 0.010000 |
| all workloads |  |  |  | 5895000.000001 | 1.637500 |
`)
  })

  test('nothing in a name is Markdown', () => {
    const odd = row({ workload: '| *x* <b> `y` [z](u)\n' }, 'cpu', 'host', 'counter', 1)
    expect(formatReport(report({ by: ['workload'] }, { ...figures, rows: [odd] }), 'markdown')).toContain(
      '| \\| \\*x\\* \\<b\\> \\`y\\` \\[z\\](u)\\\\u\\{a\\} | counter |',
    )
  })
})

describe('a report as CSV', () => {
  test('has one line per figure, and one per component without', () => {
    expect(formatReport(report({ factors }), 'csv').split('\r\n')).toEqual([
      'period_start,period_end,time_zone,node,workload,namespace,kind,model,variant,phase,component,part,reason,boundary,method,joules,kwh,cost_eur,emissions_grams',
      ...[
        'train-resnet,ml,,resnet-50,,train/forward,,accelerator,,accelerator,integrated,3600000.000000,1.000000,0.2500,360.000',
        'llama-chat,prod,,llama-3.1-8b,fp8,,,accelerator,,accelerator,counter,1800000.000001,0.500000,0.1250,180.000',
        'llama-chat,prod,,llama-3.1-8b,fp8,,,host,,host,counter+estimated,99000.000000,0.027500,0.0069,9.900',
        'llama-chat,prod,,llama-3.1-8b,fp8,,,idle,,provisioned,counter,36000.000000,0.010000,0.0025,3.600',
        'train-resnet,ml,,resnet-50,,eval,,accelerator,,accelerator,integrated,360000.000000,0.100000,0.0250,36.000',
        ',,,,,,,idle,idle,provisioned,counter,72000.000000,0.020000,0.0050,7.200',
        ',,,,,,,host,no_activity,host,counter,0.000005,0.000000,0.0000,0.000',
        ',,,,,,,idle,exporter_down,provisioned,counter,1.000000,0.000000,0.0000,0.000',
        ...['board', 'cooling', 'power', 'network'].map((one) => `,,,,,,${one},,not_measured,,,,,,`),
      ].map((line) => `2026-09-30T22:00:00.000Z,2026-10-31T23:00:00.000Z,Europe/Berlin,gpu-07,${line}`),
      '',
    ])
  })

  test('quotes as RFC 4180 has it: any name comes back', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (names) => {
        const some = names.map((workload) => row({ workload }, 'cpu', 'host', 'counter', 1))
        const text = formatReport(report({ by: ['workload'] }, { ...figures, rows: some }), 'csv')
        const fields = fieldsOf(text)
        const column = fields[0]?.indexOf('workload') ?? -1
        const back = fields.filter((line) => line.includes('counter')).map((line) => line[column])
        assert.deepEqual(new Set(back), new Set(names))
        assert.equal(new Set(fields.map((line) => line.length)).size, 1)
      }),
    )
  })
})

/** A reader of RFC 4180 of its own. */
function fieldsOf(text: string): string[][] {
  const lines: string[][] = []
  let [line, field, isQuoted]: [string[], string, boolean] = [[], '', false]
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? ''
    if (isQuoted) {
      if (character !== '"') field += character
      else if (text[index + 1] === '"') field += text[++index] ?? ''
      else isQuoted = false
    } else if (character === '"') isQuoted = true
    else if (character === ',') {
      line.push(field)
      field = ''
    } else if (character === '\r' && text[index + 1] === '\n') {
      lines.push([...line, field])
      ;[line, field] = [[], '']
      index += 1
    } else field += character
  }
  return lines
}

describe('a report as JSON', () => {
  test('has all of it, energies as decimal text', () => {
    const content = JSON.parse(formatReport(report({ by: ['workload', 'model'], factors }), 'json')) as object
    expect(content).toMatchObject({
      period: {
        text: '2026-10',
        time_zone: 'Europe/Berlin',
        from: '2026-09-30T22:00:00.000Z',
        to: '2026-10-31T23:00:00.000Z',
        seconds: 745 * 3600,
        elapsed_seconds: 745 * 3600,
      },
      node: 'gpu-07',
      source: 'history in /var/lib/wattribute',
      boundary: 'facility',
      coverage: {
        observed_seconds: 741 * 3600,
        exporter_down_seconds: 7200,
        unknown_seconds: { memory: 5400 },
        figures_until: '2026-10-31T21:00:00.000Z',
        not_measured: ['board', 'cooling', 'power', 'network'],
        folded_joules: '0.000000',
      },
      notes: ['history: a line is damaged and is left out: hours-2026-10-07.jsonl'],
      price: { per_kwh: 0.25, currency: 'EUR', source: 'contract 4711', date: '2026-01-01' },
      emissions: { grams_per_kwh: 360, source: 'grid mix of 2025', date: '2026-04-10' },
      totals: {
        workloads: { joules: '5895000.000001', kwh: '1.637500', cost: '0.4094', emissions_grams: '589.500' },
        unattributed: { joules: '72001.000005' },
        together: { joules: '5967001.000006' },
      },
    })
    expect(content).toHaveProperty('workloads', [
      {
        workload: 'train-resnet',
        model: 'resnet-50',
        boundary: 'facility',
        method: 'integrated',
        joules: '3960000.000000',
        kwh: '1.100000',
        cost: '0.2750',
        emissions_grams: '396.000',
      },
      {
        workload: 'llama-chat',
        model: 'llama-3.1-8b',
        boundary: 'facility',
        method: 'counter+estimated',
        joules: '1935000.000001',
        kwh: '0.537500',
        cost: '0.1344',
        emissions_grams: '193.500',
      },
    ])
    expect(content).toHaveProperty('boundaries[3]', {
      boundary: 'facility',
      adds: 'overhead',
      method: 'counter+integrated+estimated',
      parts_without_figure: ['overhead'],
      workloads: expect.anything(),
      unattributed: expect.anything(),
      together: { joules: '5967001.000006', kwh: '1.657500', cost: '0.4144', emissions_grams: '596.700' },
    })
  })
})

describe('an hour that ended early', () => {
  test('is known up to now', () => {
    const now = at('2026-10-31T20:59:59.999Z')
    expect(JSON.parse(formatReport(report({ now }), 'json'))).toMatchObject({
      period: { elapsed_seconds: 743 * 3600 - 0.001 },
      coverage: { figures_until: '2026-10-31T20:59:59.999Z' },
    })
  })
})

describe('a boundary of which nothing is measured', () => {
  test('has no figure, since 0 would be a measured zero', () => {
    const content = JSON.parse(
      formatReport(report({}, { ...figures, rows: [row(chat, 'cpu', 'host', 'counter', 0)] }), 'json'),
    ) as { boundaries: object[] }
    expect(content.boundaries).toMatchObject([
      { boundary: 'accelerator', together: null },
      { boundary: 'host', together: { joules: '0.000000' }, parts_without_figure: ['accelerator'] },
      { boundary: 'provisioned' },
      { boundary: 'facility' },
    ])
  })
})

describe('sums', () => {
  test('of more rows than a call takes arguments', () => {
    const many = Array.from({ length: 300_000 }, () => row(chat, 'cpu', 'host', 'counter', 3))
    expect(report({}, { ...figures, rows: many }).totals.together.toBigInt()).toBe(900_000n)
  })

  const anyRow: fc.Arbitrary<HistoryRow> = fc
    .record({
      workload: fc.constantFrom('a', 'b', 'other'),
      model: fc.constantFrom('', 'm'),
      phase: fc.constantFrom('', 'train', 'train/forward'),
      reason: fc.constantFrom<Reason | ''>('', '', '', ...REASONS),
      component: fc.constantFrom(...COMPONENTS),
      part: fc.constantFrom(...PARTS),
      method: fc.constantFrom(...METHODS),
      amount: fc.oneof(fc.maxSafeNat(), fc.nat(10)),
    })
    .map(({ component, part, method, amount, ...who }) =>
      row(who.reason === '' ? who : { reason: who.reason }, component, part, method, amount),
    )

  test('are exact in every grouping, boundary and form', () => {
    fc.assert(
      fc.property(
        fc.array(anyRow, { maxLength: 40 }),
        fc.uniqueArray(fc.constantFrom(...COLUMNS), { minLength: 1 }),
        fc.constantFrom(...BOUNDARIES),
        (some, by, boundary) => {
          const made = report({ by, boundary, factors }, { ...figures, rows: some })
          const parts = PARTS.slice(0, BOUNDARIES.indexOf(boundary) + 1)
          const expected = some
            .filter(({ part }) => (parts as readonly Part[]).includes(part))
            .reduce((sum, { energy }) => sum + energy.toBigInt(), 0n)
          const lines = [...made.workloads, ...made.unattributed]
          assert.equal(
            lines.reduce((sum, { energy }) => sum + energy.toBigInt(), 0n),
            expected,
          )
          assert.equal(made.totals.together.toBigInt(), expected)
          assert.equal(made.boundaries.at(-1)?.together.toBigInt(), expected)
          const csv = fieldsOf(formatReport(made, 'csv'))
          const column = csv[0]?.indexOf('joules') ?? -1
          const amounts = csv.slice(1).map((line) => line[column] ?? '')
          assert.equal(
            amounts.filter((text) => text !== '').reduce((sum, text) => sum + microjoulesIn(text), 0n),
            expected,
          )
          for (const format of FORMATS)
            assert.doesNotMatch(formatReport(made, format), /undefined|NaN|\[object/)
        },
      ),
    )
  })
})
