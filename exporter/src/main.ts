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
import type { Writes } from './exposition/write-api.ts'
import { isOwnProcfs, NoLibc, openLibc } from './libc.ts'
import { Intake } from './intake/intake.ts'
import type { Holder } from './intake/tokens.ts'
import { createLogger, type Log } from './log.ts'
import { holdFolder } from './storage/lock.ts'
import { Supervisor } from './supervisor.ts'
import type { Seconds } from './units.ts'
import { version } from './version.ts'
import { sizeOf } from './workloads/marks.ts'
import { linuxClock, linuxFiles } from './world.ts'

/** A running exporter. */
export interface Exporter {
  /** Reads the configuration file again; a bad one is reported and changes nothing. */
  reload(): void
  /** Why only a new process can go on; resolves when that is so, which for most never happens. */
  readonly mustRestart: Promise<string>
  /** @returns whether all of it has come to its end */
  close(): Promise<boolean>
}

/** A simulated machine in place of this one. */
export interface Demo {
  /** The instant at which it began. */
  readonly since: Seconds
  readonly config: Config
  /** What the start page calls it. */
  readonly host: string
}

/** @throws ConfigError, ListenError, ProxyError, StorageError */
export async function serve(flags: Flags, demo?: Demo): Promise<Exporter> {
  const log = createLogger({ level: flags.logLevel, format: flags.logFormat })
  const readConfig = (): Config => demo?.config ?? configIn(flags)
  const config = readConfig()
  const web = loadWebConfig(flags.webConfigFile)
  if (flags.storagePath !== undefined) await hold(flags.storagePath)
  const self = new SelfMetrics(version)
  self.configLoaded(linuxClock.wall(), config.zone)
  const { promise: mustRestart, resolve: onMustRestart } = unsettled<string>()
  const supervisor = new Supervisor({
    startThread: (current) => startThread(flags, current, demo?.since),
    config,
    clock: linuxClock,
    self,
    log,
    onMustRestart,
  })
  const proxies = new Proxies({
    ledger: new RequestLedger(
      () => linuxClock.now(),
      (events) => void supervisor.takeRequests(events),
    ),
    log,
  })
  const intake = await openIntake(flags, config, supervisor, self, log)
  const reloadNow = (): boolean => reload(readConfig, supervisor, intake, proxies, self, log)
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
        host: demo?.host ?? hostname(),
        version,
        ...((await supervisor.report('overview')) as EngineOverview),
      }),
    },
    writes: writesOf(intake, reloadNow),
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
    await intake.close()
    await supervisor.close()
    throw cause
  }
  return {
    mustRestart,
    reload: () => void reloadNow(),
    close: async () => {
      await proxies.close()
      await intake.close()
      await server.close()
      return supervisor.close()
    },
  }
}

const writesOf = (intake: Intake, reloadNow: () => boolean): Writes<Holder> => ({
  get hasTokens() {
    return intake.hasTokens
  },
  holderOf: (authorization) => intake.holderOf(authorization),
  take: (write, holder, body) => {
    if (write !== 'reload') return intake.takeBody(write, holder, body)
    return reloadNow()
      ? { status: 200, sentence: 'the configuration was read again' }
      : { status: 500, sentence: 'the configuration was not taken over; the log says why' }
  },
})

async function openIntake(
  { marksSocket, jobDirectory, procfs, sysfs }: Flags,
  { tokens }: Config,
  supervisor: Supervisor,
  self: SelfMetrics,
  log: Log,
): Promise<Intake> {
  return Intake.open({
    socketPath: marksSocket,
    jobDirectory,
    tokens,
    peerOf: await peersOf(procfs),
    files: linuxFiles(),
    procfs,
    sysfs,
    clock: linuxClock,
    post: (batch) => {
      if (!supervisor.takeIn(batch)) self.linesRefused('', 'engine', sizeOf(batch))
    },
    counts: self,
    warn: (message, fields) => log.warn(fields, message),
  })
}

/** The kernel numbers the processes at a socket as our own PID namespace does. */
async function peersOf(procfs: string): Promise<Parameters<typeof Intake.open>[0]['peerOf']> {
  const libc = await openLibc()
  if (libc instanceof NoLibc) return { reason: libc.reason }
  return isOwnProcfs(linuxFiles(), procfs)
    ? libc.peerOf
    : { reason: `${procfs} belongs to another PID namespace` }
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

function startThread(flags: Flags, config: Config, simulatedSince: Seconds | undefined): Worker {
  const { procfs, sysfs, rootfs, nvmlLibrary, storagePath } = flags
  const paths = { procfs, sysfs, rootfs }
  const settings: EngineSettings = { paths, config, nvmlLibrary, storagePath, simulatedSince }
  return new Worker(new URL('./engine-thread.js', import.meta.url), {
    workerData: settings,
    name: 'engine',
    resourceLimits: { maxYoungGenerationSizeMb: 8 }, // little lives longer than a tick: a small nursery keeps memory low
  })
}

/** @returns whether the configuration was taken over */
function reload(
  readConfig: () => Config,
  supervisor: Supervisor,
  intake: Intake,
  proxies: Proxies,
  self: SelfMetrics,
  log: Log,
): boolean {
  try {
    const config = readConfig()
    supervisor.reconfigure(config)
    intake.reconfigure(config.tokens)
    void proxies.apply(config.proxies).then((problems) => {
      for (const { message } of problems) log.error(message)
    })
    self.configLoaded(linuxClock.wall(), config.zone)
    log.info('the configuration was read again')
    return true
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    self.configRefused()
    for (const problem of cause.problems) {
      log.error({ file: cause.file, problem }, 'the configuration was not taken over; the one before goes on')
    }
    return false
  }
}
