import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { catalogue, type Metric } from '../../exporter/src/exposition/catalogue.ts'
import { labelText, PageWriter, SeriesBytes, type Row } from '../../exporter/src/exposition/page.ts'
import { EnergyTotal, seconds } from '../../exporter/src/units.ts'
import { parsePage } from './page-text.ts'
import { withStrictParser } from './strict-parser.ts'

const TOTALS = Object.values<Metric>(catalogue).filter(({ type }) => type !== 'histogram')
const CREATED = seconds(1_760_000_000.25)

const total = (joules: number, microjoules: number): EnergyTotal =>
  Object.assign(new EnergyTotal(), { joules, microjoules })

/** As they are on the page: an energy with its six digits. */
interface Family {
  readonly metric: Metric
  readonly rows: readonly Row[]
}

function formsOf(families: readonly Family[]): { text: string; openMetrics: string } {
  const writer = new PageWriter()
  for (const { metric, rows } of families) writer.table(metric, rows)
  const { text, openMetrics } = writer.finish()
  return { text: text.toString(), openMetrics: `${openMetrics.toString()}# EOF\n` }
}

/** The same families written series by series, as the ledger's are. */
function seriesFormsOf(families: readonly Family[]): { text: string; openMetrics: string } {
  const writer = new PageWriter()
  for (const { metric, rows } of families) {
    if (rows.length > 0) writer.family(metric)
    for (const { labels, value, createdWall } of rows) {
      if (typeof value === 'number') throw new Error('a series of the ledger is an energy')
      writer.energy(new SeriesBytes(metric, labelText(metric.labels, labels), createdWall), value)
    }
  }
  const { text, openMetrics } = writer.finish()
  return { text: text.toString(), openMetrics: `${openMetrics.toString()}# EOF\n` }
}

async function promClientsTextOf(families: readonly Family[]): Promise<string> {
  const registry = new Registry()
  for (const { metric, rows } of families) {
    if (rows.length === 0) continue
    const { name, help, labels: labelNames } = metric
    const described = { name, help, labelNames: [...labelNames], registers: [registry] }
    const isCounter = metric.type === 'counter'
    const add = isCounter ? new Counter(described) : new Gauge(described)
    for (const { labels, value } of rows) {
      add.inc(
        Object.fromEntries(labelNames.map((label, index) => [label, labels[index] ?? ''])),
        Number(value.toString()),
      )
    }
  }
  return registry.metrics()
}

/** Whole Unicode, and often what has to be escaped. */
const anyLabel = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\\', '"', '\n', '\r', '\0', 'n', '}', ',', '=', ' ', '#', 'ü', '🔋') }),
)

/**
 * prom-client writes a number in its shortest form and knows no six digits: the last digit is not 0 here, so that both
 * are the same text.
 */
const sixDigits = fc
  .tuple(fc.nat(1_000_000), fc.nat(99_999), fc.integer({ min: 1, max: 9 }))
  .map(([joules, upper, last]) => total(joules, upper * 10 + last))

const familyOf = (metric: Metric, value: fc.Arbitrary<Row['value']>): fc.Arbitrary<Family> =>
  fc
    .uniqueArray(fc.array(anyLabel, { minLength: metric.labels.length, maxLength: metric.labels.length }), {
      selector: (labels) => JSON.stringify(labels),
      maxLength: 5,
    })
    .chain((sets) =>
      fc.tuple(...sets.map((labels) => value.map((one) => ({ labels, value: one, createdWall: CREATED })))),
    )
    .map((rows) => ({
      metric,
      rows: metric.type === 'counter' ? rows : rows.map(({ labels, value: one }) => ({ labels, value: one })),
    }))

const pages = (metrics: readonly Metric[], value: fc.Arbitrary<Row['value']>): fc.Arbitrary<Family[]> =>
  fc
    .shuffledSubarray([...metrics], { maxLength: 5 })
    .chain((some) => fc.tuple(...some.map((metric) => familyOf(metric, value))))
    .filter((families) => families.some(({ rows }) => rows.length > 0))

