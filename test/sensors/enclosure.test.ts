import { describe, expect, test } from '@jest/globals'
import type { Domain } from '../../exporter/src/model.ts'
import { Enclosure } from '../../exporter/src/sensors/enclosure.ts'
import { microjoules, seconds, watts } from '../../exporter/src/units.ts'

const domain = (id: string, component: Domain['component'], more: Partial<Domain> = {}): Domain => ({
  id,
  component,
  within: '',
  booked: true,
  method: 'integrated',
  baseline: { watts: watts(0), source: 'default' },
  ...more,
})

const wall = domain('wall', 'node', { encloses: ['node', 'accelerator', 'cpu', 'memory', 'board'] })
const psys = domain('psys', 'node', { encloses: ['cpu', 'memory'] })
const module = (socket: number): Domain =>
  domain(`module-${socket}`, 'node', { encloses: ['accelerator', 'cpu', 'memory'] })

const placesOf = (
  domains: readonly Domain[],
  { at = 0, enclosure = new Enclosure() }: { readonly at?: number; readonly enclosure?: Enclosure } = {},
): Record<string, string> =>
  Object.fromEntries(enclosure.place(domains, [], seconds(at)).domains.map(({ id, within }) => [id, within]))

describe('a meter of the whole machine', () => {
  test('contains the roots of its components, and nothing that others have placed', () => {
    const core = domain('core', 'cpu', { within: 'package' })
    const others = [domain('package', 'cpu'), core, domain('gpu', 'accelerator'), domain('crac', 'cooling')]
    expect(placesOf([...others, wall])).toEqual({
      package: 'wall',
      core: 'package',
      gpu: 'wall',
      crac: '',
      wall: '',
    })
  })

  test('contains the platform, and the platform what is innermost', () => {
    expect(placesOf([domain('model-memory', 'memory'), psys, wall])).toEqual({
      'model-memory': 'psys',
      psys: 'wall',
      wall: '',
    })
    const inner = domain('grace', 'node', { within: 'module-0', encloses: ['memory'] })
    expect(placesOf([module(0), inner, domain('model-memory', 'memory')])).toMatchObject({
      'model-memory': 'grace',
    })
  })

  test('of two the first is the outer one', () => {
    const other = { ...wall, id: 'psu' }
    expect(placesOf([wall, other, domain('gpu', 'accelerator')])).toEqual({
      wall: '',
      psu: 'wall',
      gpu: 'psu',
    })
  })

  test('that is silent keeps what it contains, because its next reading covers the while', () => {
    const enclosure = new Enclosure()
    const gpu = domain('gpu', 'accelerator')
    expect(placesOf([gpu, wall], { enclosure })).toEqual({ gpu: 'wall', wall: '' })
    expect(placesOf([gpu], { enclosure, at: 60 })).toEqual({ gpu: 'wall' })
    expect(placesOf([gpu], { enclosure, at: 61 })).toEqual({ gpu: '' })
  })

  test('that no longer encloses contains nothing', () => {
    const enclosure = new Enclosure()
    const memory = domain('model-memory', 'memory')
    expect(placesOf([memory, psys], { enclosure })).toMatchObject({ 'model-memory': 'psys' })
    expect(placesOf([memory, domain('psys', 'node')], { enclosure, at: 1 })).toMatchObject({
      'model-memory': '',
    })
  })

  test('is not asked for a machine without one', () => {
    const domains = [domain('package', 'cpu')]
    expect(new Enclosure().place(domains, [], seconds(0)).domains).toBe(domains)
  })
})

describe('several beside each other', () => {
  test('have each a part of the others, in order', () => {
    const gpus = [0, 1, 2, 3].map((index) => domain(`gpu-${index}`, 'accelerator'))
    expect(placesOf([module(0), module(1), ...gpus])).toMatchObject({
      'gpu-0': 'module-0',
      'gpu-1': 'module-0',
      'gpu-2': 'module-1',
      'gpu-3': 'module-1',
    })
  })
})

describe('the configuration', () => {
  test('has the last word, also that there is no place', () => {
    const enclosure = new Enclosure()
    enclosure.rearrange(
      new Map([
        ['gpu', 'psys'],
        ['package', ''],
      ]),
    )
    expect(placesOf([psys, domain('gpu', 'accelerator'), domain('package', 'cpu')], { enclosure })).toEqual({
      psys: '',
      gpu: 'psys',
      package: '',
    })
  })
})

test('readings are placed like their domains', () => {
  const reading = {
    domain: domain('package', 'cpu'),
    spent: microjoules(5),
    from: seconds(0),
    to: seconds(1),
  }
  const placed = new Enclosure().place([wall, reading.domain], [reading], seconds(1))
  expect(placed.readings).toEqual([{ ...reading, domain: { ...reading.domain, within: 'wall' } }])
})
