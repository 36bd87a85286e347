/** Sockets on which a test sees and says each byte itself. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import type { RequestEvent } from '../../exporter/src/workloads/request-events.ts'
import { CountingProxy, type ProxyLimits } from '../../exporter/src/proxy/proxy.ts'
import { RequestLedger } from '../../exporter/src/proxy/request-ledger.ts'
import { seconds } from '../../exporter/src/units.ts'

export interface RunningProxy {
  readonly port: number
  readonly events: RequestEvent[]
  readonly logged: string[]
  readonly proxy: CountingProxy
  /** The end of the next request, or of one that has ended already; each is given once. */
  ended(): Promise<Extract<RequestEvent, { kind: 'ended' }>>
  close(): Promise<void>
}

export async function proxyTo(targetPort: number, limits: Partial<ProxyLimits> = {}): Promise<RunningProxy> {
  const events: RequestEvent[] = []
  const logged: string[] = []
  const waiting: (() => void)[] = []
  let given = 0
  const ledger = new RequestLedger(
    () => seconds(performance.now() / 1000),
    (batch) => {
      events.push(...batch)
      for (const wake of waiting.splice(0)) wake()
    },
  )
  const say = (fields: object, message: string): void =>
    void logged.push(`${message} ${JSON.stringify(fields)}`)
  const settings = { listen: 'proxy', host: '127.0.0.1', port: 0, target: `http://127.0.0.1:${targetPort}` }
  const proxy = new CountingProxy({
    settings,
    ledger,
    log: { info: say, warn: say },
    limits: { closing: 100, ...limits },
  })
  const { port } = await proxy.listen()
  return {
    port,
    events,
    logged,
    proxy,
    ended: async () => {
      for (;;) {
        const next = events.filter((event) => event.kind === 'ended')[given]
        if (next !== undefined) {
          given += 1
          return next
        }
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    close: () => proxy.close(),
  }
}

export interface RawServer {
  readonly port: number
  close(): void
}

/** @param serve has each connection */
export async function rawServer(serve: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Sends bytes and gives back all that comes until the other side ends, or until `isEnough`. */
export function talk(
  port: number,
  words: string,
  isEnough: (heard: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(words, 'latin1'))
    const finish = (): void => {
      socket.destroy()
      resolve(heard)
    }
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      heard += text
      if (isEnough(heard)) finish()
    })
    socket.on('error', finish)
    socket.on('close', finish)
  })
}
