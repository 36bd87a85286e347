/** A real Alertmanager, and what it sends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline } from './deadline.ts'
import { freePort, isReady } from './prometheus-server.ts'

/** As `GET /api/v2/alerts` has it, in part. */
export interface HeldAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly status: {
    readonly state: 'unprocessed' | 'active' | 'suppressed'
    readonly inhibitedBy: readonly string[]
  }
}

export class AlertmanagerServer {
  readonly #child: ChildProcess
  readonly #folder: string
  /** `host:port` */
  readonly address: string

  private constructor(child: ChildProcess, folder: string, address: string) {
    this.#child = child
    this.#folder = folder
    this.address = address
  }

  /** @param config the content of its configuration file */
  static async start(program: string, config: object): Promise<AlertmanagerServer> {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-alertmanager-'))
    const file = join(folder, 'alertmanager.yml')
    writeFileSync(file, JSON.stringify(config))
    const address = `127.0.0.1:${await freePort()}`
    const child = spawn(
      program,
      [
        `--config.file=${file}`,
        `--storage.path=${folder}/data`,
        `--web.listen-address=${address}`,
        '--cluster.listen-address=', // alone
      ],
      { stdio: 'ignore' },
    )
    const server = new AlertmanagerServer(child, folder, address)
    await deadline(isReady(`http://${address}`), 30, () => 'Alertmanager did not become ready')
    return server
  }

  /** The alerts that it holds, once they are as asked for. */
  async until(
    holds: (alerts: readonly HeldAlert[]) => boolean,
    seconds: number,
  ): Promise<readonly HeldAlert[]> {
    let newest: readonly HeldAlert[] = []
    const search = async (): Promise<readonly HeldAlert[]> => {
      for (;;) {
        const response = await fetch(`http://${this.address}/api/v2/alerts`)
        newest = (await response.json()) as readonly HeldAlert[]
        if (holds(newest)) return newest
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    return deadline(search(), seconds, () => `Alertmanager holds ${JSON.stringify(newest)}`)
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** What Alertmanager sends to a webhook, in part. */
export interface Notification {
  readonly receiver: string
  readonly status: 'firing' | 'resolved'
  readonly alerts: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
  }[]
}

export interface Received {
  readonly notification: Notification
  /** Unix milliseconds. */
  readonly at: number
}

/** The webhook: everything that was sent to it, in order. */
export class WebhookReceiver {
  readonly received: Received[] = []
  readonly #server: Server
  readonly #listeners = new Set<() => void>()
  url = ''

  private constructor() {
    this.#server = createServer((request, response) => {
      const at = Date.now()
      let body = ''
      request.setEncoding('utf8')
      request.on('data', (chunk: string) => (body += chunk))
      request.on('end', () => {
        response.end()
        this.received.push({ notification: JSON.parse(body) as Notification, at })
        for (const listener of this.#listeners) listener()
      })
    })
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver()
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    const address = receiver.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    receiver.url = `http://127.0.0.1:${address.port}/`
    return receiver
  }

  /** The first notification that fits, already received or still to come. */
  async first(fits: (notification: Notification) => boolean, seconds: number): Promise<Received> {
    const found = new Promise<Received>((resolve) => {
      const look = (): void => {
        const one = this.received.find(({ notification }) => fits(notification))
        if (one === undefined) return
        this.#listeners.delete(look)
        resolve(one)
      }
      this.#listeners.add(look)
      look()
    })
    return deadline(found, seconds, () => `no such notification among ${JSON.stringify(this.received)}`)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
