/** `wattribute proxy`: a counting proxy alone, with a metrics page of its own; no sensors, no books. */
import type { Flags } from './config/flags.ts'
import type { ProxyConfig } from './config/proxy-schema.ts'
import { finishPage } from './exposition/finished-page.ts'
import { PageWriter } from './exposition/page.ts'
import { renderQueries } from './exposition/query-page.ts'
import type { Page, Pages } from './exposition/scrape.ts'
import { SelfMetrics } from './exposition/self.ts'
import { createServer } from './exposition/server.ts'
import { loadWebConfig } from './exposition/web-config.ts'
import { createLogger } from './log.ts'
import type { Exporter } from './main.ts'
import { CountingProxy } from './proxy/proxy.ts'
import { RequestLedger } from './proxy/request-ledger.ts'
import { seconds } from './units.ts'
import { version } from './version.ts'
import { QueryCounts } from './workloads/query-counts.ts'
import { queryReportsOf } from './workloads/request-counts.ts'
import { linuxClock } from './world.ts'

const PAGE_MILLISECONDS = 1000
/** As the defaults of the exporter. */
const LIMITS = { mostAccounts: 1000, birthHold: seconds(30), expireAfter: seconds(600) }

/** @throws ConfigError, ListenError, ProxyError */
export async function serveProxy(flags: Flags, config: ProxyConfig): Promise<Exporter> {
  const log = createLogger({ level: flags.logLevel, format: flags.logFormat })
  const self = new SelfMetrics(version)
  self.configLoaded(linuxClock.wall(), '')
  const counts = new QueryCounts(LIMITS)
  const ledger = new RequestLedger(
    () => linuxClock.now(),
    (events) => {
      for (const report of queryReportsOf(events, () => config)) counts.add(report)
    },
  )
  const pages = new CountedPages(counts, self)
  const server = createServer({
    listenAddress: flags.listenAddress,
    telemetryPath: flags.telemetryPath,
    pages,
    log,
    web: loadWebConfig(flags.webConfigFile),
  })
  const proxy = new CountingProxy({ settings: config, ledger, log })
  await pages.refresh()
  await proxy.listen()
  try {
    const { url } = await server.listen()
    log.info({ version, url: `${url}${flags.telemetryPath}` }, 'wattribute is serving')
  } catch (cause) {
    await proxy.close()
    throw cause
  }
  const timer = setInterval(() => void pages.refresh(), PAGE_MILLISECONDS)
  return {
    mustRestart: new Promise(() => undefined),
    reload: () => log.info('a proxy alone has no configuration file to read again'),
    close: async () => {
      clearInterval(timer)
      await proxy.close()
      ledger.flush()
      await server.close()
      return true
    },
  }
}

class CountedPages implements Pages {
  readonly #counts: QueryCounts
  readonly #self: SelfMetrics
  #page: Page | undefined

  constructor(counts: QueryCounts, self: SelfMetrics) {
    this.#counts = counts
    this.#self = self
  }

  current(): ReturnType<Pages['current']> {
    return this.#page && { page: this.#page, release: () => undefined }
  }

  whyNone(): string {
    return 'there are no figures yet: the proxy has just started'
  }

  async refresh(): Promise<void> {
    const at = linuxClock.now()
    this.#counts.book({ at, wall: linuxClock.wall() })
    const writer = new PageWriter()
    renderQueries(writer, { at, queries: this.#counts, queryServers: [] })
    const { text, openMetrics } = writer.finish()
    const tail = await this.#self.render()
    this.#page = {
      ...finishPage(
        {
          text: text.buffer as ArrayBuffer,
          textLength: text.length,
          openMetrics: openMetrics.buffer as ArrayBuffer,
          openMetricsLength: openMetrics.length,
        },
        text.length === 0 ? { ...tail, text: tail.text.trimStart() } : tail,
      ),
      at,
    }
  }
}
