import { describe, expect, test } from '@jest/globals'
import { nearest } from '../../exporter/src/config/nearest.ts'

const KNOWN = ['tick_seconds', 'birth_hold_seconds', 'idle_policy', 'baselines', 'top']

describe('nearest', () => {
  test.each([
    ['tick_second', 'tick_seconds'],
    ['tikc_seconds', 'tick_seconds'],
    ['Tick_Seconds', 'tick_seconds'],
    ['tick', 'tick_seconds'],
    ['baseline', 'baselines'],
    ['tpo', 'top'],
    ['birth_hold', 'birth_hold_seconds'],
    ['hold_seconds', 'birth_hold_seconds'],
    ['listen_address', undefined],
    ['__', undefined],
    ['idle-policy', 'idle_policy'],
    ['interval', undefined],
    ['to', 'top'],
    ['x', undefined],
    ['', undefined],
  ])('%s: %s', (word, meant) => {
    expect(nearest(word, KNOWN)).toBe(meant)
  })

  test('nothing is near when nothing is known', () => {
    expect(nearest('tick', [])).toBeUndefined()
  })
})
