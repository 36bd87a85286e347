/** The engine's side of NVML, with a thread that does what the test says. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { EventEmitter } from 'node:events'
import { NvmlDoor, type NvmlDoorOptions } from '../../exporter/src/nvml/door.ts'
import { packed, type ToNvml } from '../../exporter/src/nvml/messages.ts'
import type { SessionAnswer } from '../../exporter/src/nvml/session.ts'
import type { GpuLook, NvmlAnswer } from '../../exporter/src/nvml.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { gpuLook } from './gpu-look.ts'

type Thread = ReturnType<NvmlDoorOptions['startThread']>

class ScriptedThread extends EventEmitter {
  readonly heard: ToNvml[] = []
  readonly progress: Int32Array
  isTerminated = false
  isReferenced = true

  constructor(progress: SharedArrayBuffer) {
    super()
    this.progress = new Int32Array(progress)
  }

  postMessage(message: ToNvml): void {
    this.heard.push(message)
  }

  unref(): void {
    this.isReferenced = false
  }

  async terminate(): Promise<number> {
    this.isTerminated = true
    return 1
  }

  answer(answer: SessionAnswer): void {
    this.emit('message', packed(answer))
  }

  saw(at: number, more: Partial<GpuLook> = {}): void {
    this.answer({ kind: 'look', look: { at: seconds(at), devices: [gpuLook(more)] } })
  }
}

const threads: ScriptedThread[] = []
const outdated: string[] = []
let door: NvmlDoor

beforeEach(() => {
  jest.useFakeTimers()
  threads.length = 0
  outdated.length = 0
  door = new NvmlDoor({
    startThread: (progress) => {
      const thread = new ScriptedThread(progress)
      threads.push(thread)
      return thread as unknown as Thread
    },
    onOutdated: (why) => outdated.push(why),
  })
})

afterEach(() => {
  jest.useRealTimers()
})

const thread = (index = -1): ScriptedThread => {
  const found = threads.at(index)
  if (found === undefined) throw new Error('no thread was started')
  return found
}

/** The first look of a session, answered. */
async function opened(): Promise<void> {
  const look = door.look(seconds(0))
  thread().saw(0)
  await look
}

/** A look that nobody answers until its time is over. */
async function lookInVain(at: number): Promise<NvmlAnswer> {
  const look = door.look(seconds(at))
  await jest.advanceTimersByTimeAsync(1000)
  return look
}

describe('a look', () => {
  test('starts a thread that does not keep the engine, asks it once, and gives its answer', async () => {
    const look = door.look(seconds(1))
    expect(thread().heard).toEqual([{ kind: 'look', at: 1 }])
    expect(thread().isReferenced).toBe(false)
    thread().saw(1)
    expect(await look).toMatchObject({ kind: 'look', look: { at: 1 } })
    expect(door.newest?.at).toBe(1)
    const next = door.look(seconds(2))
    thread().saw(2)
    await next
    expect(threads).toHaveLength(1)
  })

  test('of a session that takes long to open says so', async () => {
    expect(await lookInVain(1)).toEqual({
      kind: 'failed',
      why: 'a session with NVML is being opened',
      advice: expect.stringContaining('persistence mode'),
    })
    expect(await door.look(seconds(2))).toMatchObject({ why: 'a session with NVML is being opened' })
  })

  test('that is not answered has failed after a second, with the board that the call is about', async () => {
    await opened()
    const look = door.look(seconds(1))
    Atomics.store(thread().progress, 0, 3)
    await jest.advanceTimersByTimeAsync(1000)
    expect(await look).toEqual({
      kind: 'failed',
      why: 'NVML has not answered for more than a second in a call about GPU 3',
      advice: expect.stringContaining('dmesg'),
    })
  })

  test('never overlaps another, and the next one does not wait', async () => {
    await opened()
    await lookInVain(1)
    expect(await door.look(seconds(2))).toMatchObject({ kind: 'failed' })
    await jest.advanceTimersByTimeAsync(60_000)
    expect(await door.look(seconds(62))).toMatchObject({ why: expect.stringContaining('more than a minute') })
    expect(thread().heard).toHaveLength(2)
  })

  test('after a late one has all that the late one saw', async () => {
    await lookInVain(1)
    thread().saw(1, {
      millijoules: 5n,
      power: [{ at: seconds(1), watts: watts(100) }],
      processes: [{ pid: 7, kind: 'compute' }],
      rows: [{ pid: 7, timeStamp: 20, sm: 50 }],
      rowsSince: 10,
    })
    expect(door.newest).toBeUndefined()
    const look = door.look(seconds(2))
    thread().saw(2, {
      millijoules: 9n,
      power: [{ at: seconds(2), watts: watts(200) }],
      processes: [{ pid: 8, kind: 'compute' }],
      rows: [{ pid: 8, timeStamp: 30, sm: 60 }],
      rowsSince: 20,
    })
    expect(await look).toMatchObject({
      look: {
        devices: [
          {
            millijoules: 9n,
            power: [{ watts: 100 }, { watts: 200 }],
            processes: [{ pid: 8 }, { pid: 7 }],
            rows: [{ pid: 7 }, { pid: 8 }],
            rowsSince: 10,
          },
        ],
      },
    })
    const next = door.look(seconds(3))
    thread().saw(3)
    expect(await next).toMatchObject({ look: { devices: [{ processes: [], rows: [] }] } })
  })

  test('that finds the driver replaced says so, also when it comes late', async () => {
    const look = door.look(seconds(1))
    thread().answer({ kind: 'outdated', why: 'NVML: other versions' })
    expect(await look).toMatchObject({ kind: 'failed', why: 'NVML: other versions' })
    await lookInVain(2)
    thread().answer({ kind: 'outdated', why: 'NVML: other versions' })
    expect(outdated).toEqual(['NVML: other versions', 'NVML: other versions'])
  })
})