describe('the text form', () => {
  test('is prom-client’s, byte for byte', async () => {
    const anyNumber = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })
    await fc.assert(
      fc.asyncProperty(pages(TOTALS, fc.oneof(sixDigits, anyNumber)), async (families) => {
        expect(formsOf(families).text).toBe(await promClientsTextOf(families))
      }),
    )
  })

  test('is prom-client’s for the series of the ledger too', async () => {
    await fc.assert(
      fc.asyncProperty(pages(TOTALS, sixDigits), async (families) => {
        expect(seriesFormsOf(families).text).toBe(await promClientsTextOf(families))
      }),
    )
  })

  test('keeps any label as it was', () => {
    fc.assert(
      fc.property(fc.array(anyLabel, { minLength: 5, maxLength: 5 }), (labels) => {
        const metric = catalogue.domainPower
        const { text } = formsOf([{ metric, rows: [{ labels, value: 1 }] }])
        expect(parsePage(text).get(metric.name)).toEqual([
          {
            labels: Object.fromEntries(metric.labels.map((name, index) => [name, labels[index]])),
            value: '1',
          },
        ])
      }),
    )
  })

  test('has no more than a total for a counter', () => {
    const { text } = formsOf([
      { metric: catalogue.sensorFailures, rows: [{ labels: ['rapl'], value: 2, createdWall: CREATED }] },
    ])
    expect(text).toBe(`# HELP wattribute_sensor_failures_total Looks at a sensor that failed.
# TYPE wattribute_sensor_failures_total counter
wattribute_sensor_failures_total{sensor="rapl"} 2
`)
  })

  test('shows what is no Unicode as such', () => {
    const metric = catalogue.sensorUp
    const rows = [{ labels: ['a\ud800b\udc00'], value: total(1, 1) }]
    for (const { text } of [formsOf([{ metric, rows }]), seriesFormsOf([{ metric, rows }])])
      expect(parsePage(text).get(metric.name)?.[0]?.labels).toEqual({ sensor: 'a\ufffdb\ufffd' })
  })

  test('a help text is on one line', () => {
    const metric: Metric = { name: 'odd', type: 'gauge', unit: '', help: 'a\\b\n"c"', labels: [] }
    const { text, openMetrics } = formsOf([{ metric, rows: [{ labels: [], value: 1 }] }])
    expect(text).toBe('# HELP odd a\\\\b\\n"c"\n# TYPE odd gauge\nodd 1\n')
    expect(openMetrics).toBe('# TYPE odd gauge\n# HELP odd a\\\\b\\n\\"c\\"\nodd 1\n# EOF\n')
  })

  test.each([
    [NaN, 'NaN'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [-0.5, '-0.5'],
    [1e21, '1e+21'],
  ])('%d', (value, written) => {
    const { text } = formsOf([{ metric: catalogue.lastTick, rows: [{ labels: [], value }] }])
    expect(text.split('\n').at(-2)).toBe(`${catalogue.lastTick.name} ${written}`)
  })

  test.each([
    [0, 0, '0.000000'],
    [0, 1, '0.000001'],
    [9, 999_999, '9.999999'],
    [10, 0, '10.000000'],
    [9_007_199_254_740_991, 100_000, '9007199254740991.100000'],
  ])('%d J and %d µJ', (joules, microjoules, written) => {
    const metric = catalogue.workloadEnergy
    const rows = [{ labels: [], value: total(joules, microjoules) }]
    for (const { text } of [formsOf([{ metric, rows }]), seriesFormsOf([{ metric, rows }])])
      expect(parsePage(text).get(metric.name)?.[0]?.value).toBe(written)
  })

  test('an energy below zero keeps its digits', () => {
    const value = total(-2, 750_000)
    const { text } = formsOf([
      { metric: catalogue.ledgerPending, rows: [{ labels: ['workload', 'cpu'], value }] },
    ])
    expect(text).toContain('{view="workload",component="cpu"} -1.250000\n')
  })
})

