import { afterEach, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { finishPage } from '../../exporter/src/exposition/finished-page.ts'
import { stateOf } from '../../exporter/src/exposition/machine-page.ts'
import { SelfMetrics } from '../../exporter/src/exposition/self.ts'
import { View } from '../../exporter/src/ledger/view.ts'
import type { SensorStatus } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { withProgram } from '../programs.ts'
import { BookedMachine, BUSY, CONSUMERS, type Forms } from './booked-machine.ts'
import { imbalancesOfPage, parsePage, sumOf, type Series } from './page-text.ts'
import { withStrictParser } from './strict-parser.ts'

afterEach(() => {
  jest.restoreAllMocks()
})

function busyMachine(): BookedMachine {
  const machine = new BookedMachine()
  machine.spend({ wait: 1, energy: {}, cpu: {}, holder: 'container' })
  machine.spend(BUSY)
  return machine
}

const seriesOf = ({ text }: Forms, name: string): readonly Series[] =>
  parsePage(text).get(`wattribute_${name}`) ?? []

const amount = fc.option(fc.nat(500_000_000), { nil: undefined, freq: 4 })
const spent = fc.record({
  wait: fc.constantFrom(0.1, 1, 1, 7, 61, 700),
  energy: fc
    .record({ psys: amount, package: amount, core: amount, dram: amount, gpu: amount })
    .map((energies) => Object.fromEntries(Object.entries(energies).filter(([, one]) => one !== undefined))),
  cpu: fc.record(
    { service: fc.nat(2_000_000_000), container: fc.nat(2_000_000_000), foreign: fc.nat(2_000_000_000) },
    { requiredKeys: [] },
  ),
})
const play = fc.array(spent, { minLength: 1, maxLength: 30 })
const policies = fc.record({
  lifetimes: fc.record({
    birthHold: fc.constantFrom(0, 30).map(seconds),
    expireAfter: fc.constantFrom(60, 600).map(seconds),
  }),
  processes: fc.constantFrom(0, 1, 50),
  seriesLimit: fc.constantFrom(2, 20_000),
})

describe('the books on the page', () => {
  test('balance to the microjoule after every tick, read back from its text', () => {
    const errors = new Set<string>()
    const held = { pending: 0, retired: 0, deficits: 0 }
    fc.assert(
      fc.property(policies, play, (policy, ticks) => {
        const machine = new BookedMachine(policy)
        for (const one of ticks) {
          machine.spend(one)
          const page = machine.render()
          const families = parsePage(page.text)
          if (sumOf(families, 'domain_energy_joules_total') > 0n)
            expect(imbalancesOfPage(page.text)).toEqual([])
          for (const { value } of seriesOf(page, 'conservation_error_joules')) errors.add(value)
          expect(page.error).toBe(0n)
          if (sumOf(families, 'ledger_pending_joules') > 0n) held.pending += 1
          if (sumOf(families, 'ledger_retired_joules') > 0n) held.retired += 1
          if (sumOf(families, 'domain_deficit_joules') > 0n) held.deficits += 1
        }
      }),
      { numRuns: 150 },
    )
    expect(errors).toEqual(new Set(['0']))
    // the property says something only where every term of the equations was there
    for (const times of Object.values(held)) expect(times).toBeGreaterThan(20)
  })

  test.each(['workload', 'container', 'process'] as const)(
    'a share that is missing from the view %s is seen',
    (name) => {
      const machine = new BookedMachine()
      machine.spend({ wait: 1, energy: {}, cpu: {} })
      const view = machine.ledger.views[name]
      const book = jest.spyOn(view, 'book').mockImplementationOnce(() => undefined)
      machine.spend(BUSY)
      expect(book.mock.calls.length).toBeGreaterThan(1)
      const [, { component }, missing] = book.mock.calls[0] ?? fail()
      const page = machine.render()
      expect(page.error).toBe(BigInt(missing))
      expect(seriesOf(page, 'conservation_error_joules').filter(({ value }) => value !== '0')).toEqual([
        { labels: { component }, value: String(missing / 1e6) },
      ])
      expect(imbalancesOfPage(page.text)).toEqual([
        expect.stringMatching(new RegExp(`^${name} ${component}: booked \\d+ is not leaves \\d+$`)),
      ])
    },
  )

  test('a series that is not written is seen by the audit of the page', () => {
    const machine = busyMachine()
    const accounts = [...machine.ledger.views.workload.accounts()]
    jest.spyOn(View.prototype, 'accounts').mockImplementationOnce(() => accounts.slice(1).values() as never)
    const page = machine.render()
    expect(page.error).toBe(accounts[0]?.shown.toBigInt())
    expect(imbalancesOfPage(page.text)).toHaveLength(1)
  })

  test('are the ones of this machine', () => {
    const page = busyMachine().render()
    const families = parsePage(page.text)
    // by hand: 400.000001 + 100.000009 J were measured, and every leaf lies in one of them
    expect(sumOf(families, 'domain_energy_joules_total', ({ within }) => within === '')).toBe(500_000_010n)
    expect(sumOf(families, 'domain_energy_joules_total', ({ leaf }) => leaf === 'true')).toBe(500_000_010n)
    // 3 W × 4 s of each is idle; the accelerator's whole idle energy, and the host's, go to the one who holds it
    expect(
      sumOf(
        families,
        'workload_energy_joules_total',
        ({ component, part }) => component === 'accelerator' && part === 'idle',
      ),
    ).toBe(12_000_000n)
    expect(sumOf(families, 'unattributed_energy_joules_total', ({ component }) => component === 'cpu')).toBe(
      0n,
    )
  })
})

describe('the series', () => {
  test('keep their names, whatever is in them', () => {
    const page = busyMachine().render()
    const names = new Set(seriesOf(page, 'process_energy_joules_total').map(({ labels }) => labels['comm']))
    expect(names).toEqual(
      new Set(
        Object.values(CONSUMERS).map((consumer) =>
          consumer.kind === 'process' ? consumer.process.comm : consumer.kind,
        ),
      ),
    )
    expect(seriesOf(page, 'workload_energy_joules_total').map(({ labels }) => labels['workload'])).toContain(
      'dev-disk\\x2dby\\x2did.swap',
    )
  })

  test('never change their bytes but for the value', () => {
    const machine = busyMachine()
    const before = machine.render()
    machine.spend(BUSY)
    const after = machine.render()
    const keys = (page: Forms): string[] =>
      seriesOf(page, 'workload_energy_joules_total').map(({ labels }) => JSON.stringify(labels))
    expect(keys(after)).toEqual(keys(before))
    const total = ({ text }: Forms): bigint => sumOf(parsePage(text), 'workload_energy_joules_total')
    expect(total(after)).toBe(2n * total(before))
  })

  test('say since when they count in OpenMetrics only', () => {
    const page = busyMachine().render()
    expect(page.text).not.toContain('_created')
    const lines = page.openMetrics.split('\n')
    const totals = lines.filter((line) => /^\w+_total[{ ]/.test(line))
    expect(totals.length).toBeGreaterThan(20)
    for (const line of totals) {
      const [series = ''] = line.split(/ (?=[^ ]+$)/)
      expect(lines[lines.indexOf(line) + 1]).toMatch(/_created[{ ].* 1760\d{6}\.\d{3}$/s)
      expect(lines[lines.indexOf(line) + 1]?.startsWith(series.replace('_total', '_created'))).toBe(true)
    }
  })
})

describe('what is known of containers and workloads', () => {
  const machine = new BookedMachine()
  machine.spend({ wait: 1, energy: {}, cpu: {} })
  machine.spend({
    wait: 1,
    energy: { package: 5_000_000, psys: 9_000_000 },
    cpu: { service: 1e9, container: 2e9 },
  })
  const infoOf = (family: string): readonly unknown[] =>
    (parsePage(machine.render().text).get(`wattribute_${family}_info`) ?? []).map(({ labels }) => labels)

  test('is one series for each that has used energy', () => {
    expect(infoOf('container')).toEqual([
      {
        container_id: 'c0ffee'.padEnd(64, '0'),
        container: '',
        pod: '',
        namespace: '',
        pod_uid: '',
        image: '',
        runtime: 'docker',
      },
    ])
    const unknown = { namespace: '', user: '', account: '' }
    expect(infoOf('workload')).toEqual([
      { ...unknown, workload: 'dev-disk\\x2dby\\x2did.swap', kind: 'system', manager: 'systemd' },
      { ...unknown, workload: 'c0ffee000000', kind: 'unknown', manager: 'docker' },
    ])
  })

  test('is gone with them', () => {
    machine.leave()
    expect([...infoOf('container'), ...infoOf('workload')]).toEqual([])
  })
})

describe('sensors', () => {
  test('one that was never there is not down', () => {
    const page = busyMachine().render()
    expect(seriesOf(page, 'sensor_up')).toEqual([{ labels: { sensor: 'rapl' }, value: '1' }])
    expect(seriesOf(page, 'sensor_info').map(({ labels }) => labels)).toEqual([
      { sensor: 'rapl', state: 'readings', reason: '' },
      { sensor: 'nvml', state: 'absent', reason: 'the file "libnvidia-ml.so.1" is not there' },
    ])
    expect(seriesOf(page, 'sensor_last_reading_timestamp_seconds')).toEqual([
      { labels: { sensor: 'rapl' }, value: '1760000000.5' },
    ])
  })

  test('every component is in one state', () => {
    const states = seriesOf(busyMachine().render(), 'component_state')
    expect(states.filter(({ value }) => value === '1').map(({ labels }) => labels)).toEqual([
      { component: 'accelerator', state: 'measured' },
      { component: 'cpu', state: 'measured' },
      { component: 'memory', state: 'estimated' },
      { component: 'board', state: 'estimated' }, // what is left beside an estimate
      { component: 'cooling', state: 'absent' },
      { component: 'power', state: 'absent' },
      { component: 'network', state: 'unreadable' },
    ])
    expect(states).toHaveLength(7 * 4)
  })

  test('what is measured in one place is measured, also when it is estimated in another', () => {
    const blind = [{ unreadable: ['cpu'] }] as unknown as SensorStatus[]
    const measured = { component: 'cpu', method: 'integrated' } as const
    const estimated = { component: 'cpu', method: 'estimated' } as const
    expect(stateOf('cpu', [estimated, measured], blind)).toBe('measured')
    expect(stateOf('cpu', [estimated], blind)).toBe('estimated')
    expect(stateOf('cpu', [], blind)).toBe('unreadable')
    expect(stateOf('memory', [measured], blind)).toBe('absent')
  })
})

/** The machine's page with the tail of the main thread, as it is served. */
async function servedPage(): Promise<Forms> {
  const machine = busyMachine()
  for (let tick = 0; tick < 10; tick += 1) machine.spend(BUSY)
  const self = new SelfMetrics('1.2.3')
  self.tickTook(seconds(0.01))
  self.configLoaded(seconds(1_760_000_000), '')
  const { text, openMetrics } = machine.render()
  const bytes = { text: Buffer.from(text), openMetrics: Buffer.from(openMetrics) }
  const finished = finishPage(
    {
      text: Uint8Array.from(bytes.text).buffer,
      textLength: bytes.text.length,
      openMetrics: Uint8Array.from(bytes.openMetrics).buffer,
      openMetricsLength: bytes.openMetrics.length,
    },
    await self.render(),
  )
  return {
    text: Buffer.from(finished.text).toString(),
    openMetrics: Buffer.from(finished.openMetrics).toString(),
  }
}

describe('the served page', () => {
  test('separates families by one blank line in the text form, by none in OpenMetrics', async () => {
    const { text, openMetrics } = await servedPage()
    for (const family of text.split('\n\n'))
      expect(family).toMatch(/^# HELP \S+ .*\n# TYPE \S+ \w+(\n[^#]+)?$/)
    expect(openMetrics).not.toContain('\n\n')
    expect(openMetrics.indexOf('# EOF\n')).toBe(openMetrics.length - '# EOF\n'.length)
  })

  withProgram('promtool', 'passes promtool check metrics', async (run) => {
    const { status, output } = run(['check', 'metrics'], (await servedPage()).text)
    expect({ status, output }).toEqual({ status: 0, output: '' })
  })

  withStrictParser('says the same in both forms, to a strict parser', async (parse) => {
    const { text } = await servedPage()
    const { openMetrics } = await servedPage()
    const parsed = parse(openMetrics)
      .flatMap(({ samples }) => samples)
      .filter(({ name }) => name.startsWith('wattribute_') && !name.endsWith('_created'))
      .map(({ name, labels, value }) => JSON.stringify([name, Object.entries(labels), value]))
    const read = [...parsePage(text)]
      .filter(([name]) => name.startsWith('wattribute_'))
      .flatMap(([name, series]) =>
        series.map(({ labels, value }) => JSON.stringify([name, Object.entries(labels), Number(value)])),
      )
    expect(parsed.filter((line) => !line.includes('"le"')).sort()).toEqual(
      read.filter((line) => !line.includes('"le"')).sort(),
    )
    expect(parsed.length).toBeGreaterThan(100)
  })
})

function fail(): never {
  throw new Error('nothing was booked')
}
