/** A web server that answers as a test says, with and without TLS. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { join } from 'node:path'
import { portOf } from './started.ts'

export interface WebServer {
  readonly url: string
  /** Every question so far. */
  readonly questions: IncomingMessage[]
  close(): Promise<void>
}

async function opened(server: Server, protocol: 'http' | 'https'): Promise<WebServer> {
  const questions: IncomingMessage[] = []
  server.on('request', (question) => questions.push(question))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${protocol}://127.0.0.1:${portOf(server)}`,
    questions,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export const webServer = (answer: RequestListener): Promise<WebServer> => opened(createServer(answer), 'http')

/** @returns also the file of its certificate, which only it has signed */
export async function tlsServer(
  folder: string,
  answer: RequestListener,
): Promise<WebServer & { readonly caFile: string }> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const { status, stderr } = spawnSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-keyout', key, '-out', cert, '-subj', '/CN=plug', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer)
  return { ...(await opened(server, 'https')), caFile: cert }
}

export const json =
  (content: unknown): RequestListener =>
  (_, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(content))
  }
