import { afterAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig, type Config } from '../../exporter/src/config/load.ts'
import { machineTimeZone } from '../../exporter/src/config/time-zone.ts'

const folder = mkdtempSync(join(tmpdir(), 'wattribute-budgets-'))
const file = join(folder, 'wattribute.yml')

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function load(text: string): Config {
  writeFileSync(file, text)
  return loadConfig(file, () => 'Asia/Kathmandu')
}

function problemsOf(text: string): readonly string[] {
  try {
    load(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

/** One budget in braces on line 1; it begins at column 11, what follows the name at column 20. */
const budget = (keys: string): string => `budgets: [{name: b, ${keys}}]`
const demand = (keys: string): string => `demand: [{${keys}}]`

describe('a budget', () => {
  test('has defaults', () => {
    expect(load(budget('limit_kwh: 0.5')).budgets).toEqual([
      {
        name: 'b',
        match: {},
        limitJoules: 1_800_000,
        boundary: 'provisioned',
        facilityFactor: undefined,
        meter: undefined,
        scope: 'node',
        period: { kind: 'month', billingDay: 1 },
        timeZone: 'Asia/Kathmandu',
      },
    ])
  })

  test.each([
    ['limit_kwh: 500', 1.8e9],
    ['limit_mwh: 4.5', 16.2e9], // beyond what microjoules in a double hold
    ['limit_joules: 1', 1],
  ])('%s', (limit, joules) => {
    expect(load(budget(limit)).budgets[0]?.limitJoules).toBe(joules)
  })

  test('knows the highest power of what it counts, for rules', () => {
    expect(load(budget('limit_kwh: 1, max_watts: 2800')).budgets[0]?.maxWatts).toBe(2800)
  })

  test.each([
    ['period: day', { kind: 'day' }],
    ['period: week', { kind: 'week' }],
    ['period: month, billing_day: 31', { kind: 'month', billingDay: 31 }],
    [
      'period: dates, from: 2028-02-29, to: 2028-02-29',
      { kind: 'dates', from: '2028-02-29', to: '2028-02-29' },
    ],
  ])('%s', (keys, period) => {
    expect(load(budget(`limit_kwh: 1, ${keys}`)).budgets[0]?.period).toEqual(period)
  })

  test('chooses by what is given, an empty text included', () => {
    const match = "match: {workload: 'train-*', namespace: '', pod_labels: {team: a}}"
    expect(load(budget(`limit_kwh: 1, ${match}`)).budgets[0]?.match).toEqual({
      workload: 'train-*',
      namespace: '',
      podLabels: { team: 'a' },
    })
  })

  test('takes its time zone, else that of the file, else that of the machine', () => {
    const zonesOf = (text: string): unknown => {
      const config = load(text)
      return [config.timeZone, config.budgets[0]?.timeZone, config.demand[0]?.timeZone]
    }
    const rules = 'budgets: [{name: b, limit_kwh: 1}]\ndemand: [{meter: node}]\n'
    expect(zonesOf(rules)).toEqual(['Asia/Kathmandu', 'Asia/Kathmandu', 'Asia/Kathmandu'])
    expect(zonesOf(`${rules}time_zone: UTC`)).toEqual(['UTC', 'UTC', 'UTC'])
    expect(zonesOf('time_zone: UTC\nbudgets: [{name: b, limit_kwh: 1, time_zone: Europe/Berlin}]')).toEqual([
      'UTC',
      'Europe/Berlin',
      undefined,
    ])
  })

  test('crosses to another thread as it is', () => {
    const config = load(`${budget("limit_kwh: 1, match: {pod_labels: {a: '*'}}")}\n${demand('meter: node')}`)
    expect(structuredClone(config)).toEqual(config)
    for (const part of [
      config.budgets,
      config.budgets[0],
      config.budgets[0]?.match.podLabels,
      config.demand[0],
    ])
      expect(Object.isFrozen(part)).toBe(true)
  })
})

describe('a demand charge', () => {
  test('has defaults', () => {
    expect(load(demand('meter: node')).demand).toEqual([
      { meter: 'node', blockMinutes: 15, limit: undefined, billingDay: 1, timeZone: 'Asia/Kathmandu' },
    ])
  })

  test('takes every key', () => {
    const keys =
      'meter: psys, block_minutes: 30, limit_watts: 8000, max_watts: 9000, billing_day: 31, time_zone: UTC'
    expect(load(demand(keys)).demand).toEqual([
      { meter: 'psys', blockMinutes: 30, limit: 8000, maxWatts: 9000, billingDay: 31, timeZone: 'UTC' },
    ])
  })
})

describe('one line says what is wrong with', () => {
  test.each([
    [
      'limit_kwh: 1, limit_kw: 2',
      'unknown key `budgets[0].limit_kw` (line 1, column 35): did you mean `budgets[0].limit_kwh`?',
    ],
    [
      'scope: node',
      '`budgets[0]` (line 1, column 11) needs a limit: one of `limit_kwh`, `limit_mwh` and `limit_joules`',
    ],
    [
      'limit_kwh: 1, limit_mwh: 2',
      '`budgets[0].limit_mwh` (line 1, column 46) is a second limit beside `limit_kwh`: give one',
    ],
    ['limit_kwh: 0', '`budgets[0].limit_kwh` (line 1, column 32) must be above 0'],
    ['limit_kwh: -1', '`budgets[0].limit_kwh` (line 1, column 32) must be above 0'],
    ['limit_kwh: 1e10', '`budgets[0].limit_kwh` (line 1, column 32) must be at most 1000000000'],
    ['limit_kwh: "1"', '`budgets[0].limit_kwh` (line 1, column 32) must be a number, not text'],
    [
      'limit_kwh: 1, boundary: facility',
      '`budgets[0].boundary` (line 1, column 45) needs `facility_factor`, or `meter` for what sees the facility',
    ],
    [
      'limit_kwh: 1, facility_factor: 1.4',
      '`budgets[0].facility_factor` (line 1, column 52) goes with `boundary: facility` only',
    ],
    [
      'limit_kwh: 1, boundary: facility, facility_factor: 0.9',
      '`budgets[0].facility_factor` (line 1, column 72) must be from 1 to 10',
    ],
    [
      'limit_kwh: 1, boundary: facility, meter: pdu, facility_factor: 2',
      '`budgets[0].facility_factor` (line 1, column 84) cannot be applied to a `meter`: give one of the two',
    ],
    ['limit_kwh: 1, meter: ""', '`budgets[0].meter` (line 1, column 42) must not be empty'],
    [
      'limit_kwh: 1, meter: pdu, match: {user: a, node: b}',
      '`budgets[0].match.user` (line 1, column 61) cannot choose within a `meter`: leave one of the two out',
    ],
    [
      'limit_kwh: 1, match: {kind: train}',
      '`budgets[0].match.kind` (line 1, column 49) must be one of training, inference, interactive, other, system, unknown',
    ],
    [
      'limit_kwh: 1, match: {pod_labels: {team: 1}}',
      '`budgets[0].match.pod_labels.team` (line 1, column 62) must be text, not a number',
    ],
    [
      'limit_kwh: 1, match: {work: a}',
      'unknown key `budgets[0].match.work` (line 1, column 43): known here: `workload`, `namespace`',
    ],
    [
      'limit_kwh: 1, period: year',
      '`budgets[0].period` (line 1, column 43) must be one of day, week, month, dates',
    ],
    [
      'limit_kwh: 1, period: week, billing_day: 2',
      '`budgets[0].billing_day` (line 1, column 62) goes with `period: month` only',
    ],
    ['limit_kwh: 1, billing_day: 32', '`budgets[0].billing_day` (line 1, column 48) must be from 1 to 31'],
    ['limit_kwh: 1, billing_day: 0', '`budgets[0].billing_day` (line 1, column 48) must be from 1 to 31'],
    [
      'limit_kwh: 1, from: 2026-01-01',
      '`budgets[0].from` (line 1, column 41) goes with `period: dates` only',
    ],
    [
      'limit_kwh: 1, period: dates, from: 2026-01-01',
      '`budgets[0].to` (line 1, column 11) is missing: the last day of `period: dates`',
    ],
    [
      'limit_kwh: 1, period: dates, to: 2026-01-01',
      '`budgets[0].from` (line 1, column 11) is missing: the first day of `period: dates`',
    ],
    [
      'limit_kwh: 1, period: dates, from: 2026-01-02, to: 2026-01-01',
      '`budgets[0].to` (line 1, column 72) must not be before `from`',
    ],
    [
      'limit_kwh: 1, period: dates, from: 2027-02-29, to: 2028-01-01',
      '`budgets[0].from` (line 1, column 56) is not a day of the calendar: write it as 2026-10-01',
    ],
    [
      'limit_kwh: 1, period: dates, from: 1.10.2026, to: 2028-01-01',
      '`budgets[0].from` (line 1, column 56) is not a day of the calendar: write it as 2026-10-01',
    ],
    [
      'limit_kwh: 1, time_zone: Europe/Berln',
      '`budgets[0].time_zone` (line 1, column 46) is not a time zone that is known here: did you mean Europe/Berlin?',
    ],
    [
      'limit_kwh: 1, time_zone: "+01:00"',
      '`budgets[0].time_zone` (line 1, column 46) is not a time zone that is known here: give an IANA name such as Europe/Berlin',
    ],
    [
      'limit_kwh: 1}, {name: b, limit_kwh: 1',
      '`budgets[1].name` (line 1, column 43) is the name of a budget above: each needs its own',
    ],
    ['limit_kwh: 1, max_watts: 0', '`budgets[0].max_watts` (line 1, column 46) must be above 0'],
    ['limit_kwh: 1}, {limit_kwh: 1', '`budgets[1].name` (line 1, column 36) is missing'],
  ])('a budget with %s', (keys, problem) => {
    const [first, ...others] = problemsOf(budget(keys))
    expect(first?.slice(0, problem.length)).toBe(problem)
    expect(others).toEqual([])
  })

  test.each([
    ['block_minutes: 15', '`demand[0].meter` (line 1, column 10) is missing'],
    ['meter: a, block_minutes: 10', '`demand[0].block_minutes` (line 1, column 36) must be one of 15, 30'],
    ['meter: a, limit_watts: 0', '`demand[0].limit_watts` (line 1, column 34) must be above 0'],
    [
      'meter: a, billing_day: 1.5',
      '`demand[0].billing_day` (line 1, column 34) must be a whole number, not a fraction',
    ],
    [
      'meter: a}, {meter: a',
      '`demand[1].meter` (line 1, column 30) names a meter that has demand blocks already',
    ],
  ])('a demand charge with %s', (keys, problem) => {
    expect(problemsOf(demand(keys))).toEqual([problem])
  })

  test.each([
    ['Berlin', 'give an IANA name such as Europe/Berlin'],
    ['Amerika/New_York', 'did you mean America/New_York?'],
    ['""', 'give an IANA name such as Europe/Berlin'],
  ])('the time zone %s', (zone, advice) => {
    expect(problemsOf(`time_zone: ${zone}`)).toEqual([
      `\`time_zone\` (line 1, column 12) is not a time zone that is known here: ${advice}`,
    ])
  })

  test('a budget that is wrong in many ways, line by line', () => {
    const text = `budgets:
  - name: a
    limit_kwh: many
    boundary: facility
    billing_day: 40
    period: day
    colour: red
  - name: a
`
    expect(problemsOf(text)).toEqual([
      '`budgets[0].limit_kwh` (line 3, column 16) must be a number, not text',
      '`budgets[0].boundary` (line 4, column 15) needs `facility_factor`, or `meter` for what sees the facility',
      '`budgets[0].billing_day` (line 5, column 18) must be from 1 to 31',
      '`budgets[0].billing_day` (line 5, column 18) goes with `period: month` only',
      'unknown key `budgets[0].colour` (line 7, column 5): known here: `name`, `match`, `limit_kwh`, `limit_mwh`, `limit_joules`, `boundary`, `facility_factor`, `meter`, `scope`, `max_watts`, `period`, `billing_day`, `from`, `to`, `time_zone`',
      '`budgets[1]` (line 8, column 5) needs a limit: one of `limit_kwh`, `limit_mwh` and `limit_joules`',
      '`budgets[1].name` (line 8, column 11) is the name of a budget above: each needs its own',
    ])
  })
})

describe('the machine’s own time zone', () => {
  const link = join(folder, 'localtime')
  symlinkSync('/usr/share/zoneinfo/Europe/Berlin', link)

  test.each([
    [undefined, 'Europe/Berlin', 'Europe/Berlin'],
    ['', 'Etc/Unknown', 'UTC'], // as POSIX has it
    [':Europe/Berlin', 'Europe/Berlin', 'Europe/Berlin'],
    [':Europe/Berlin', undefined, 'Europe/Berlin'],
    ['/usr/share/zoneinfo/Europe/Berlin', undefined, 'Europe/Berlin'],
    [`:${link}`, undefined, 'Europe/Berlin'],
    ['UTC+3', undefined, undefined],
    ['Nonsense/Zone', undefined, undefined],
    ['/nowhere', undefined, undefined],
    [undefined, 'Etc/Unknown', undefined],
  ])('TZ=%s, which ICU calls %s', (tz, named, zone) => {
    expect(machineTimeZone({ tz, named })).toBe(zone)
  })

  test('is needed unless the file names one', () => {
    expect(() => loadConfig(undefined, () => undefined)).toThrow(
      new ConfigError('TZ', [
        "the machine's time zone is not known here: set TZ, or `time_zone` in the configuration, to an IANA name such as Europe/Berlin",
      ]),
    )
    writeFileSync(file, 'time_zone: UTC')
    expect(loadConfig(file, () => undefined).timeZone).toBe('UTC')
  })

  test('is known here', () => {
    expect(machineTimeZone()).toBe(loadConfig(undefined).timeZone)
  })
})
