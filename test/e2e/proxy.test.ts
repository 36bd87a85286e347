/** A server in the form of Ollama behind the proxy of the built exporter, and behind the proxy alone. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { selfSigned, signedBy } from '../exposition/tls-files.ts'
import { ExporterProcess, type StartOptions } from './exporter-process.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function ollama(): Promise<{ port: number; stop: () => Promise<void> }> {
  const child = fork(fileURLToPath(new URL('./ollama-shaped.mjs', import.meta.url)))
  const [port] = (await once(child, 'message')) as [number]
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  closers.push(stop)
  return { port, stop }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const SECRETS = { prompt: 'planted-prompt-5e1', token: 'planted-token-9c4' }

async function chat(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/api/chat?key=${SECRETS.token}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${SECRETS.token}` },
    body: JSON.stringify({ model: 'llama3.2', messages: [{ role: 'user', content: SECRETS.prompt }] }),
  })
  return response.text()
}

async function started(flags: readonly string[], options: StartOptions = {}): Promise<ExporterProcess> {
  const exporter = await ExporterProcess.start(flags, options)
  closers.push(() => exporter.child.kill('SIGKILL'))
  return exporter
}

async function pageWith(url: string, wanted: RegExp): Promise<string> {
  for (;;) {
    const response = await fetch(url)
    const page = await response.text()
    if (wanted.test(page)) return page
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function valueIn(page: string, series: RegExp): number {
  const line = page.split('\n').find((one) => series.test(one)) ?? ''
  return Number(line.slice(line.lastIndexOf(' ') + 1))
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-proxy-'))
  closers.push(() => rmSync(folder, { recursive: true }))
  return folder
}

function configFile(text: string): string {
  const folder = newFolder()
  writeFileSync(join(folder, 'wattribute.yaml'), text)
  return join(folder, 'wattribute.yaml')
}

describe('the proxy of an exporter', () => {
  test('counts queries and tokens of a workload, and what each request cost', async () => {
    const { port } = await ollama()
    const listen = await freePort()
    const config = configFile(
      `birth_hold_seconds: 0\nworkloads:\n  - { match: { command: '*ollama-shaped*' }, workload: assistant }\nproxies:\n  - { listen: 127.0.0.1:${listen}, target: http://127.0.0.1:${port} }\n`,
    )
    const exporter = await started([`--config.file=${config}`])
    // Whose the target is, is looked up by who is at work there.
    await fetch(`http://127.0.0.1:${listen}/api/tags`, { method: 'POST', body: '{"model":"x"}' }).then((r) =>
      r.text(),
    )
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const texts = await Promise.all([chat(listen), chat(listen), chat(listen)])
    expect(texts[0].trim().split('\n')).toHaveLength(21)
    const page = await pageWith(exporter.url, /workload_request_energy_joules_count\{.*\} 3$/m)
    const labels = 'workload="\\w+",namespace="",model="llama3.2"'
    expect(
      valueIn(
        page,
        new RegExp(`^wattribute_workload_queries_total\\{${labels},.*source="gateway",method="counter"\\}`),
      ),
    ).toBe(3)
    // Other suites have servers of their own on this machine.
    const tokens = (direction: string): number =>
      valueIn(
        page,
        new RegExp(
          `^wattribute_workload_tokens_total\\{${labels},.*source="gateway".*direction="${direction}"\\}`,
        ),
      )
    expect(tokens('input')).toBe(36)
    expect(tokens('output')).toBe(60)
    expect(
      valueIn(page, /^wattribute_workload_request_energy_joules_sum\{workload="assistant".*basis="tokens"\}/),
    ).toBeGreaterThan(0)
    exporter.child.kill('SIGTERM')
    expect(await exporter.ended).toEqual({ code: 0, signal: null })
    const told = exporter.lines.join('\n') + page
    expect(told).not.toContain(SECRETS.prompt)
    expect(told).not.toContain(SECRETS.token)
  }, 90_000)

  test('whose address is taken keeps the exporter from starting, and says why', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    closers.push(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const config = configFile(
      `proxies:\n  - { listen: 127.0.0.1:${port}, target: http://127.0.0.1:1, workload: w }\n`,
    )
    const exporter = ExporterProcess.begin([`--config.file=${config}`, '--web.listen-address=127.0.0.1:0'])
    closers.push(() => exporter.child.kill('SIGKILL'))
    expect(await exporter.ended).toEqual({ code: 1, signal: null })
    expect(exporter.lines.join('\n')).toContain(
      `the proxy cannot listen on 127.0.0.1:${port}: the address is already in use`,
    )
  }, 30_000)
})

test('the proxy alone serves its counts, and tells when its target is down', async () => {
  const { port, stop } = await ollama()
  const listen = await freePort()
  const exporter = await started([
    'proxy',
    `--target=http://127.0.0.1:${port}`,
    `--listen=127.0.0.1:${listen}`,
    '--workload=assistant',
  ])
  await chat(listen)
  const page = await pageWith(
    exporter.url,
    /^wattribute_workload_query_source_info\{workload="assistant",namespace="",model="llama3.2",variant="",server="ollama",source="gateway",state="counted"\} 1$/m,
  )
  expect(page).not.toContain(SECRETS.token)
  await stop()
  expect(await chat(listen)).toBe('wattribute proxy: the target does not answer: nobody listens there\n')
  await exporter.line(/a request did not get through the proxy/)
  expect(exporter.lines.join('\n')).not.toContain('planted')
}, 60_000)

describe('a target behind TLS', () => {
  const ANSWER = { model: 'llama3.2', done: true, prompt_eval_count: 3, eval_count: 5 }

  /** Signed by an authority that nobody knows. */
  async function secret(): Promise<{ port: number; authority: string; names: (string | undefined)[] }> {
    const folder = newFolder()
    const authority = selfSigned(folder, 'authority')
    const { key, cert } = signedBy(authority, folder, 'ollama', ['DNS:localhost', 'IP:127.0.0.1'])
    const names: (string | undefined)[] = []
    const server = createTlsServer({ key, cert }, (message, response) => {
      message.resume()
      names.push(message.headers.host)
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(ANSWER))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return { port: (server.address() as AddressInfo).port, authority: authority.certFile, names }
  }

  test.each(['localhost', '127.0.0.1'])(
    'is asked at %s when its authority is named',
    async (host) => {
      const { port, authority, names } = await secret()
      const listen = await freePort()
      const exporter = await started(
        ['proxy', `--target=https://${host}:${port}`, `--listen=127.0.0.1:${listen}`, '--workload=assistant'],
        { env: { NODE_EXTRA_CA_CERTS: authority } },
      )
      expect(JSON.parse(await chat(listen))).toEqual(ANSWER)
      expect(names).toEqual([`127.0.0.1:${listen}`])
      const page = await pageWith(
        exporter.url,
        /^wattribute_workload_query_source_info\{workload="assistant"/m,
      )
      expect(page).toContain('server="ollama",source="gateway",state="counted"} 1')
      expect(exporter.lines.join('\n')).not.toMatch(/DEP\d+|Warning/)
    },
    60_000,
  )

  test('is refused when nobody knows its authority, with what helps', async () => {
    const { port, names } = await secret()
    const listen = await freePort()
    await started([
      'proxy',
      `--target=https://localhost:${port}`,
      `--listen=127.0.0.1:${listen}`,
      '--workload=assistant',
    ])
    expect(await chat(listen)).toBe(
      'wattribute proxy: the target does not answer: who has signed its certificate is not known here: name the authority with NODE_EXTRA_CA_CERTS\n',
    )
    expect(names).toEqual([])
  }, 60_000)
})