describe('OpenMetrics', () => {
  test('names families without their suffix, tells units, and has each creation behind its total', () => {
    const rows = [
      { labels: ['package-0', 'cpu'], value: total(1, 500_000), createdWall: CREATED },
      { labels: ['dram-0', 'memory'], value: total(0, 0), createdWall: CREATED },
    ]
    const expected = `# TYPE wattribute_domain_excess_joules counter
# UNIT wattribute_domain_excess_joules joules
# HELP wattribute_domain_excess_joules Energy that a counter claimed beyond the physical maximum of its domain; not booked.
wattribute_domain_excess_joules_total{domain="package-0",component="cpu"} 1.500000
wattribute_domain_excess_joules_created{domain="package-0",component="cpu"} 1760000000.250
wattribute_domain_excess_joules_total{domain="dram-0",component="memory"} 0.000000
wattribute_domain_excess_joules_created{domain="dram-0",component="memory"} 1760000000.250
# EOF
`
    expect(formsOf([{ metric: catalogue.domainExcess, rows }]).openMetrics).toBe(expected)
    expect(seriesFormsOf([{ metric: catalogue.domainExcess, rows }]).openMetrics).toBe(expected)
  })

  test('has a unit only where the name ends with it, as the standard wants', () => {
    const units = TOTALS.flatMap((metric) => {
      const { openMetrics } = formsOf([{ metric, rows: [{ labels: [], value: 1 }] }])
      const [, family, unit] = /^# UNIT (\S+) (\S+)$/m.exec(openMetrics) ?? []
      return family === undefined ? [] : [{ unit, isSuffix: family.endsWith(`_${unit}`) }]
    })
    expect(units).toHaveLength(TOTALS.filter(({ unit }) => unit !== '').length)
    expect(units.filter(({ isSuffix }) => !isSuffix)).toEqual([])
  })

  withStrictParser('means the same to a strict parser', (parse) => {
    const families = fc
      .sample(pages(TOTALS, sixDigits), { numRuns: 200, seed: 7 })
      .flat()
      .filter(({ rows }) => rows.length > 0)
      // one page for all, for a parser that takes its time to start: each family once, under a name of its own
      .map(({ metric, rows }, index) => ({ metric: renamed(metric, `_${index}`), rows }))
    expect(families.length).toBeGreaterThan(100)
    for (const { openMetrics } of [formsOf(families), seriesFormsOf(families)])
      expect(parse(openMetrics)).toEqual(families.map(parsedOf))
  })

  withStrictParser('the strict parser refuses what does not stand together', (parse) => {
    const { openMetrics } = formsOf([
      {
        metric: catalogue.sensorFailures,
        rows: ['rapl', 'nvml'].map((sensor) => ({ labels: [sensor], value: 1, createdWall: CREATED })),
      },
    ])
    const lines = openMetrics.split('\n')
    const apart = [
      ...lines.filter((line) => !line.includes('_created')),
      ...lines.filter((line) => line.includes('_created')),
    ]
    apart.splice(apart.indexOf('# EOF'), 2)
    expect(parse(openMetrics)).toHaveLength(1)
    expect(() => parse(`${apart.join('\n')}\n# EOF\n`)).toThrow('refused: Invalid metric grouping')
  })
})

