import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { prometheusClient } from '../exporter/src/prometheus-client.ts'
import { ReportError } from '../exporter/src/report/options.ts'
import { seconds } from '../exporter/src/units.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function serving(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<URL> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prometheus/`)
}

const clientOf = (url: URL, timeout = 10, bearerToken?: string) =>
  prometheusClient({ url, bearerToken, timeout: seconds(timeout) })

const vector = (result: unknown): string =>
  JSON.stringify({ status: 'success', data: { resultType: 'vector', result } })

describe('a question', () => {
  test('is posted below the path of the address, with the token', async () => {
    const seen: unknown[] = []
    const url = await serving((request, response) => {
      let body = ''
      request.on('data', (bytes: Buffer) => (body += bytes.toString()))
      request.on('end', () => {
        seen.push(request.method, request.url, request.headers.authorization, body)
        response.end(vector([{ metric: { workload: 'a' }, value: [1, '2.5'] }]))
      })
    })
    const samples = await clientOf(url, 10, 'secret').query('sum(a[5s])', seconds(12))
    expect(samples).toEqual([{ labels: { workload: 'a' }, value: 2.5 }])
    expect(seen).toEqual([
      'POST',
      '/prometheus/api/v1/query',
      'Bearer secret',
      'query=sum%28a%5B5s%5D%29&time=12',
    ])
  })

  test('over a range', async () => {
    const url = await serving((_, response) => {
      const result = [{ metric: {}, values: [[10, '1'], [20, '2']] }] // prettier-ignore
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }))
    })
    expect(await clientOf(url).queryRange('a', seconds(10), seconds(20), seconds(10))).toEqual([
      { points: [[10, 1], [20, 2]] }, // prettier-ignore
    ])
  })
})

describe('what is no answer', () => {
  const status = (code: number, body: string) => (_: IncomingMessage, response: ServerResponse) => {
    response.statusCode = code
    response.end(body)
  }

  test.each([
    [401, '', / refuses with 401: give a token that it accepts with --prometheus\.bearer-token-file$/],
    [403, vector([]), / refuses with 403: /],
    [404, '404 page not found', / does not answer as a Prometheus does \(status 404\)$/],
    [200, '<html>', / does not answer as a Prometheus does \(status 200\)$/],
    [200, 'null', / does not answer as a Prometheus does \(status 200\)$/],
    [200, '{"status":"success"}', / does not answer as a Prometheus does$/],
    [
      422,
      '{"status":"error","error":"query processing would load too many samples into memory"}',
      / cannot answer: query processing would load too many samples into memory$/,
    ],
    [503, '{"status":"error"}', / cannot answer: status 503$/],
  ])('%d %s', async (code, body, sentence) => {
    const asked = clientOf(await serving(status(code, body))).query('a', seconds(1))
    await expect(asked).rejects.toThrow(ReportError)
    await expect(clientOf(await serving(status(code, body))).query('a', seconds(1))).rejects.toThrow(sentence)
  })

  test('nobody there', async () => {
    const url = await serving(status(200, ''))
    servers.splice(0)[0]?.close()
    await expect(clientOf(url).query('a', seconds(1))).rejects.toThrow(
      new ReportError(`${url.href} cannot be asked: connection refused (ECONNREFUSED)`),
    )
  })

  test('no answer in time', async () => {
    const url = await serving(() => undefined)
    await expect(clientOf(url, 0.2).query('a', seconds(1))).rejects.toThrow(
      new ReportError(`${url.href} cannot be asked: no answer within 0.2 s`),
    )
  })
})
