import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { loadConfig, type Config } from '../exporter/src/config/load.ts'
import type { FromEngine, ToEngine } from '../exporter/src/engine-messages.ts'
import { SelfMetrics } from '../exporter/src/exposition/self.ts'
import { Supervisor } from '../exporter/src/supervisor.ts'
import { seconds } from '../exporter/src/units.ts'
import type { RequestEvent } from '../exporter/src/workloads/request-events.ts'

/** A thread that does what the test says. */
class ScriptedThread extends EventEmitter {
  readonly heard: ToEngine[] = []
  isTerminated = false
  /** A thread in a call of the system does not end. */
  hangs = false

  postMessage(message: ToEngine): void {
    this.heard.push(message)
  }

  terminate(): Promise<number> {
    this.isTerminated = true
    if (this.hangs) return new Promise(() => undefined)
    this.emit('exit', 1)
    return Promise.resolve(1)
  }

  say(message: FromEngine): void {
    this.emit('message', message)
  }

  /** Hands a page over, and waits until it is finished. */
  async page(at: number, text = 'page'): Promise<void> {
    const memory = (content: string): ArrayBuffer => {
      const buffer = new ArrayBuffer(1 << 16)
      Buffer.from(buffer).write(content)
      return buffer
    }
    this.say({
      kind: 'page',
      text: memory(text),
      textLength: text.length,
      openMetrics: memory(text),
      openMetricsLength: text.length,
      at: seconds(at),
      duration: seconds(0.01),
    })
    await jest.advanceTimersByTimeAsync(0)
  }
}

const clock = { now: () => seconds(Date.now() / 1000) }
const threads: ScriptedThread[] = []
const restarts: string[] = []
const logged: string[] = []
const note = (_fields: unknown, message?: string): void => void logged.push(message ?? '')
const log = { debug: note, info: note, warn: note, error: note }
let supervisor: Supervisor

const configOf = (tickSeconds: number): Config => ({
  ...loadConfig(undefined),
  tickSeconds: seconds(tickSeconds),
})
const thread = (index: number): ScriptedThread => {
  const found = threads[index]
  if (found === undefined) throw new Error(`no thread ${index}`)
  return found
}
const shown = (): string | undefined => {
  const claim = supervisor.current()
  claim?.release()
  return claim && Buffer.from(claim.page.text).toString().split('\n', 1)[0]
}

beforeEach(() => {
  jest.useFakeTimers({ now: 0 })
  threads.length = 0
  logged.length = 0
  supervisor = new Supervisor({
    startThread: () => {
      const started = new ScriptedThread()
      threads.push(started)
      return started as unknown as Worker
    },
    config: configOf(1),
    clock,
    self: new SelfMetrics('1.2.3'),
    log,
    onMustRestart: (reason) => restarts.push(reason),
  })
})

afterEach(() => {
  jest.useRealTimers()
})

