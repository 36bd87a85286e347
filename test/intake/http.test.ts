import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Intake } from '../../exporter/src/intake/intake.ts'
import type { Holder } from '../../exporter/src/intake/tokens.ts'
import { seconds } from '../../exporter/src/units.ts'
import { linuxClock, linuxFiles } from '../../exporter/src/world.ts'
import type { IntakeBatch } from '../../exporter/src/workloads/marks.ts'
import { serve, type Serving } from '../exposition/serving.ts'

const TOKEN = 'a-token-of-the-scheduler'
const OTHER_TOKEN = 'a-token-of-the-gateway-0'

let folder: string
let intake: Intake
let serving: Serving
let batches: IntakeBatch[]
let warnings: string[]
let reloads: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-tokens-'))
  batches = []
  warnings = []
  reloads = 0
  const tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, `${TOKEN}\n`)
  const sha256 = createHash('sha256').update(OTHER_TOKEN).digest('hex')
  intake = await Intake.open({
    socketPath: undefined,
    jobDirectory: undefined,
    tokens: [
      { name: 'scheduler', tokenFile, sha256: '', allow: ['marks', 'reload'] },
      { name: 'gateway', tokenFile: '', sha256, allow: ['queries'] },
      { name: 'lost', tokenFile: join(folder, 'none'), sha256: '', allow: ['reload'] },
    ],
    peerOf: { reason: 'it is not needed' },
    files: linuxFiles(),
    procfs: '/proc',
    sysfs: '/sys',
    clock: { ...linuxClock, wall: () => seconds(1_790_000_000) },
    post: (batch) => void batches.push(batch),
    counts: { linesTaken: () => undefined, linesRefused: () => undefined },
    warn: (message, { token = '', reason = '' }) => void warnings.push(`${message}: ${token}: ${reason}`),
  })
  serving = await serve({
    writes: {
      get hasTokens() {
        return intake.hasTokens
      },
      holderOf: (authorization) => intake.holderOf(authorization),
      take: (write, holder, body) => {
        if (write !== 'reload') return intake.takeBody(write, holder as Holder, body)
        reloads += 1
        return { status: 200, sentence: 'done' }
      },
    },
  })
})

afterEach(async () => {
  await serving.close()
  await intake.close()
  rmSync(folder, { recursive: true, force: true })
})

const job = { slurm_job: '4711' }

