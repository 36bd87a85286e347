/** The composition root: the configuration, the engine in its thread, the server in front. */
import { hostname } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Flags } from './config/flags.ts'
import { ConfigError, loadConfig, type Config } from './config/load.ts'
import type { EngineSettings } from './engine-messages.ts'
import type { EngineOverview } from './exposition/reports.ts'
import { SelfMetrics } from './exposition/self.ts'
import { createServer } from './exposition/server.ts'
import { loadWebConfig } from './exposition/web-config.ts'
import { Proxies } from './proxy/proxies.ts'
import { RequestLedger } from './proxy/request-ledger.ts'
import { NoLibc, openLibc } from './libc.ts'
import { createLogger, type Log } from './log.ts'
import { holdFolder } from './storage/lock.ts'
import { Supervisor } from './supervisor.ts'
import { version } from './version.ts'
import { linuxClock } from './world.ts'

/** A running exporter. */
export interface Exporter {
  /** Reads the configuration file again; a bad one is reported and changes nothing. */
  reload(): void
  /** Why only a new process can go on; resolves when that is so, which for most never happens. */
  readonly mustRestart: Promise<string>
  /** @returns whether all of it has come to its end */
  close(): Promise<boolean>
}

/** @throws ConfigError, ListenError, ProxyError, StorageError */
export async function serve(flags: Flags): Promise<Exporter> {
  const log = createLogger({ level: flags.logLevel, format: flags.logFormat })
  const config = configIn(flags)
  const web = loadWebConfig(flags.webConfigFile)
  if (flags.storagePath !== undefined) await hold(flags.storagePath)
  const self = new SelfMetrics(version)
  self.configLoaded(linuxClock.wall(), config.zone)
  const { promise: mustRestart, resolve: onMustRestart } = unsettled<string>()
  const supervisor = new Supervisor({
    startThread: (current) => startThread(flags, current),
    config,
    clock: linuxClock,
    self,
    log,
    onMustRestart,
  })
  const proxies = new Proxies({
    ledger: new RequestLedger(linuxClock.now, (events) => supervisor.takeRequests(events)),
    log,
  })
  const server = createServer({
    listenAddress: flags.listenAddress,
    telemetryPath: flags.telemetryPath,
    pages: supervisor,
    reports: {
      sensors: () => supervisor.report('sensors'),
      ledger: () => supervisor.report('ledger'),
      queries: () => supervisor.report('queries'),
      budgets: async () => {
        const { budgets, demand } = (await supervisor.report('overview')) as EngineOverview
        return { budgets, demand }
      },
      overview: async () => ({
        host: hostname(),
        version,
        ...((await supervisor.report('overview')) as EngineOverview),
      }),
    },
    log,
    web,
  })
  try {
    const { url } = await server.listen()
    for (const problem of await proxies.apply(config.proxies)) throw problem
    log.info({ version, url: `${url}${flags.telemetryPath}` }, 'wattribute is serving')
  } catch (cause) {
    await proxies.close()
    await server.close()
    await supervisor.close()
    throw cause
  }
  return {
    mustRestart,
    reload: () => reload(flags, supervisor, proxies, self, log),
    close: async () => {
      await proxies.close()
      await server.close()
      return supervisor.close()
    },
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function unsettled<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let settle: (value: T) => void = () => undefined
  const promise = new Promise<T>((resolve) => (settle = resolve))
  return { promise, resolve: (value) => settle(value) }
}

/** Only here the name of the machine is known. */
function configIn({ configFile }: Flags): Config {
  const config = loadConfig(configFile)
  return { ...config, node: config.node === '' ? hostname() : config.node }
}

async function hold(folder: string): Promise<void> {
  const libc = await openLibc()
  holdFolder(folder, libc instanceof NoLibc ? undefined : libc.lockFile)
}

function startThread(flags: Flags, config: Config): Worker {
  const { procfs, sysfs, rootfs, nvmlLibrary, storagePath } = flags
  const settings: EngineSettings = { paths: { procfs, sysfs, rootfs }, config, nvmlLibrary, storagePath }
  return new Worker(new URL('./engine-thread.js', import.meta.url), {
    workerData: settings,
    name: 'engine',
    resourceLimits: { maxYoungGenerationSizeMb: 8 }, // little lives longer than a tick: a small nursery keeps memory low
  })
}

function reload(flags: Flags, supervisor: Supervisor, proxies: Proxies, self: SelfMetrics, log: Log): void {
  try {
    const config = configIn(flags)
    supervisor.reconfigure(config)
    void proxies.apply(config.proxies).then((problems) => {
      for (const { message } of problems) log.error(message)
    })
    self.configLoaded(linuxClock.wall(), config.zone)
    log.info('the configuration was read again')
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    self.configRefused()
    for (const problem of cause.problems) {
      log.error({ file: cause.file, problem }, 'the configuration was not taken over; the one before goes on')
    }
  }
}
