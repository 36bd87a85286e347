/** The proxies of a configuration that is read again and again, over real sockets. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { Proxies } from '../../exporter/src/proxy/proxies.ts'
import type { ProxySettings } from '../../exporter/src/proxy/proxy.ts'
import { RequestLedger } from '../../exporter/src/proxy/request-ledger.ts'
import { seconds } from '../../exporter/src/units.ts'

const closers: (() => unknown)[] = []
const logged: string[] = []
let proxies: Proxies

beforeEach(() => {
  logged.length = 0
  const say = (fields: object, message: string): void =>
    void logged.push(`${message} ${JSON.stringify(fields)}`)
  proxies = new Proxies({
    ledger: new RequestLedger(
      () => seconds(0),
      () => undefined,
    ),
    log: { info: say, warn: say },
  })
  closers.push(() => proxies.close())
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function listening(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** A server that says its name; on `/slow` the second half is left to the test. */
async function serverCalled(name: string): Promise<{ target: string; held: ServerResponse[] }> {
  const held: ServerResponse[] = []
  const server = createServer((message, response) => {
    if (message.url !== '/slow') return void response.end(name)
    response.write(name)
    held.push(response)
  })
  const port = await listening(server)
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { target: `http://127.0.0.1:${port}`, held }
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  const port = await listening(server)
  server.close()
  await once(server, 'close')
  return port
}

const proxyAt = (port: number, target: string): ProxySettings => ({
  listen: `127.0.0.1:${port}`,
  host: '127.0.0.1',
  port,
  target,
})

const begin = (port: number, path: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, resolve).on('error', reject).end()
  })

async function rest(message: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of message.setEncoding('latin1')) text += String(piece)
  return text
}

/** What answers at a port, or the code of the error. */
const answerAt = async (port: number): Promise<string> => {
  try {
    return await rest(await begin(port, '/'))
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code ?? String(cause)
  }
}

const begun = (): number => logged.filter((line) => line.startsWith('the proxy counts what passes')).length

describe('a configuration that is read again', () => {
  test('begins proxies that are new and leaves those alone that stay, with what runs through them', async () => {
    const [a, b] = [await serverCalled('a'), await serverCalled('b')]
    const [one, other] = [await freePort(), await freePort()]
    expect(await proxies.apply([proxyAt(one, a.target)])).toEqual([])
    const running = await begin(one, '/slow')
    expect(await proxies.apply([proxyAt(other, b.target), proxyAt(one, a.target)])).toEqual([])
    expect([await answerAt(one), await answerAt(other)]).toEqual(['a', 'b'])
    a.held[0]?.end(' to the end')
    expect(await rest(running)).toBe('a to the end')
    expect(begun()).toBe(2)
  })

  test('leads a proxy to another target, and ends one that is not wanted any more', async () => {
    const [a, b] = [await serverCalled('a'), await serverCalled('b')]
    const [one, other] = [await freePort(), await freePort()]
    await proxies.apply([proxyAt(one, a.target), proxyAt(other, a.target)])
    expect(await proxies.apply([proxyAt(one, b.target)])).toEqual([])
    expect([await answerAt(one), await answerAt(other)]).toEqual(['b', 'ECONNREFUSED'])
    await proxies.apply([])
    expect([await answerAt(one), await answerAt(other)]).toEqual(['ECONNREFUSED', 'ECONNREFUSED'])
  })

  test('lets an answer of a proxy that ends come to its own end', async () => {
    const a = await serverCalled('a')
    const port = await freePort()
    await proxies.apply([proxyAt(port, a.target)])
    const running = await begin(port, '/slow')
    const ended = proxies.apply([])
    a.held[0]?.end(' to the end')
    expect(await rest(running)).toBe('a to the end')
    await ended
    expect(await answerAt(port)).toBe('ECONNREFUSED')
  })

  test('tells of an address that is taken, goes on with the others, and tries it again the next time', async () => {
    const a = await serverCalled('a')
    const taken = createTcpServer()
    const [one, other] = [await listening(taken), await freePort()]
    const wanted = [proxyAt(one, a.target), proxyAt(other, a.target)]
    const problems = await proxies.apply(wanted)
    expect(problems.map(({ message }) => message)).toEqual([
      `the proxy cannot listen on 127.0.0.1:${one}: the address is already in use`,
    ])
    expect(await answerAt(other)).toBe('a')
    taken.close()
    await once(taken, 'close')
    expect(await proxies.apply(wanted)).toEqual([])
    expect([await answerAt(one), await answerAt(other)]).toEqual(['a', 'a'])
    expect(begun()).toBe(2)
  })

  test('is taken over after the one before, so that the last one holds', async () => {
    const [a, b] = [await serverCalled('a'), await serverCalled('b')]
    const [one, other] = [await freePort(), await freePort()]
    await proxies.apply([proxyAt(one, a.target)])
    await Promise.all([proxies.apply([proxyAt(other, b.target)]), proxies.apply([proxyAt(one, a.target)])])
    expect([await answerAt(one), await answerAt(other)]).toEqual(['a', 'ECONNREFUSED'])
    await Promise.all([proxies.apply([proxyAt(other, b.target)]), proxies.close()])
    expect([await answerAt(one), await answerAt(other)]).toEqual(['ECONNREFUSED', 'ECONNREFUSED'])
  })
})
