/** The energy of single requests on the page: a histogram as both forms have it. */
import { describe, expect, test } from '@jest/globals'
import { microjoules, seconds } from '../../exporter/src/units.ts'
import { BOUNDS_JOULES, EnergyHistograms } from '../../exporter/src/workloads/energy-histogram.ts'
import type { RequestCost } from '../../exporter/src/workloads/request-energy.ts'
import { withProgram } from '../programs.ts'
import { BookedMachine, BUSY } from './booked-machine.ts'
import { withStrictParser } from './strict-parser.ts'

const NAME = 'wattribute_workload_request_energy_joules'

const cost = (energy: number, more: Partial<RequestCost> = {}): RequestCost => ({
  workload: 'chat',
  namespace: '',
  model: 'llama',
  basis: 'tokens',
  energy: microjoules(energy),
  ...more,
})

/** Of names that hold all that a page has to escape. */
function machineWith(costs: readonly RequestCost[]): BookedMachine {
  const machine = new BookedMachine()
  machine.spend(BUSY)
  const histograms = new EnergyHistograms({
    mostSeries: 10,
    birthHold: seconds(0),
    expireAfter: seconds(600),
  })
  histograms.observe(costs, { at: machine.state.at, wall: machine.state.wall })
  machine.requestEnergy = histograms
  return machine
}

const odd = { workload: 'a "b"\\\nc', namespace: 'grün', basis: 'time' } as const
const machine = (): BookedMachine => machineWith([cost(100_000), cost(250_001), cost(6e10), cost(7, odd)])

describe('the energy of requests on the page', () => {
  test('there is no family before the first request', () => {
    expect(machineWith([]).render().text).not.toContain(NAME)
  })

  test('its buckets hold those of smaller ones, up to all of them', () => {
    const lines = machine()
      .render()
      .text.split('\n')
      .filter((line) => line.startsWith(NAME) && line.includes('workload="chat"'))
    const labels = 'workload="chat",namespace="",model="llama",basis="tokens"'
    expect(lines).toHaveLength(BOUNDS_JOULES.length + 3)
    expect([...lines.slice(0, 3), ...lines.slice(-4)]).toEqual([
      `${NAME}_bucket{le="0.1",${labels}} 1`,
      `${NAME}_bucket{le="0.2",${labels}} 1`,
      `${NAME}_bucket{le="0.5",${labels}} 2`,
      `${NAME}_bucket{le="50000",${labels}} 2`,
      `${NAME}_bucket{le="+Inf",${labels}} 3`,
      `${NAME}_sum{${labels}} 60000.350001`,
      `${NAME}_count{${labels}} 3`,
    ])
  })

  withProgram('promtool', 'passes promtool check metrics', (run) => {
    const { status, output } = run(['check', 'metrics'], machine().render().text)
    expect({ status, output }).toEqual({ status: 0, output: '' })
  })

  withStrictParser('is a histogram to a strict parser, with the figures of the other form', (parse) => {
    const family = parse(`${machine().render().openMetrics}# EOF\n`).find(({ name }) => name === NAME)
    expect([family?.type, family?.unit]).toEqual(['histogram', 'joules'])
    const ofOdd = (family?.samples ?? []).filter(({ labels }) => labels['workload'] === odd.workload)
    expect(ofOdd.filter(({ name }) => name === `${NAME}_bucket`).map(({ labels }) => labels['le'])).toEqual([
      ...BOUNDS_JOULES.map((bound) => (Number.isInteger(bound) ? `${bound}.0` : String(bound))),
      '+Inf',
    ])
    const rest = ofOdd.filter(({ name }) => !/_(?:bucket|created)$/.test(name))
    const labels = { workload: odd.workload, namespace: 'grün', model: 'llama', basis: 'time' }
    expect(rest).toEqual([
      { name: `${NAME}_sum`, labels, value: 0.000007 },
      { name: `${NAME}_count`, labels, value: 1 },
    ])
    expect(ofOdd.filter(({ name }) => name === `${NAME}_created`)).toHaveLength(1)
  })
})
