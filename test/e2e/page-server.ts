/** Serves one page after another, as an exporter would. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'

export class PageServer {
  readonly #server: Server
  /** `host:port` */
  readonly address: string
  page = ''

  private constructor(server: Server, port: number) {
    this.#server = server
    this.address = `127.0.0.1:${port}`
  }

  static async start(): Promise<PageServer> {
    const server = createServer((_, response) => {
      // Nothing to show yet is an error, not an empty page.
      response.writeHead(opened.page === '' ? 503 : 200, { 'content-type': 'text/plain; version=0.0.4' })
      response.end(opened.page)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const opened = new PageServer(server, address.port)
    return opened
  }

  async stop(): Promise<void> {
    const ended = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await ended
  }
}
