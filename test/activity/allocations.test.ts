import { describe, expect, test } from '@jest/globals'
import { Allocations } from '../../exporter/src/activity/allocations.ts'
import type { AcceleratorShare, Activity, Allocation, Group } from '../../exporter/src/model.ts'
import { nanoseconds, seconds } from '../../exporter/src/units.ts'
import { group, processOf } from '../ledger/small-machine.ts'

const BOARD = { uuid: 'GPU-one', index: 0, mig: undefined }
const OTHER = { uuid: 'GPU-two', index: 1, mig: undefined }

const train = group('train.service')
const serve = group('serve.service')
const [rank0, rank1, server] = [
  processOf(train, 1, 'rank0'),
  processOf({ ...train, path: `${train.path}/inner` }, 2, 'rank1'),
  processOf(serve, 3, 'server'),
]

const activityWith = (holders: readonly AcceleratorShare[]): Activity => ({
  from: seconds(0),
  to: seconds(1),
  cpu: [],
  unreadableCpu: nanoseconds(0),
  busyRatio: 0,
  groups: [train, serve],
  accelerators: new Map([
    [BOARD.uuid, { use: [], guessed: new Set(), holders }],
    [OTHER.uuid, { use: [], guessed: new Set(), holders }],
  ]),
  census: { processes: 0, unreadable: 0, groups: 2, cpuTimeSource: 'clock', limitation: '' },
})

const given = (device: string, ...groups: readonly Group[]): Allocation[] =>
  groups.map((one) => ({ device, group: one }))

const holdersOf = (
  allocations: readonly Allocation[],
  contexts: readonly AcceleratorShare[] = [],
  boards: Parameters<Allocations['applyTo']>[2] = [BOARD, OTHER],
): readonly AcceleratorShare[] | undefined =>
  new Allocations().applyTo(activityWith(contexts), allocations, boards).accelerators.get(BOARD.uuid)?.holders

describe('who holds an accelerator', () => {
  const everybody = [
    { to: rank0, share: 1 / 3 },
    { to: rank1, share: 1 / 3 },
    { to: server, share: 1 / 3 },
  ]

  test('who was given it, used or not', () => {
    expect(holdersOf(given(BOARD.uuid, serve))).toEqual([{ to: { kind: 'exited', group: serve }, share: 1 }])
  })

  test('who was given it before others who have a context on it', () => {
    expect(holdersOf(given(BOARD.uuid, serve), everybody)).toEqual([{ to: server, share: 1 }])
  })

  test('all processes of theirs that have a context, those in groups below as well', () => {
    expect(holdersOf(given(BOARD.uuid, train), everybody)).toEqual([
      { to: rank0, share: 0.5 },
      { to: rank1, share: 0.5 },
    ])
  })

  test('in equal parts those who share it by time, each once', () => {
    const replicas = [
      ...given(`${BOARD.uuid}::0`, serve),
      ...given(`${BOARD.uuid}::1`, train),
      ...given(`${BOARD.uuid}::2`, train),
    ]
    expect(holdersOf(replicas, [{ to: server, share: 1 }])).toEqual([
      { to: server, share: 0.5 },
      { to: { kind: 'exited', group: train }, share: 0.5 },
    ])
  })

  test('by its index, as Slurm names it', () => {
    expect(holdersOf(given('0', train))).toHaveLength(1)
    expect(holdersOf(given('1', train), everybody)).toEqual(everybody)
  })

  describe('that MIG divides', () => {
    const instance = (uuid: string, gpuInstance: number, gpuSlices: number, ...pids: number[]) => ({
      uuid,
      gpuInstance,
      computeInstance: 0,
      gpuSlices,
      computeSlices: gpuSlices,
      activity: undefined,
      pids,
      processesUnknown: '',
    })
    const divided = (...instances: ReturnType<typeof instance>[]) => ({
      ...BOARD,
      mig: { slices: 7, instances },
    })
    const three = instance('MIG-three', 1, 3, 1)
    const two = instance('MIG-two', 2, 2, 3, 99)
    const contexts = [
      { to: rank0, share: 3 / 7 },
      { to: server, share: 1 / 7 },
      { to: 'unresolved_pid' as const, share: 1 / 7 },
    ]

    test('whoever was given an instance holds its slices; the others are held by contexts', () => {
      expect(holdersOf(given('MIG-three', serve), contexts, [divided(three, two)])).toEqual([
        { to: { kind: 'exited', group: serve }, share: 3 / 7 },
        { to: server, share: 1 / 7 },
        { to: 'unresolved_pid', share: 1 / 7 },
      ])
      expect(holdersOf(given('MIG-three::0', train), contexts, [divided(three)])).toEqual([
        { to: rank0, share: 3 / 7 },
      ])
    })

    test('an instance that nobody was given and nobody uses is held by nobody', () => {
      const idle = instance('MIG-idle', 3, 1)
      expect(holdersOf(given('MIG-three', train), contexts, [divided(three, idle)])).toEqual([
        { to: rank0, share: 3 / 7 },
      ])
    })

    test('contexts count where no instance was given, or the driver does not name it', () => {
      expect(holdersOf(given('MIG-other', train), contexts, [divided(three, two)])).toEqual(contexts)
      expect(holdersOf(given('', train), contexts, [divided(instance('', 1, 3, 1))])).toEqual(contexts)
    })
  })

  test('who has a context, where nobody was given it, it is another board, or MIG divides it', () => {
    expect(holdersOf([], everybody)).toEqual(everybody)
    expect(holdersOf(given('GPU-three', train), everybody)).toEqual(everybody)
    expect(holdersOf(given('GPU-on', train), everybody)).toEqual(everybody)
    const divided = { ...BOARD, mig: { slices: 7, instances: [] } }
    expect(holdersOf(given(BOARD.uuid, serve), everybody, [divided])).toEqual(everybody)
  })

  test('by one consumer for as long as the group lives', () => {
    const room = new Allocations()
    const once = (): unknown =>
      room.applyTo(activityWith([]), given(BOARD.uuid, serve), [BOARD]).accelerators.get(BOARD.uuid)
        ?.holders[0]?.to
    expect(once()).toBe(once())
  })
})