describe('pages', () => {
  test('are there from the first on, with the main thread’s own metrics behind them', async () => {
    expect(supervisor.current()).toBeUndefined()
    expect(supervisor.whyNone()).toMatch(/just started/)
    await thread(0).page(0)
    const claim = supervisor.current()
    const text = Buffer.from(claim?.page.text ?? []).toString()
    expect(text).toMatch(/^page\n/)
    expect(text).toContain('wattribute_build_info{version="1.2.3"')
    expect(Buffer.from(claim?.page.openMetrics ?? []).toString()).toMatch(/# EOF\n$/)
  })

  test('give their memory back only when nobody reads them any more', async () => {
    await thread(0).page(0, 'first')
    const claim = supervisor.current()
    await thread(0).page(1, 'second')
    expect(shown()).toBe('second')
    expect(thread(0).heard).toEqual([])
    claim?.release()
    expect(thread(0).heard.map(({ kind }) => kind)).toEqual(['reuse'])
  })

  test('older than five seconds are not shown, and the engine is started anew', async () => {
    await thread(0).page(0)
    await jest.advanceTimersByTimeAsync(5000)
    expect(shown()).toBe('page')
    await jest.advanceTimersByTimeAsync(600)
    expect(shown()).toBeUndefined()
    expect(supervisor.whyNone()).toMatch(/6 s old and not shown/)
    expect(threads).toHaveLength(2)
    expect(thread(0).isTerminated).toBe(true)
    expect(logged).toContain('the engine is started anew')
    await thread(0).page(5, 'from a former engine')
    expect(shown()).toBeUndefined()
    await thread(1).page(5.5, 'anew')
    expect(shown()).toBe('anew')
  })

  test('of a slow beat are good for three of its ticks, also when the beat has become shorter', async () => {
    supervisor.reconfigure(configOf(10))
    await thread(0).page(0)
    await jest.advanceTimersByTimeAsync(20_000)
    supervisor.reconfigure(configOf(1))
    expect(shown()).toBe('page')
    await jest.advanceTimersByTimeAsync(4000)
    expect(threads).toHaveLength(1)
  })
})

describe('a thread', () => {
  test('that cannot go on in this process says why to whom it concerns', () => {
    thread(0).say({ kind: 'must-restart', reason: 'the driver was replaced' })
    expect(restarts).toEqual(['the driver was replaced'])
  })

  test('that ends by itself is followed by another, after a pause', async () => {
    thread(0).emit('exit', 1)
    expect(threads).toHaveLength(1)
    await jest.advanceTimersByTimeAsync(1000)
    expect(threads).toHaveLength(2)
  })

  test('that hangs is left behind; with too many of them nothing is started any more', async () => {
    for (let index = 0; index < 20; index += 1) {
      const newest = threads.at(-1)
      if (newest !== undefined) newest.hangs = true
      await jest.advanceTimersByTimeAsync(6000)
    }
    expect(threads).toHaveLength(9)
    expect(logged).toContain('the engine hangs again and again and is not started any more')
    const closing = supervisor.close()
    await jest.advanceTimersByTimeAsync(10_000)
    expect(await closing).toBe(false)
  })

  test('answers for reports, or they fail with it', async () => {
    const ledger = supervisor.report('ledger')
    const [request] = thread(0).heard
    expect(request).toMatchObject({ kind: 'report', subject: 'ledger' })
    thread(0).say({ kind: 'report', id: request?.kind === 'report' ? request.id : 0, content: { views: 3 } })
    expect(await ledger).toEqual({ views: 3 })

    const lost = expect(supervisor.report('sensors')).rejects.toThrow('the engine is being started anew')
    await jest.advanceTimersByTimeAsync(6000)
    await lost
  })

  test('has an end when it is told to', async () => {
    const closing = supervisor.close()
    expect(thread(0).heard).toEqual([{ kind: 'stop' }])
    thread(0).emit('exit', 0)
    expect(await closing).toBe(true)
    await jest.advanceTimersByTimeAsync(20_000)
    expect(threads).toHaveLength(1)
  })
})

describe('what senders say', () => {
  const batch = (marks: number): Parameters<Supervisor['takeIn']>[0] => ({
    senders: [
      {
        who: { kind: 'process', pid: 7, startTicks: 1 },
        marks: Array.from({ length: marks }, () => ({
          at: seconds(0),
          change: undefined,
          report: undefined,
          steps: 1,
          samples: 0,
          isRunStart: false,
          isForProcessOnly: false,
          lease: undefined,
        })),
      },
    ],
    counts: [],
  })

  test('is handed to the engine, as much as may wait until it gives a page', async () => {
    expect(supervisor.takeIn(batch(150_000))).toBe(true)
    expect(supervisor.takeIn(batch(60_000))).toBe(false)
    expect(thread(0).heard.filter(({ kind }) => kind === 'intake')).toHaveLength(1)
    await thread(0).page(1)
    expect(supervisor.takeIn(batch(60_000))).toBe(true)
  })
})

describe('what counting proxies tell', () => {
  const events = (count: number): RequestEvent[] =>
    Array.from({ length: count }, (_, id) => ({ kind: 'progress', id, model: 'm', tokens: 1 }))
  const told = (): readonly (readonly RequestEvent[])[] =>
    thread(0).heard.flatMap((message) => (message.kind === 'requests' ? [message.events] : []))

  test('is handed to the engine, as much as may wait until it gives a page', async () => {
    expect(supervisor.takeRequests(events(150_000))).toBe(true)
    expect(supervisor.takeRequests(events(60_000))).toBe(false)
    expect(supervisor.takeRequests(events(60_000))).toBe(false)
    expect(supervisor.takeRequests(events(50_000))).toBe(true)
    await thread(0).page(1)
    expect(supervisor.takeRequests(events(60_000))).toBe(true)
    expect(told().map(({ length }) => length)).toEqual([150_000, 50_001, 60_000])
    expect(logged.filter((message) => message.includes('counting proxies'))).toHaveLength(1)
  })

  test('begins with the word that something was lost, after that', async () => {
    supervisor.takeRequests(events(200_000))
    supervisor.takeRequests(events(1))
    await thread(0).page(1)
    supervisor.takeRequests(events(1))
    supervisor.takeRequests(events(1))
    expect(told().slice(1)).toEqual([[{ kind: 'lost' }, ...events(1)], events(1)])
  })

  test('is not handed to a thread that has ended', () => {
    thread(0).emit('exit', 1)
    expect(supervisor.takeRequests(events(1))).toBe(false)
    expect(told()).toEqual([])
  })
})
