/** A real Prometheus that scrapes what a test runs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline } from './deadline.ts'

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}

/** What it evaluates, and whom it tells of alerts. */
export interface Alerting {
  readonly ruleFile: string
  readonly evaluationSeconds: number
  /** `host:port`; absent: nobody */
  readonly alertmanager?: string
}

export interface PrometheusOptions {
  /** Puts blocks into the folder of its data before it starts. */
  readonly fill?: (data: string) => void
  /** Of the targets; they win over those that Prometheus would give. */
  readonly labels?: Readonly<Record<string, string>>
  readonly alerting?: Alerting
  /** In the place of the one that scrapes the targets as they are. */
  readonly scrapes?: readonly object[]
  /** Sections of its configuration beside those. */
  readonly sections?: object
  readonly flags?: readonly string[]
}

export class PrometheusServer {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly url: string

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child
    this.#folder = folder
    this.url = url
  }

  /** @param targets `host:port`, scraped every second */
  static async start(
    program: string,
    targets: readonly string[],
    {
      fill,
      labels = {},
      alerting,
      sections = {},
      flags = [],
      scrapes = [{ job_name: 'wattribute', static_configs: [{ targets, labels }] }],
    }: PrometheusOptions = {},
  ): Promise<PrometheusServer> {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-prometheus-'))
    fill?.(join(folder, 'data'))
    const config = join(folder, 'prometheus.yml')
    writeFileSync(
      config,
      JSON.stringify({
        global: {
          scrape_interval: '1s',
          scrape_timeout: '1s',
          evaluation_interval: `${alerting?.evaluationSeconds ?? 60}s`,
        },
        scrape_configs: scrapes,
        ...sections,
        ...(alerting !== undefined && {
          rule_files: [alerting.ruleFile],
          ...(alerting.alertmanager !== undefined && {
            alerting: { alertmanagers: [{ static_configs: [{ targets: [alerting.alertmanager] }] }] },
          }),
        }),
      }),
    )
    const address = `127.0.0.1:${await freePort()}`
    const child = spawn(
      program,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
        ...flags,
      ],
      { stdio: 'ignore' },
    )
    const server = new PrometheusServer(child, folder, `http://${address}`)
    await deadline(isReady(server.url), 30, () => 'Prometheus did not become ready')
    return server
  }

  /** Rules that it could not evaluate, with the reason. */
  async failingRules(): Promise<readonly string[]> {
    const response = await fetch(`${this.url}/api/v1/rules`)
    const { data } = (await response.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] }
    }
    return data.groups
      .flatMap(({ rules }) => rules)
      .filter(({ health }) => health === 'err')
      .map(({ name, lastError }) => `${name}: ${lastError}`)
  }

  /** Names of all metrics that it has stored. */
  async names(): Promise<readonly string[]> {
    const response = await fetch(`${this.url}/api/v1/label/__name__/values`)
    return ((await response.json()) as { data: string[] }).data
  }

  /** @param time Unix seconds; absent: now */
  async query(query: string, time?: number): Promise<readonly Sample[]> {
    const parameters = new URLSearchParams({ query, ...(time !== undefined && { time: String(time) }) })
    const response = await fetch(`${this.url}/api/v1/query?${parameters.toString()}`)
    const answer = (await response.json()) as { status: string; error?: string; data: { result: Sample[] } }
    if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`)
    return answer.data.result
  }

  /** Unix seconds of the newest sample of a series within the last hour: there `increase` has nothing to extrapolate. */
  async lastTimeOf(series: string): Promise<number> {
    const stored = (await this.query(`${series}[1h]`)) as unknown as readonly {
      readonly values: readonly (readonly [time: number, value: string])[]
    }[]
    return Math.max(...stored.map(({ values }) => values.at(-1)?.[0] ?? 0))
  }

  /** The first answer that holds. Asked again as often as the target is scraped. */
  async until(
    query: string,
    holds: (samples: readonly Sample[]) => boolean,
    seconds = 30,
  ): Promise<readonly Sample[]> {
    let newest: readonly Sample[] = []
    const search = async (): Promise<readonly Sample[]> => {
      for (;;) {
        newest = await this.query(query)
        if (holds(newest)) return newest
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
    }
    return deadline(search(), seconds, () => `${query}: ${JSON.stringify(newest)}`)
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Asks a server of the Prometheus family until it says so. */
export async function isReady(url: string): Promise<void> {
  for (;;) {
    const isSo = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isSo) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