describe('a writer', () => {
  test('grows as it needs to, leaves room for a tail, and writes the same into memory of an earlier page', () => {
    const rows = Array.from({ length: 5000 }, (_, index) => ({
      labels: [`workload-${index}`, 'ü'.repeat(50)],
      value: total(index, index),
      createdWall: CREATED,
    }))
    const first = new PageWriter()
    const second = new PageWriter({ text: Buffer.alloc(1), openMetrics: Buffer.alloc(1, 'x') })
    const written = [first, second].map((writer) => {
      writer.table(catalogue.sensorUp, [{ labels: ['rapl'], value: 1 }])
      writer.family(catalogue.workloadEnergy)
      for (const { labels, value, createdWall } of rows) {
        writer.energy(
          new SeriesBytes(
            catalogue.workloadEnergy,
            labelText(catalogue.workloadEnergy.labels, labels),
            createdWall,
          ),
          value,
        )
      }
      return writer.finish()
    })
    const [one, other] = written
    expect(one?.text.toString()).toBe(other?.text.toString())
    expect(one?.openMetrics.toString()).toBe(other?.openMetrics.toString())
    expect(parsePage(one?.text.toString() ?? '').get(catalogue.workloadEnergy.name)).toHaveLength(5000)
    for (const bytes of written.flatMap(({ text, openMetrics }) => [text, openMetrics]))
      expect(bytes.buffer.byteLength - bytes.byteLength).toBeGreaterThanOrEqual(1 << 16)
  })

  test('writes nothing of a family without series', () => {
    expect(formsOf([{ metric: catalogue.sensorUp, rows: [] }])).toEqual({ text: '', openMetrics: '# EOF\n' })
  })
})

/** Numbered where the suffixes allow it. */
const renamed = (metric: Metric, suffix: string): Metric => ({
  ...metric,
  name: metric.name.replace('wattribute', `wattribute${suffix}`),
})

const familyName = ({ name, type }: Metric): string =>
  type === 'counter' ? name.replace(/_total$/, '') : name

function parsedOf({ metric, rows }: Family): unknown {
  const family = familyName(metric)
  return {
    name: family,
    type: metric.type,
    unit: metric.unit,
    help: metric.help,
    samples: rows.flatMap(({ labels: values, value, createdWall }) => {
      const labels = Object.fromEntries(metric.labels.map((name, index) => [name, values[index]]))
      const sample = { name: metric.name, labels, value: Number(value.toString()) }
      return createdWall === undefined
        ? [sample]
        : [sample, { name: `${family}_created`, labels, value: createdWall }]
    }),
  }
}

describe('a histogram', () => {
  const metric = catalogue.workloadRequestEnergy
  const bounds = [0.1, 1, 20]

  test('is prom-client’s, byte for byte; OpenMetrics has decimals in its bounds', async () => {
    const registry = new Registry()
    const { name, help, labels: labelNames } = metric
    const theirs = new Histogram({
      name,
      help,
      labelNames: [...labelNames],
      buckets: bounds,
      registers: [registry],
    })
    const sets = [
      ['chat "1"', 'a\nb', 'llama', 'tokens'],
      ['', '', '', 'time'],
    ]
    const observed = [0.015625, 0.5, 21]
    for (const set of sets) {
      const labels = Object.fromEntries(labelNames.map((label, index) => [label, set[index] ?? '']))
      for (const value of observed) theirs.observe(labels, value)
    }
    const writer = new PageWriter()
    writer.histogram(
      metric,
      bounds,
      sets.map((labels) => ({
        labels,
        upTo: [1, 2, 2],
        count: 3,
        sum: total(21, 515_625),
        createdWall: CREATED,
      })),
    )
    const { text, openMetrics } = writer.finish()
    expect(text.toString()).toBe(await registry.metrics())
    const page = `${openMetrics.toString()}# EOF\n`
    expect(page).toContain('_bucket{le="20.0",workload="",namespace="",model="",basis="time"} 2')
    expect(page).toContain(
      'wattribute_workload_request_energy_joules_created{workload="",namespace="",model="",basis="time"} 1760000000.250',
    )
  })

  test('without series is not there', () => {
    const writer = new PageWriter()
    writer.histogram(metric, bounds, [])
    expect(writer.finish().text).toHaveLength(0)
  })
})
