import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { LineError, parseMarkLine } from '../../exporter/src/workloads/mark-grammar.ts'

const markOf = (line: string): unknown => parseMarkLine(line)?.mark

const nothing = {
  change: undefined,
  report: undefined,
  steps: 0,
  samples: 0,
  isRunStart: false,
  isForProcessOnly: false,
  lease: undefined,
}

describe('a mark', () => {
  test.each([
    ['phase=eval', { change: { kind: 'set', phase: 'eval' } }],
    ['phase=Eval', { change: { kind: 'set', phase: 'eval' } }],
    ['begin=checkpoint', { change: { kind: 'begin', phase: 'checkpoint' } }],
    ['end', { change: { kind: 'end', phase: undefined } }],
    ['end=checkpoint', { change: { kind: 'end', phase: 'checkpoint' } }],
    ['phase=train/forward dur=0.041 n=1', { report: { phase: 'train/forward', duration: 0.041 }, steps: 1 }],
    ['phase=train/forward dur=4.1e-05', { report: { phase: 'train/forward', duration: 4.1e-5 }, steps: 1 }],
    [
      'phase=train/data dur=2 n=50 samples=1600',
      { report: { phase: 'train/data', duration: 2 }, steps: 50, samples: 1600 },
    ],
    ['step', { steps: 1 }],
    ['step=8 samples=256', { steps: 8, samples: 256 }],
    ['phase=train step samples=32', { change: { kind: 'set', phase: 'train' }, steps: 1, samples: 32 }],
    ['run=start', { isRunStart: true }],
    ['run=start phase=init', { isRunStart: true, change: { kind: 'set', phase: 'init' } }],
    ['refresh', {}],
    [
      'phase=eval scope=process lease=3600',
      { change: { kind: 'set', phase: 'eval' }, isForProcessOnly: true, lease: 3600 },
    ],
    ['phase=eval scope=workload', { change: { kind: 'set', phase: 'eval' } }],
    ['  phase=eval\tstep \r', { change: { kind: 'set', phase: 'eval' }, steps: 1 }],
  ])('%s', (line, expected) => {
    expect(markOf(line)).toEqual({ ...nothing, ...expected })
  })

  test('says for whom it speaks, and when it happened by the sender’s clock', () => {
    expect(parseMarkLine('phase=eval pid=4711 t=1790000000.25')).toMatchObject({
      pid: 4711,
      clientWall: 1_790_000_000.25,
    })
    expect(parseMarkLine('phase=eval')).toMatchObject({ pid: undefined, clientWall: undefined })
  })
})

describe('counts of queries', () => {
  test('stand on a line of their own', () => {
    const line =
      'queries=3 input_tokens=120 output_tokens=400 cached_input_tokens=20 model=meta-llama/Llama-3.1-8B:free'
    expect(parseMarkLine(line)).toEqual({
      pid: undefined,
      clientWall: undefined,
      mark: undefined,
      counts: {
        model: 'meta-llama/Llama-3.1-8B:free',
        queries: 3,
        inputTokens: 120,
        cachedInputTokens: 20,
        outputTokens: 400,
      },
      wantsAnswer: false,
    })
  })

  test('need not say everything', () => {
    expect(parseMarkLine('queries=1')?.counts).toEqual({
      model: '',
      queries: 1,
      inputTokens: 0,
      cachedInputTokens: 0,
      outputTokens: 0,
    })
  })
})

test('a line may ask for an answer, with something else or alone', () => {
  expect(parseMarkLine('sync')).toMatchObject({ mark: undefined, counts: undefined, wantsAnswer: true })
  expect(parseMarkLine('phase=eval sync')).toMatchObject({ wantsAnswer: true })
})

test.each(['', '   ', '# a comment', '\r'])('a line of nothing says nothing: %j', (line) => {
  expect(parseMarkLine(line)).toBeUndefined()
})

describe('a line that cannot be taken is refused with the reason', () => {
  test.each([
    ['phase', 'phase needs a value, such as phase=train'],
    ['phase=', 'phase= is no name of a phase'],
    ['phase=a b', 'b is not known here'],
    ['phase=a/b/c/d', 'is no name of a phase'],
    [`phase=${'x'.repeat(41)}`, 'is no name of a phase'],
    ['phase=über', 'phase=?ber is no name of a phase'],
    ['phase=../../etc', undefined],
    ['phase=a phase=b', 'phase stands twice on the line'],
    ['phase=a end', 'phase and end need lines of their own'],
    ['begin=a phase=b', 'phase and begin need lines of their own'],
    ['end end', 'end stands twice on the line'],
    ['dur=1', 'dur= needs the phase that it took, as phase=train/forward'],
    ['phase=a dur=-1', 'dur=-1 is not a number of seconds from 0 to 86400'],
    ['phase=a dur=nan', 'dur=nan is not a number of seconds from 0 to 86400'],
    ['phase=a dur=1e9', 'dur=1e9 is not a number of seconds from 0 to 86400'],
    ['phase=a dur=1 end', 'a report stands on a line of its own'],
    ['phase=a n=2', 'n= belongs to a report with dur='],
    ['phase=a dur=1 n=2 step', 'n= and step say the same'],
    ['step=1.5', 'step=1.5 is not a whole number from 0 to 1000000000'],
    ['step step=2', 'step stands twice on the line'],
    ['samples=-1', 'samples=-1 is not a whole number from 0 to 1000000000000'],
    ['run=stop', 'run= can only be start'],
    ['scope=node phase=a', 'scope= is process or workload'],
    ['pid=0 phase=a', 'pid=0 is not a whole number from 1 to 4194304'],
    ['pid=12', 'the line says nothing to be counted'],
    ['t=1', 'the line says nothing to be counted'],
    ['refresh=1', 'refresh takes no value'],
    ['phase=a queries=1', 'counts of queries need a line of their own'],
    ['queries=1 model=', 'model= is a name of at most 128 printable ASCII characters'],
    ['queries=1 input_tokens=1 cached_input_tokens=2', 'is a part of input_tokens='],
    ['hello', 'hello is not known here'],
    ['GET / HTTP/1.1', 'GET is not known here'],
    [`phase=${'a'.repeat(1020)}`, 'a line may have 1024 bytes'],
  ])('%s', (line, reason) => {
    if (reason === undefined) {
      expect(markOf(line)).toMatchObject({ change: { phase: '../../etc' } }) // only a label
      return
    }
    expect(() => parseMarkLine(line)).toThrow(LineError)
    expect(() => parseMarkLine(line)).toThrow(reason)
  })
})

test('whatever bytes come, a line is taken, is nothing, or is refused in one printable sentence', () => {
  const words = fc.constantFrom(
    'phase',
    'begin',
    'end',
    'dur',
    'n',
    'step',
    'pid',
    't',
    'model',
    'queries',
    'sync',
  )
  const pieces = fc.tuple(words, fc.oneof(fc.string(), fc.constant('1'), fc.constant('train')))
  const lines = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 5 }).map((some) => some.map(([key, value]) => `${key}=${value}`).join(' ')),
  )
  fc.assert(
    fc.property(lines, (line) => {
      try {
        parseMarkLine(line)
      } catch (cause) {
        expect(cause).toBeInstanceOf(LineError)
        expect((cause as LineError).message).toMatch(/^[\x20-\x7e]{1,400}$/)
      }
    }),
    { numRuns: 2000 },
  )
})
