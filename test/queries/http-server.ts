/** An HTTP server in this process that answers as a test wants it to. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface TestServer {
  readonly url: string
  readonly port: number
  /** Method and path of what it was asked, in order. */
  readonly asked: readonly string[]
  readonly heads: readonly IncomingMessage['headers'][]
  answer: RequestListener
  close(): Promise<void>
}

export async function listen(answer: RequestListener, host = '127.0.0.1', port = 0): Promise<TestServer> {
  const asked: string[] = []
  const heads: IncomingMessage['headers'][] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`)
    heads.push(request.headers)
    test.answer(request, response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  const address = server.address() as AddressInfo
  const test: TestServer = {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    asked,
    heads,
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
  return test
}

/** Answers every path alike. */
export const page =
  (text: string | (() => string)): RequestListener =>
  (_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(typeof text === 'string' ? text : text())
  }
