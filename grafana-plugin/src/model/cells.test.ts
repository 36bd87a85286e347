import { FieldType, toDataFrame } from '@grafana/data'
import { series, table } from '../test/frames'
import { instantCells } from './cells'

const plain = (frames: Parameters<typeof instantCells>[0]) =>
  instantCells(frames).map(({ labels, value }) => ({ labels, value }))

test('a table has its labels in columns of text', () => {
  const frame = table('host', [
    [{ workload: 'a', namespace: 'x' }, 1.5],
    [{ workload: 'b' }, 0],
  ])
  expect(plain([frame])).toEqual([
    { labels: { workload: 'a', namespace: 'x' }, value: 1.5 },
    { labels: { workload: 'b' }, value: 0 },
  ])
})

test('of a series, the newest figure counts, past what is missing', () => {
  const frames = series('host', [[{ workload: 'a' }, { 1000: 1, 2000: 2, 3000: null }]])
  expect(plain(frames)).toEqual([{ labels: { workload: 'a' }, value: 2 }])
})

test('a wide frame has a figure for each number', () => {
  const wide = toDataFrame({
    fields: [
      { name: 'Time', type: FieldType.time, values: [1, 2] },
      { name: 'a', type: FieldType.number, values: [1, 2], labels: { workload: 'a' } },
      { name: 'b', type: FieldType.number, values: [3, 4], labels: { workload: 'b' } },
    ],
  })
  expect(plain([wide])).toEqual([
    { labels: { workload: 'a' }, value: 2 },
    { labels: { workload: 'b' }, value: 4 },
  ])
})

test('a ratio by nothing is no figure', () => {
  expect(plain([table('host', [[{ workload: 'a' }, Number.NaN]])])).toEqual([])
  expect(plain([table('host', [[{ workload: 'a' }, Infinity]])])).toEqual([])
})

test('a cell says where it stands', () => {
  const frame = table('host', [
    [{ workload: 'a' }, 1],
    [{ workload: 'b' }, 2],
  ])
  const [, second] = instantCells([frame])
  expect([second?.field.name, second?.row]).toEqual(['Value #host', 1])
})
