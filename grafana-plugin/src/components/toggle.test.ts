import { SeriesVisibilityChangeMode } from '@grafana/ui'
import { toggled } from './toggle'

const names = ['a', 'b', 'c']
const { ToggleSelection, AppendToSelection } = SeriesVisibilityChangeMode

test('a click shows one alone, and all again', () => {
  const alone = toggled(new Set(), 'a', names, ToggleSelection)
  expect([...alone]).toEqual(['b', 'c'])
  expect([...toggled(alone, 'a', names, ToggleSelection)]).toEqual([])
  expect([...toggled(alone, 'b', names, ToggleSelection)]).toEqual(['a', 'c'])
})

test('with a key held down, a click hides and shows one', () => {
  const without = toggled(new Set(), 'a', names, AppendToSelection)
  expect([...without]).toEqual(['a'])
  expect([...toggled(without, 'a', names, AppendToSelection)]).toEqual([])
})

test('never everything is hidden', () => {
  expect([...toggled(new Set(['a', 'b']), 'c', names, AppendToSelection)]).toEqual([])
})
