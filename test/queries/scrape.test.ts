import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { NoMetrics, openAccess, scrape, type Access } from '../../exporter/src/queries/scrape.ts'
import { listen, page, type TestServer } from './http-server.ts'

const MOST_BYTES = 1 << 20

let server: TestServer
let folder: string

beforeEach(async () => {
  server = await listen(page('a 1\n'))
  folder = mkdtempSync(join(tmpdir(), 'queries-'))
})
afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

/** @returns the length of what was read, or why nothing was */
async function outcome(access: Partial<Access> = {}, timeoutSeconds = 5, url = server.url): Promise<string> {
  let length = 0
  const wanted = {
    url: new URL(`${url}/metrics`),
    access: { ...openAccess, ...access },
    timeoutSeconds,
    mostBytes: MOST_BYTES,
    signal: new AbortController().signal,
  }
  try {
    await scrape(wanted, (piece) => (length += piece.length))
    return `${length} bytes`
  } catch (cause) {
    if (!(cause instanceof NoMetrics)) throw cause
    return `${cause.kind}: ${cause.message}`
  }
}

describe('a page', () => {
  test('is read to its end, with nothing that is not needed in the request', async () => {
    expect(await outcome()).toBe('4 bytes')
    expect(server.asked).toEqual(['GET /metrics'])
    expect(server.heads[0]).toEqual({
      accept: expect.stringContaining('text/plain') as unknown,
      'accept-encoding': 'identity',
      connection: expect.any(String) as unknown,
      host: expect.any(String) as unknown,
    })
  })

  test('may be packed although that was not asked for', async () => {
    server.answer = (_, response) => {
      response.setHeader('content-encoding', 'gzip').end(gzipSync('a 1\n'.repeat(1000)))
    }
    expect(await outcome()).toBe('4000 bytes')
  })

  test('of 50 MB is cut off', async () => {
    let sent = 0
    server.answer = (_, response) => {
      const piece = Buffer.alloc(1 << 16, 'a 1\n')
      const send = (): void => {
        while (sent < 50 << 20 && !response.destroyed) {
          sent += piece.length
          if (!response.write(piece)) {
            response.once('drain', send)
            return
          }
        }
        response.end()
      }
      send()
    }
    expect(await outcome()).toBe(`other: its answer is longer than ${MOST_BYTES} bytes`)
    expect(sent).toBeLessThan(30 << 20)
  })

  test('that unpacks to 100 MB is cut off as well', async () => {
    const bomb = gzipSync(Buffer.alloc(100 << 20))
    server.answer = (_, response) => {
      response.setHeader('content-encoding', 'gzip').end(bomb)
    }
    expect(await outcome()).toBe(`other: its answer is longer than ${MOST_BYTES} bytes`)
  })
})

describe('who gives none', () => {
  test.each([
    [301, 'other: it sends elsewhere (HTTP status 301), which is not followed'],
    [307, 'other: it sends elsewhere (HTTP status 307), which is not followed'],
    [401, 'other: it wants to know who asks (HTTP status 401)'],
    [403, 'other: it wants to know who asks (HTTP status 403)'],
    [404, 'other: it answers with HTTP status 404'],
    [501, 'other: it answers with HTTP status 501'],
  ])('HTTP status %d', async (status, reason) => {
    server.answer = (_, response) => {
      response.writeHead(status, { location: 'http://127.0.0.1:1/elsewhere' }).end('a 1\n')
    }
    expect(await outcome()).toBe(reason)
    expect(server.asked).toHaveLength(1)
  })

  test('nobody', async () => {
    await server.close()
    expect(await outcome()).toBe('nobody: nobody listens there')
  })

  test('one that takes the request and says nothing', async () => {
    server.answer = () => undefined
    expect(await outcome({}, 0.2)).toBe('silent: it did not answer within 0.2 s')
  })

  test('one that begins and does not end', async () => {
    server.answer = (_, response) => void response.write('a 1\n')
    expect(await outcome({}, 0.2)).toBe('silent: it did not answer within 0.2 s')
  })

  test('one that breaks off', async () => {
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('a 1\n', () => response.destroy())
    }
    expect(await outcome()).toBe('silent: its answer broke off')
  })

  test('one that speaks something else', async () => {
    const other = createTcpServer((socket) => socket.resume().end('SSH-2.0-x\r\n'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    expect(await outcome({}, 5, `http://127.0.0.1:${port}`)).toMatch(/^silent: it cannot be reached \(HPE_/)
    await new Promise((resolve) => other.close(resolve))
  })

  test('one that packs in a way that was not asked for', async () => {
    server.answer = (_, response) => {
      response.setHeader('content-encoding', 'br').end('?')
    }
    expect(await outcome()).toBe('other: its answer is packed in a way that was not asked for')
  })

  test('one that says it packs, and sends something else', async () => {
    server.answer = (_, response) => {
      response.setHeader('content-encoding', 'gzip').end('a 1\n')
    }
    expect(await outcome()).toBe('silent: its answer broke off')
  })
})

describe('secrets', () => {
  const file = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }

  test('come from files', async () => {
    const tokenFile = file('token', 'secret-token\n')
    const headersFile = file('headers', 'X-Api-Key: key one\n\nX-Other: 2\n')
    expect(await outcome({ tokenFile, headersFile })).toBe('4 bytes')
    expect(server.heads[0]).toMatchObject({
      authorization: 'Bearer secret-token',
      'x-api-key': 'key one',
      'x-other': '2',
    })
  })

  test('that cannot be used are told by their file, never by what is in it', async () => {
    const missing = join(folder, 'none')
    const broken = file('broken', 'secret\nsecret')
    expect(await outcome({ tokenFile: missing })).toBe(`silent: ${missing} cannot be read (ENOENT)`)
    expect(await outcome({ tokenFile: broken })).toBe(`silent: ${broken} holds no token`)
    expect(await outcome({ headersFile: broken })).toBe(
      `silent: ${broken} has a line that is not of the form Name: value`,
    )
    expect(server.asked).toEqual([])
  })
})
