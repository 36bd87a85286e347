import { describe, expect, test } from '@jest/globals'
import { ReportError } from '../../exporter/src/report/options.ts'
import { periodOf } from '../../exporter/src/report/period.ts'
import {
  figuresOfPrometheus,
  type PrometheusDoor,
  type Sample,
} from '../../exporter/src/report/prometheus-figures.ts'
import { seconds } from '../../exporter/src/units.ts'
import { at } from '../workloads/books.ts'

const october = periodOf('2026-10', 'UTC')
const later = at('2026-11-24T12:00:00Z')

interface Answers {
  readonly workloads?: readonly Sample[]
  readonly unattributed?: readonly Sample[]
  readonly gaps?: readonly Sample[]
  /** How many nodes there were, at each look. */
  readonly nodes?: readonly number[]
}

function door({ workloads = [], unattributed = [], gaps = [], nodes = [] }: Answers) {
  const asked: string[] = []
  const answering: PrometheusDoor = {
    query: async (expression, wall) => {
      asked.push(`${expression} @ ${wall}`)
      if (expression.includes('workload_energy')) return workloads
      return expression.includes('unattributed') ? unattributed : gaps
    },
    queryRange: async (expression, from, to, step) => {
      asked.push(`${expression} ${from} ${to} ${step}`)
      return nodes.length === 0 ? [] : [{ points: nodes.map((count, index) => [from + index * step, count]) }]
    },
  }
  return { door: answering, asked }
}

const labels = { workload: 'train', component: 'cpu', part: 'host', method: 'counter' }
const energy = { labels, value: 12.3456789 }

describe('figures of a Prometheus', () => {
  test('are asked for over exactly the period', async () => {
    const { door: prometheus, asked } = door({ workloads: [energy] })
    await figuresOfPrometheus(prometheus, october, later)
    expect(asked).toEqual([
      `sum by (workload, namespace, kind, model, variant, phase, component, part, method) (increase(wattribute_workload_energy_joules_total[2678400s])) @ ${october.to}`,
      `sum by (reason, component, part, method) (increase(wattribute_unattributed_energy_joules_total[2678400s])) @ ${october.to}`,
      `sum by (component) (increase(wattribute_domain_gap_seconds_total[2678400s])) @ ${october.to}`,
      `count(last_over_time(wattribute_last_tick_timestamp_seconds[2679s])) ${october.from + 2679} ${october.to} 2679`,
    ])
  })

  test('of a period that goes on end now', async () => {
    const { door: prometheus, asked } = door({ workloads: [energy] })
    const { coverage } = await figuresOfPrometheus(prometheus, october, at('2026-10-01T00:10:00Z'))
    expect(asked[0]).toContain('[600s])) @ ')
    expect(coverage.until).toBe(at('2026-10-01T00:10:00Z'))
    await expect(figuresOfPrometheus(prometheus, october, october.from)).rejects.toThrow(
      new ReportError('the period 2026-10 has not begun'),
    )
  })

  test('are rows like those of the history; labels that are left out are empty', async () => {
    const { rows, coverage } = await figuresOfPrometheus(
      door({
        workloads: [energy, { labels: { ...labels, model: 'm' }, value: 3e10 + 0.5 }],
        unattributed: [{ labels: { ...labels, reason: 'idle' }, value: 0 }],
        gaps: [
          { labels: { component: 'board' }, value: 90 },
          { labels: { component: 'node' }, value: 90 },
          { labels: { component: 'cpu' }, value: 0 },
        ],
      }).door,
      october,
      later,
    )
    expect(
      rows.map(({ workload, model, reason, energy: sum }) => [workload, model, reason, sum.toString()]),
    ).toEqual([
      ['train', '', '', '12.345679'],
      ['train', 'm', '', '30000000000.500000'],
      ['', '', 'idle', '0.000000'],
    ])
    expect(coverage.unknown).toEqual(new Map([['board', seconds(90)]]))
    expect(coverage.down).toBeUndefined()
  })

  test.each([
    [[], 0, 'summed over no nodes'],
    [Array.from({ length: 999 }, () => 1), 2_678_400, 'summed over 1 node;'],
    [Array.from({ length: 333 }, (_, index) => 2 + (index % 2)), 2_678_400 / 3, 'summed over 2 to 3 nodes;'],
  ])('say how long, and how many nodes, were there (%#)', async (nodes, observed, sentence) => {
    const { coverage, notes } = await figuresOfPrometheus(
      door({ workloads: [energy], nodes }).door,
      october,
      later,
    )
    expect(coverage.observed).toBeCloseTo(observed, 3)
    expect(notes[1]).toContain(sentence)
  })

  test.each([
    [{}, 'this Prometheus holds no energy of wattribute in 2026-10'],
    [{ workloads: [{ labels: { ...labels, part: 'roof' }, value: 1 }] }, 'does not know: {"workload"'],
    [{ workloads: [{ labels, value: NaN }] }, 'does not know'],
    [{ workloads: [{ labels, value: -1 }] }, 'does not know'],
    [{ unattributed: [{ labels, value: 1 }] }, 'does not know'],
  ])('that cannot be used are refused (%#)', async (answers, sentence) => {
    await expect(figuresOfPrometheus(door(answers).door, october, later)).rejects.toThrow(sentence)
  })
})
