import { missingComponents, partsWithin, scopeWords } from './parts'

test('a boundary is the sum of the parts up to its own', () => {
  expect(partsWithin('accelerator')).toEqual(['accelerator'])
  expect(partsWithin('provisioned')).toEqual(['accelerator', 'host', 'idle'])
})

test.each([
  [['accelerator'], false, 'accelerator'],
  [['accelerator', 'host', 'idle', 'overhead'], false, 'facility'],
  [['accelerator', 'idle'], false, 'provisioned without host'],
  [['overhead'], false, 'facility without accelerator and host and idle'],
  [['accelerator', 'host'], true, 'host, partly'],
  [[], false, 'nothing'],
] as const)('%j is the boundary of %s', (known, partly, words) => {
  expect(scopeWords(known, partly)).toBe(words)
})

test('what a part lacks is named, an accelerator only once', () => {
  expect(missingComponents('host', new Set(['cpu']), true)).toEqual(['memory', 'board'])
  expect(missingComponents('idle', new Set(['cpu', 'memory', 'board']), true)).toEqual(['accelerator'])
  expect(missingComponents('idle', new Set(['cpu', 'memory', 'board']), false)).toEqual([])
})
