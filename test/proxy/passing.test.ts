/** What passes the proxy passes as it is, at the pace of whoever takes it, over real sockets. */
import { afterEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type RequestListener } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { proxyTo, rawServer, talk, type RunningProxy } from './wire.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function target(
  answer: RequestListener,
  limits: Parameters<typeof proxyTo>[1] = {},
): Promise<RunningProxy> {
  const server = createServer(answer)
  server.on('checkContinue', answer)
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const proxy = await proxyTo((server.address() as AddressInfo).port, limits)
  closers.push(() => proxy.close())
  return proxy
}

async function rawTarget(
  serve: (socket: Socket) => void,
  limits: Parameters<typeof proxyTo>[1] = {},
): Promise<RunningProxy> {
  const server = await rawServer(serve)
  closers.push(() => server.close())
  const proxy = await proxyTo(server.port, limits)
  closers.push(() => proxy.close())
  return proxy
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of message) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array | string
  readonly agent?: Agent
}

function ask(
  port: number,
  { body, ...rest }: Asked = {},
): Promise<{ message: IncomingMessage; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, ...rest })
    asking.on('error', reject)
    asking.on('response', (message) => {
      bodyOf(message).then((read) => resolve({ message, body: read }), reject)
    })
    asking.end(body)
  })
}

const CLOSE = 'Host: x\r\nConnection: close\r\n'

