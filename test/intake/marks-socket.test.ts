import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { requireProgram, withProgram } from '../programs.ts'
import { Client, OpenIntake, PYTHON, send, type Sender } from './open-socket.ts'

let open: OpenIntake

beforeEach(async () => {
  open = await new OpenIntake().open()
})

afterEach(async () => {
  await open.close()
})

const finish = async ({ child }: Sender): Promise<void> => {
  child.stdin?.end()
  await once(child, 'exit')
}

describe('the socket for marks', () => {
  test('is open to everybody, in a folder that is its owner’s', () => {
    expect((statSync(open.path).mode & 0o777).toString(8)).toBe('666')
    expect((statSync(`${open.folder}/run`).mode & 0o777).toString(8)).toBe('755')
    expect(open.warnings).toEqual([])
  })

  test('takes lines without a word, and knows who sent them', async () => {
    const client = new Client(open.path)
    expect(
      await client.say('phase=train', 'step samples=32', 'queries=2 model=a', 'queries=1 model=a'),
    ).toEqual(['ok'])
    client.end()
    const marks = (await open.marks()).get(process.pid)
    expect(marks).toMatchObject([{ change: { kind: 'set', phase: 'train' } }, { steps: 1, samples: 32 }])
    expect(await open.counts()).toMatchObject([
      { who: { kind: 'process', pid: process.pid }, model: 'a', queries: 3 },
    ])
    expect(Object.fromEntries(open.counted)).toEqual({ socket: 5 })
  })

  test('says what it cannot take, and goes on', async () => {
    const client = new Client(open.path)
    expect(await client.say('phase=Über', 'phase=eval')).toEqual([
      expect.stringMatching(/^error: phase=\?\?ber is no name of a phase/),
      'ok',
    ])
    client.end()
    expect((await open.marks()).get(process.pid)).toMatchObject([{ change: { phase: 'eval' } }])
    expect(open.counted.get('socket syntax')).toBe(1)
  })

  test('takes a last line without its end from those who close at once', async () => {
    const client = new Client(open.path)
    client.socket.end('phase=eval')
    await client.until('')
    expect((await open.marks()).get(process.pid)).toMatchObject([{ change: { phase: 'eval' } }])
  })

  test('takes no line that never ends, and the next one again', async () => {
    const client = new Client(open.path)
    expect(await client.say(`phase=${'a'.repeat(200_000)}`, 'phase=eval')).toEqual([
      'error: a line may have 1024 bytes',
      'ok',
    ])
    client.end()
    expect((await open.marks()).get(process.pid)).toMatchObject([{ change: { phase: 'eval' } }])
  })

  test('adds up what only adds up', async () => {
    const client = new Client(open.path)
    const lines = Array.from({ length: 1000 }, (_, index) => [
      `phase=train/${index % 2 === 0 ? 'forward' : 'backward'} dur=0.25`,
      'step',
    ]).flat()
    await client.say('phase=train', ...lines, 'end')
    client.end()
    const marks = (await open.marks()).get(process.pid) ?? []
    expect(marks.length).toBeLessThan(100)
    const sum = (phase: string): number =>
      marks.reduce((total, { report }) => total + (report?.phase === phase ? report.duration : 0), 0)
    expect([sum('train/forward'), sum('train/backward')]).toEqual([125, 125])
    const steps = marks
      .filter(({ report }) => report === undefined)
      .reduce((total, mark) => total + mark.steps, 0)
    expect(steps).toBe(1000)
    expect(marks.at(-1)?.change).toEqual({ kind: 'end', phase: undefined })
  })
})

describe('limits of a user', () => {
  test('65 connections are one too many, until one of them ends', async () => {
    const clients = Array.from({ length: 64 }, () => new Client(open.path))
    for (const client of clients) expect(await client.say()).toEqual(['ok'])
    const surplus = new Client(open.path)
    expect(await surplus.until('')).toEqual(['error: a user may have 64 connections'])
    clients[0]?.end()
    for (let isIn = false; !isIn;) {
      const another = new Client(open.path)
      isIn = (await another.say())[0] === 'ok'
      another.end()
    }
    for (const client of clients) client.end()
  })

  test('a flood is answered, and what is too much is lost and counted', async () => {
    const client = new Client(open.path)
    client.socket.write('step\n'.repeat(60_000))
    const [answer] = await client.until('error')
    expect(answer).toMatch(/^error: more than 20000 lines a second: \d+ are lost$/)
    client.end()
    const taken = open.counted.get('socket') ?? 0
    const lost = open.counted.get('socket rate') ?? 0
    expect(lost).toBeGreaterThan(0)
    expect(taken).toBeGreaterThanOrEqual(20_000)
    const steps = Array.from((await open.marks()).values())
      .flat()
      .reduce((sum, mark) => sum + mark.steps, 0)
    expect(steps).toBeLessThanOrEqual(taken)
  })

  test('phases of its own beyond 16 count as other, and it is told', async () => {
    const client = new Client(open.path)
    const custom = Array.from({ length: 17 }, (_, index) => `phase=custom-${index}`)
    const answers = await client.say(...custom, 'phase=train')
    expect(answers).toEqual([
      'error: more than 16 phases of your own in an hour: this one counts as other',
      'ok',
    ])
    client.end()
    const marks = (await open.marks()).get(process.pid) ?? []
    expect(marks.slice(-2)).toMatchObject([{ change: { phase: 'other' } }, { change: { phase: 'train' } }])
  })

  test('models beyond 32 are refused', async () => {
    const client = new Client(open.path)
    const models = Array.from({ length: 33 }, (_, index) => `queries=1 model=m-${index}`)
    expect(await client.say(...models)).toEqual(['error: more than 32 models in an hour', 'ok'])
    client.end()
    expect(await open.counts()).toHaveLength(32)
  })
})