async function post(
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly [number, string]> {
  const response = await fetch(new URL(path, serving.url), {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return [response.status, (await response.text()).trim()]
}

/** All that came in. */
async function taken(): Promise<IntakeBatch> {
  await intake.close()
  return {
    senders: batches.flatMap(({ senders }) => senders),
    counts: batches.flatMap(({ counts }) => counts),
  }
}

describe('marks over HTTP', () => {
  test.each([
    [job, { kind: 'slurm_job', slurmJob: '4711' }],
    [{ slurm_job: 4711 }, { kind: 'slurm_job', slurmJob: '4711' }],
    [{ container_id: 'ab'.repeat(32) }, { kind: 'container', containerId: 'ab'.repeat(32) }],
    [
      { pod_uid: '0a1b2c3d-0000-1111-2222-333344445555' },
      { kind: 'pod', podUid: '0a1b2c3d-0000-1111-2222-333344445555' },
    ],
    [{ pid: process.pid }, { kind: 'process', pid: process.pid }],
  ])('speak for whom they name: %j', async (consumer, who) => {
    expect(await post('/api/v1/marks', { ...consumer, lines: ['phase=train', 'step samples=8'] })).toEqual([
      204,
      '',
    ])
    expect((await taken()).senders).toMatchObject([
      { who, marks: [{ change: { kind: 'set', phase: 'train' } }, { steps: 1, samples: 8 }] },
    ])
  })

  test('are taken all, or none', async () => {
    expect(await post('/api/v1/marks', { ...job, lines: ['phase=train', 'phase=Über'] })).toEqual([
      400,
      expect.stringMatching(/^lines\.1: phase=\S+ is no name of a phase/),
    ])
    expect((await taken()).senders).toEqual([])
  })

  test.each<readonly [unknown, string]>([
    [
      { lines: ['phase=train'] },
      'the body: one of container_id, pod_uid, slurm_job, pid is needed, and only one',
    ],
    [
      { ...job, pid: 1, lines: ['phase=train'] },
      'the body: one of container_id, pod_uid, slurm_job, pid is needed, and only one',
    ],
    [{ ...job, lines: [] }, 'lines: '],
    [{ ...job, lines: 'phase=train' }, 'lines: '],
    [{ ...job, lines: ['phase=train'], more: 1 }, 'the body: '],
    [{ slurm_job: '../1', lines: ['end'] }, 'slurm_job: '],
    [
      { ...job, lines: ['phase=train pid=1'] },
      'lines.0: pid= is for the socket: name the process beside the lines',
    ],
    [[], 'the body: '],
    ['{"slurm_job":', 'the body is not JSON'],
    ['"text"', 'the body is not JSON'],
  ])('that are not as they have to be are refused: %j', async (body, reason) => {
    const [status, sentence] = await post('/api/v1/marks', body)
    expect([status, sentence.slice(0, reason.length)]).toEqual([400, reason])
    expect((await taken()).senders).toEqual([])
  })

  test('for a process that is not there are refused', async () => {
    expect(await post('/api/v1/marks', { pid: 4_194_303, lines: ['end'] })).toEqual([
      404,
      'there is no process 4194303 that can be seen here',
    ])
  })

  test('may not be too large', async () => {
    const lines = Array.from({ length: 100 }, () => 'x'.repeat(1000))
    expect(await post('/api/v1/marks', { ...job, lines })).toEqual([413, 'a body may have 65536 bytes'])
  })
})

describe('counts of queries over HTTP', () => {
  const headers = { Authorization: `Bearer ${OTHER_TOKEN}` }

  test('are handed on', async () => {
    const counts = [
      { model: 'a', queries: 2, input_tokens: 10, cached_input_tokens: 4, output_tokens: 7 },
      { queries: 1 },
    ]
    expect(await post('/api/v1/queries', { ...job, counts }, headers)).toEqual([204, ''])
    const who = { kind: 'slurm_job', slurmJob: '4711' }
    expect((await taken()).counts).toEqual([
      {
        wall: 1_790_000_000,
        who,
        model: 'a',
        queries: 2,
        inputTokens: 10,
        cachedInputTokens: 4,
        outputTokens: 7,
      },
      {
        wall: 1_790_000_000,
        who,
        model: '',
        queries: 1,
        inputTokens: 0,
        cachedInputTokens: 0,
        outputTokens: 0,
      },
    ])
  })

  test.each<readonly [unknown, string]>([
    [[{ queries: -1 }], 'counts.0.queries: '],
    [[{ queries: 1.5 }], 'counts.0.queries: '],
    [
      [{ input_tokens: 1, cached_input_tokens: 2 }],
      'counts.0.cached_input_tokens: is a part of input_tokens',
    ],
    [[{ model: 'a b' }], 'counts.0.model: is no name of a model'],
    [[], 'counts: '],
  ])('that cannot be are refused: %j', async (counts, reason) => {
    const [status, sentence] = await post('/api/v1/queries', { ...job, counts }, headers)
    expect([status, sentence.slice(0, reason.length)]).toEqual([400, reason])
  })
})

describe('who may write', () => {
  const body = { ...job, lines: ['phase=train'] }

  test.each([
    ['no token', { Authorization: '' }, 401, 'a bearer token is needed'],
    ['a wrong one', { Authorization: 'Bearer wrong' }, 401, 'a bearer token is needed'],
    ['a password', { Authorization: 'Basic YTpi' }, 401, 'a bearer token is needed'],
    [
      'one for something else',
      { Authorization: `Bearer ${OTHER_TOKEN}` },
      403,
      'this token is not good for marks',
    ],
    [
      'another content type',
      { 'Content-Type': 'text/plain' },
      415,
      'the content type must be application/json',
    ],
    [
      'another site',
      { Origin: 'https://evil.example' },
      403,
      'requests from pages of other sites are refused',
    ],
    ['a page without an origin', { Origin: 'null' }, 403, 'requests from pages of other sites are refused'],
    [
      'a page of another site',
      { 'Sec-Fetch-Site': 'cross-site' },
      403,
      'requests from pages of other sites are refused',
    ],
  ])('%s is refused', async (_title, headers, status, sentence) => {
    expect(await post('/api/v1/marks', body, headers)).toEqual([status, sentence])
    expect((await taken()).senders).toEqual([])
  })

  test('a page of our own may, with a token', async () => {
    const { origin } = new URL(serving.url)
    const host = origin.replace('localhost', '127.0.0.1')
    expect((await post('/api/v1/marks', body, { Origin: host, 'Sec-Fetch-Site': 'same-origin' }))[0]).toBe(
      204,
    )
  })

  test('a token that was changed in its file is good at once, and the one before is not', async () => {
    writeFileSync(join(folder, 'token'), 'another-token-of-the-scheduler')
    expect((await post('/api/v1/marks', body))[0]).toBe(401)
    const headers = { Authorization: 'Bearer another-token-of-the-scheduler' }
    expect((await post('/api/v1/marks', body, headers))[0]).toBe(204)
  })

  test('a token that cannot be used is told once, without the token', async () => {
    writeFileSync(join(folder, 'token'), 'short')
    for (const token of ['short', 'other']) {
      expect((await post('/api/v1/marks', body, { Authorization: `Bearer ${token}` }))[0]).toBe(401)
    }
    expect(warnings).toEqual([
      `a token cannot be used: scheduler: ${join(folder, 'token')} holds fewer than 16 characters`,
      `a token cannot be used: lost: ${join(folder, 'none')} cannot be read: ENOENT`,
    ])
  })

  test('nobody, where there is no token', async () => {
    intake.reconfigure([])
    expect(await post('/api/v1/marks', body)).toEqual([
      403,
      'nobody may write: there is no token in the configuration (`tokens`)',
    ])
  })

  test('nothing can be read there', async () => {
    for (const path of ['/api/v1/marks', '/-/reload']) {
      const response = await fetch(new URL(path, serving.url))
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    }
  })

  test('but queries, which are read where they are written', async () => {
    const at = new URL('/api/v1/queries', serving.url)
    const read = await fetch(at)
    expect([read.status, await read.json()]).toEqual([200, { servers: [], sources: [], counts: [] }])
    const deleted = await fetch(at, { method: 'DELETE' })
    expect([deleted.status, deleted.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
  })

  test('no token is ever logged', async () => {
    await post('/api/v1/marks', body)
    await post('/api/v1/marks', '{')
    expect([...serving.log, ...warnings].join('\n')).not.toContain('token-of')
  })
})

test('the configuration is read again for those who may ask for it', async () => {
  expect(await post('/-/reload', {})).toEqual([200, 'done'])
  expect((await post('/-/reload', {}, { Authorization: `Bearer ${OTHER_TOKEN}` }))[0]).toBe(403)
  expect(reloads).toBe(1)
})