describe('bodies', () => {
  test('pass byte for byte in both directions, however they are cut', async () => {
    let pieces: readonly Uint8Array[] = []
    let received: Uint8Array = Buffer.alloc(0)
    const { port } = await target((message, response) => {
      void bodyOf(message).then((body) => {
        received = body
        response.setHeader('Content-Type', 'text/event-stream')
        for (const piece of pieces) response.write(piece)
        response.end()
      })
    })
    const anyBytes = fc.uint8Array({ maxLength: 5000 })
    await fc.assert(
      fc.asyncProperty(anyBytes, fc.array(anyBytes, { maxLength: 8 }), async (sent, answered) => {
        pieces = answered.filter(({ length }) => length > 0)
        const { body } = await ask(port, { method: 'POST', path: '/v1/chat/completions', body: sent })
        expect(Buffer.compare(received, sent)).toBe(0)
        expect(Buffer.compare(body, Buffer.concat(pieces))).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  test('pass as soon as they come, before the answer ends', async () => {
    let go: () => void = () => undefined
    const { port } = await target((_, response) => {
      response.write('first\n')
      go = () => response.end('last\n')
    })
    const asking = request({ host: '127.0.0.1', port, method: 'POST', path: '/api/chat' }).end('{}')
    const [message] = (await once(asking, 'response')) as [IncomingMessage]
    const [first] = (await once(message, 'data')) as [Buffer]
    expect(first.toString()).toBe('first\n')
    go()
    expect((await bodyOf(message)).toString()).toBe('last\n')
  })

  test('trailers of an answer in chunks pass', async () => {
    const { port } = await target((_, response) => {
      response.setHeader('Trailer', 'X-Digest')
      response.write('body')
      response.addTrailers({ 'X-Digest': 'abc' })
      response.end()
    })
    const { message } = await ask(port)
    expect(message.trailers).toEqual({ 'x-digest': 'abc' })
  })

  test('a slow reader holds the target back, and little is kept meanwhile', async () => {
    const piece = Buffer.alloc(1 << 16, 0x61)
    let written = 0
    const { port } = await target((_, response) => {
      const more = (): void => {
        while (written < 256 << 20) {
          written += piece.length
          if (!response.write(piece)) return void response.once('drain', more)
        }
      }
      more()
    })
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    socket.write(`GET / HTTP/1.1\r\n${CLOSE}\r\n`)
    // It stands still once all buffers on the way are full.
    let before = -1
    while (written === 0 || written !== before) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(written).toBeLessThan(64 << 20)
    socket.destroy()
  })
})

describe('messages', () => {
  test.each([
    [204, '', '0'],
    [304, '', '0'],
    [200, '', '5'],
  ])('an answer %i without a body, and HEAD, end at once', async (status, body, length) => {
    const { port } = await target((_, response) => {
      response.writeHead(status, status === 200 ? { 'Content-Length': length } : {})
      response.end(body)
    })
    const { message, body: read } = await ask(port, { method: status === 200 ? 'HEAD' : 'GET' })
    expect(message.statusCode).toBe(status)
    expect(read).toHaveLength(0)
    if (status === 200) expect(message.headers['content-length']).toBe('5')
  })

  test('redirects and errors pass as they are and are not followed', async () => {
    let asked = 0
    const { port } = await target((_, response) => {
      asked += 1
      response.writeHead(307, 'Elsewhere', {
        Location: 'http://127.0.0.1:1/secret',
        'Set-Cookie': ['a=1', 'b=2'],
      })
      response.end('moved')
    })
    const { message, body } = await ask(port)
    expect([message.statusCode, message.statusMessage, body.toString(), asked]).toEqual([
      307,
      'Elsewhere',
      'moved',
      1,
    ])
    expect(message.headers['location']).toBe('http://127.0.0.1:1/secret')
    expect(message.headers['set-cookie']).toEqual(['a=1', 'b=2'])
  })

  test('fields of the connection stay on their side; Host passes to a server on this machine', async () => {
    let seen: readonly string[] = []
    const { port } = await target((message, response) => {
      seen = message.rawHeaders
      response.setHeader('X-Own', 'kept')
      response.setHeader('Keep-Alive', 'timeout=1')
      response.end()
    })
    const heard = await talk(
      port,
      'GET /a?b HTTP/1.1\r\nHost: name.example:99\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nProxy-Authorization: Basic x\r\nTE: trailers\r\nAuthorization: Bearer mine\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n',
    )
    const names = seen.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
    expect(names).not.toEqual(expect.arrayContaining(['x-hop']))
    expect(names).not.toEqual(expect.arrayContaining(['proxy-authorization']))
    expect(names).not.toEqual(expect.arrayContaining(['te']))
    expect(seen).toEqual(expect.arrayContaining(['name.example:99', 'Bearer mine', '1.1 wattribute']))
    expect(names.filter((name) => name === 'x-twice')).toHaveLength(2)
    expect(heard).toContain('X-Own: kept')
    expect(heard).not.toContain('Keep-Alive: timeout=1')
  })

  test('one connection serves many requests, of which each has its own answer', async () => {
    const { port } = await target((message, response) => response.end(message.url))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    closers.push(() => agent.destroy())
    for (const path of ['/1', '/2', '/3']) {
      expect((await ask(port, { path, agent })).body.toString()).toBe(path)
    }
  })

  test('1,000 requests at once all come back', async () => {
    const { port } = await target((message, response) => response.end(message.url))
    const paths = Array.from({ length: 1000 }, (_, index) => `/${index}`)
    const answers = await Promise.all(paths.map((path) => ask(port, { path })))
    expect(answers.map(({ body }) => body.toString())).toEqual(paths)
  }, 60_000) // 2,000 connections on a busy machine

  test('who waits for a word before it sends the body hears the target’s', async () => {
    const { port } = await target((message, response) => {
      response.writeContinue()
      void bodyOf(message).then((body) => response.end(body))
    })
    const asking = request({
      host: '127.0.0.1',
      port,
      method: 'POST',
      headers: { Expect: '100-continue', 'Content-Length': '4' },
    })
    asking.flushHeaders()
    await once(asking, 'continue')
    asking.end('body')
    const [message] = (await once(asking, 'response')) as [IncomingMessage]
    expect((await bodyOf(message)).toString()).toBe('body')
  })

  test('an address as a whole asks the fixed target for its path', async () => {
    const { port } = await target((message, response) => response.end(message.url))
    const heard = await talk(port, `GET http://169.254.169.254/latest?x=1 HTTP/1.1\r\n${CLOSE}\r\n`)
    expect(heard).toMatch(/\r\n\/latest\?x=1/)
  })

  test('an upgrade is not made, and the request passes without it', async () => {
    let upgrade: string | undefined = ''
    const { port } = await target((message, response) => {
      upgrade = message.headers.upgrade
      response.end('plain')
    })
    const heard = await talk(
      port,
      'GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    )
    expect(heard).toContain('plain')
    expect(upgrade).toBeUndefined()
  })
})

describe('what is refused', () => {
  test.each([
    ['two lengths', `POST / HTTP/1.1\r\n${CLOSE}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`, 400],
    [
      'a length beside chunks',
      `POST / HTTP/1.1\r\n${CLOSE}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'chunks under a second coding',
      `POST / HTTP/1.1\r\n${CLOSE}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      501,
    ],
    [
      'a coding that is nearly chunked',
      `POST / HTTP/1.1\r\n${CLOSE}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      501,
    ],
    ['a field split over two lines', `GET / HTTP/1.1\r\n${CLOSE}X: a\r\n b\r\n\r\n`, 400],
    ['a name with a blank before its colon', `POST / HTTP/1.1\r\n${CLOSE}Content-Length : 3\r\n\r\nabc`, 400],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['a tunnel', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['too many header bytes', `GET / HTTP/1.1\r\n${CLOSE}X: ${'a'.repeat(70_000)}\r\n\r\n`, 431],
  ])('%s', async (_what, words, status) => {
    let asked = 0
    const { port } = await target((_request, response) => {
      asked += 1
      response.end('let through')
    })
    const heard = await talk(port, words)
    expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(heard).not.toContain('let through')
    expect(asked).toBe(0)
  })

  test('a proxy that is its own target', async () => {
    const inner = await target((_, response) => response.end())
    const heard = await talk(
      inner.port,
      `GET / HTTP/1.1\r\n${CLOSE}Via: 1.1 wattribute, 1.1 wattribute, 1.1 wattribute\r\n\r\n`,
    )
    expect(heard).toMatch(/^HTTP\/1.1 508 /)
  })
})

describe('those who vanish or are slow', () => {
  test('a target that is down is told in plain text, with 502', async () => {
    const gone = await rawServer(() => undefined)
    gone.close()
    const proxy = await proxyTo(gone.port)
    closers.push(() => proxy.close())
    const { message, body } = await ask(proxy.port, { method: 'POST', path: '/api/chat', body: '{}' })
    expect(message.statusCode).toBe(502)
    expect(body.toString()).toBe('wattribute proxy: the target does not answer: nobody listens there\n')
    expect((await proxy.ended()).answer).toBeUndefined()
  })

  test('a target that is cut off in the middle cuts the answer off', async () => {
    const proxy = await rawTarget((socket) => {
      socket.once('data', () => {
        socket.write(
          'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"model"',
          () => socket.destroy(),
        )
      })
    })
    await expect(ask(proxy.port, { method: 'POST', path: '/v1/completions', body: '{}' })).rejects.toThrow()
    expect((await proxy.ended()).answer).toBeUndefined()
  })

  test.each([
    ['is not HTTP', 'what?\r\n\r\n'],
    ['says two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['ends at once', ''],
  ])('a target that %s is told as 502', async (_what, words) => {
    const proxy = await rawTarget((socket) => {
      socket.once('data', () => socket.end(words))
    })
    expect((await ask(proxy.port)).message.statusCode).toBe(502)
  })

  test('a client that goes away ends the work of the target', async () => {
    let onGone: () => void = () => undefined
    const gone = new Promise<void>((resolve) => (onGone = resolve))
    const proxy = await target((message, response) => {
      response.write('first')
      response.on('close', onGone)
      message.resume()
    })
    await talk(proxy.port, 'POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}', (heard) =>
      heard.includes('first'),
    )
    await gone
    expect((await proxy.ended()).answer).toBeUndefined()
  })

  test('a target that never answers is given up', async () => {
    const proxy = await rawTarget(() => undefined, { silence: 200 })
    const { message, body } = await ask(proxy.port)
    expect([message.statusCode, body.toString()]).toEqual([
      504,
      'wattribute proxy: the target has not answered in time\n',
    ])
  })

  test('a client that takes nothing is cut off, and the target with it', async () => {
    let onGone: () => void = () => undefined
    const gone = new Promise<void>((resolve) => (onGone = resolve))
    const { port } = await target(
      (_, response) => {
        const piece = Buffer.alloc(1 << 20)
        response.on('close', onGone)
        const more = (): void => {
          while (response.write(piece));
          response.once('drain', more)
        }
        more()
      },
      { stalled: 300 },
    )
    const socket = connect(port, '127.0.0.1')
    closers.push(() => socket.destroy())
    socket.pause()
    socket.on('error', () => undefined)
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n`)
    await gone
  })

  test('a client that stops amid its body is turned away, and the target is freed', async () => {
    let onGone: () => void = () => undefined
    const gone = new Promise<void>((resolve) => (onGone = resolve))
    const { port } = await target((message) => message.resume().on('close', onGone), { stalled: 200 })
    const heard = await talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf')
    expect(heard).toMatch(/^HTTP\/1.1 408 /)
    await gone
  })

  test('a client that does not finish its header is turned away', async () => {
    const { port } = await target((_, response) => response.end(), { header: 200 })
    expect(await talk(port, 'GET / HTTP/1.1\r\nHost:')).toMatch(/^HTTP\/1.1 408 /)
  })

  test('closing lets nobody hang', async () => {
    const proxy = await rawTarget(() => undefined)
    const asking = ask(proxy.port)
    asking.catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await proxy.proxy.close()
    await expect(asking).rejects.toThrow()
  })
})