requireProgram('python3', 'senders that are processes of their own', () => {
  test('each is known by its pid, whatever it says', async () => {
    const sender = await send(open.path, ['phase=eval', 'phase=train pid=$SELF'])
    expect(sender.answers).toEqual(['ok'])
    expect(Array.from((await open.marks()).keys())).toEqual([sender.child.pid])
    await finish(sender)
  })

  test('one may speak for the process that started it, as a shell does', async () => {
    const sender = await send(open.path, ['phase=eval pid=$PARENT'])
    expect(sender.answers).toEqual(['ok'])
    expect(Array.from((await open.marks()).keys())).toEqual([process.pid])
    await finish(sender)
  })

  test('one that has ended before it was heard cannot be told, and is refused', async () => {
    const script =
      'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"phase=eval\\n")'
    // as long as this process waits for the shell, which waits for the sender, it hears nobody
    spawnSync('sh', ['-c', '"$0" -c "$1" "$2"; exit 0', PYTHON, script, open.path])
    for (;;) {
      if ((open.counted.get('socket permission') ?? 0) + (open.counted.get('socket') ?? 0) > 0) break
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(open.counted.get('socket permission')).toBe(1)
  })

  withProgram('setpriv', 'a process of another user is refused, and counted', async () => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const stranger = spawn('sleep', ['60'])
    const lines = ['phase=eval', `phase=train pid=${stranger.pid}`, 'phase=train pid=$PARENT']
    const sender = await send(open.path, lines, nobody)
    expect(sender.answers).toEqual([
      `error: pid=${stranger.pid} is a process of another user`,
      `error: pid=${process.pid} is a process of another user`,
      'ok',
    ])
    expect(Array.from((await open.marks()).keys())).toEqual([sender.child.pid])
    expect(open.counted.get('socket permission')).toBe(2)
    await finish(sender)
    stranger.kill()
  })

  test('root may speak for anybody, and nobody for a process that is not there', async () => {
    const child = spawn('sleep', ['60'])
    const sender = await send(open.path, [`phase=eval pid=${child.pid}`, 'phase=eval pid=4194303'])
    expect(sender.answers).toEqual([
      'error: pid=4194303 is neither an ancestor of the sender nor in its cgroup',
      'ok',
    ])
    expect(Array.from((await open.marks()).keys())).toEqual([child.pid])
    await finish(sender)
    child.kill()
  })

  withProgram('unshare', 'one in a PID namespace is known by the pid that it has here', async () => {
    const inside = ['unshare', '--fork', '--pid', '--mount-proc', '--kill-child']
    // its own pid there is 1: not that of this machine's first process
    const sender = await send(open.path, ['phase=eval', 'phase=train pid=$SELF', 'phase=idle pid=2'], inside)
    expect(sender.answers).toEqual([
      'error: pid=2 is neither an ancestor of the sender nor in its cgroup',
      'ok',
    ])
    const [[pid, marks] = [0, []]] = await open.marks()
    expect(marks).toMatchObject([{ change: { phase: 'eval' } }, { change: { phase: 'train' } }])
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^NSpid:\t\d+\t1$/m)
    await finish(sender)
  })
})

describe('what is in the way of the socket', () => {
  test('where nobody could say who sends, there is none', async () => {
    const none = new OpenIntake()
    await none.open({ reason: 'the optional package koffi is not installed' })
    expect(none.warnings).toEqual([
      'there is no socket for marks: nobody could say who sends them: the optional package koffi is not installed',
    ])
    expect(existsSync(none.path)).toBe(false)
    await none.close()
  })

  test('a socket that an ended exporter has left is replaced', async () => {
    const other = new OpenIntake()
    // killed: nobody removes its socket
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
    await once(
      spawn('sh', [
        '-c',
        `mkdir -p "$(dirname "$1")"; exec "$2" -e "$3" "$1"`,
        'sh',
        other.path,
        process.execPath,
        script,
      ]),
      'exit',
    )
    expect(existsSync(other.path)).toBe(true)
    await other.open()
    expect(other.warnings).toEqual([])
    const client = new Client(other.path)
    expect(await client.say('phase=eval')).toEqual(['ok'])
    client.end()
    await other.close()
  })

  test('one that another exporter listens on is left alone', async () => {
    const second = new OpenIntake()
    Object.assign(second, { path: open.path })
    await second.open()
    expect(second.warnings).toEqual([
      `there is no socket for marks: another exporter listens on ${open.path}: name another with --marks.socket`,
    ])
    await second.close()
    const client = new Client(open.path)
    expect(await client.say('phase=eval')).toEqual(['ok'])
    client.end()
  })

  test('a file is left alone', async () => {
    const second = new OpenIntake()
    const path = `${open.folder}/file`
    writeFileSync(path, 'mine')
    Object.assign(second, { path })
    await second.open()
    expect(second.warnings).toEqual([
      `there is no socket for marks: ${path} is there and is no socket: remove it, or name another`,
    ])
    await second.close()
    expect(readFileSync(path, 'utf8')).toBe('mine')
  })

  test('it goes when the exporter ends', async () => {
    await open.intake?.close()
    expect(existsSync(open.path)).toBe(false)
    const server = createServer()
    server.listen(open.path)
    await once(server, 'listening') // the place is free
    server.close()
    open = await new OpenIntake().open()
  })
})