describe('the thread', () => {
  test('ends where there is nothing to ask, and another one asks again after five minutes', async () => {
    const absent: SessionAnswer = { kind: 'absent', why: 'no library', advice: 'install it' }
    const before = door.look(seconds(0))
    thread().saw(0)
    await before
    const look = door.look(seconds(1))
    thread().answer(absent)
    expect(await look).toEqual(absent)
    expect(door.newest).toBeUndefined() // nobody holds what is not there
    expect(thread().heard.at(-1)).toEqual({ kind: 'close' })
    thread().emit('exit')
    await jest.advanceTimersByTimeAsync(299_000)
    expect(await door.look(seconds(300))).toEqual(absent)
    expect(threads).toHaveLength(1)
    await jest.advanceTimersByTimeAsync(1000)
    const again = door.look(seconds(301))
    expect(threads).toHaveLength(2)
    thread().saw(301)
    expect(await again).toMatchObject({ kind: 'look' })
  })

  test('that ends by itself is started anew, not at once', async () => {
    const look = door.look(seconds(1))
    thread().emit('error', new Error('out of memory'))
    thread().emit('exit')
    expect(await look).toMatchObject({ kind: 'failed', why: 'out of memory' })
    expect(await door.look(seconds(2))).toMatchObject({ why: 'the thread that asks NVML ended' })
    await jest.advanceTimersByTimeAsync(30_000)
    const again = door.look(seconds(32))
    thread().saw(32)
    expect(await again).toMatchObject({ kind: 'look' })
    expect(threads).toHaveLength(2)
  })
})

describe('the end', () => {
  test('lets the session end', async () => {
    const look = door.look(seconds(1))
    thread().saw(1)
    await look
    const end = door.close()
    expect(thread().heard.at(-1)).toEqual({ kind: 'close' })
    thread().emit('exit')
    await end
    expect(door.newest).toBeUndefined()
  })

  test('does not wait for a thread that hangs', async () => {
    await lookInVain(1)
    await door.close()
    expect(thread().isTerminated).toBe(true)
  })

  test('waits a second for a thread that does not come to its end', async () => {
    const look = door.look(seconds(1))
    thread().saw(1)
    await look
    const end = door.close()
    await jest.advanceTimersByTimeAsync(1000)
    await end
    expect(thread().isTerminated).toBe(true)
  })

  test('answers who still waits', async () => {
    const look = door.look(seconds(1))
    await door.close()
    expect(await look).toMatchObject({ kind: 'failed', why: 'the session was ended' })
  })

  test('is nothing to do where nothing was asked, and may come twice', async () => {
    await door.close()
    const look = door.look(seconds(1))
    thread().saw(1)
    await look
    const end = door.close()
    thread().emit('exit')
    await end
    await door.close()
    expect(threads).toHaveLength(1)
  })
})
