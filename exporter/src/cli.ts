#!/usr/bin/env -S node --max-semi-space-size=1
/** The command line. Ends with 2 when it was called or configured wrongly, with 1 when it cannot run. */
import { parseFlags, usageText, UsageError, type Flags } from './config/flags.ts'
import { ConfigError, loadConfig } from './config/load.ts'
import { ListenError } from './exposition/server.ts'
import { loadWebConfig } from './exposition/web-config.ts'
import { recordDemoHistory, serveDemo, writeDemoHistory } from './demo-command.ts'
import { doctor } from './doctor-command.ts'
import { NoLibc, openLibc } from './libc.ts'
import { serve, type Exporter } from './main.ts'
import { ProxyError } from './proxy/proxy.ts'
import { serveProxy } from './proxy-command.ts'
import { reportText } from './report-command.ts'
import { ReportError } from './report/options.ts'
import { RulesError, writeRules } from './rules-command.ts'
import { StorageError } from './storage/lock.ts'
import { version } from './version.ts'
import { linuxClock } from './world.ts'

const ARCHITECTURES: readonly string[] = ['x64', 'arm64']

async function run(argv: readonly string[]): Promise<void> {
  const flags = parseFlags(argv, process.env)
  if ('help' in flags) {
    process.stdout.write(usageText)
  } else if ('version' in flags) {
    process.stdout.write(`wattribute ${version}\n`)
  } else {
    await obey(flags)
  }
}

async function obey(flags: Flags): Promise<void> {
  switch (flags.command) {
    case 'check-config':
      loadConfig(flags.configFile)
      loadWebConfig(flags.webConfigFile)
      process.stdout.write('the configuration is good\n')
      return
    case 'report':
      if (flags.report === undefined) return
      process.stdout.write(
        await reportText(flags, flags.report, loadConfig(flags.configFile), linuxClock.wall()),
      )
      return
    case 'demo':
      if (flags.demo === undefined) return
      process.title = 'wattribute'
      if (flags.demo.history !== undefined) await writeDemoHistory(flags.demo.history, say)
      else if (flags.demo.recording !== undefined) await recordDemoHistory(flags.demo.recording, say)
      else obeySignals(await serveDemo(flags))
      return
    case 'doctor':
      refuseOtherPlatforms(flags.command)
      process.exitCode = await doctor(flags, loadConfig(flags.configFile), writeOut, say)
      endThoughDriversHang()
      return
    case 'proxy':
      if (flags.proxy === undefined) return
      process.title = 'wattribute'
      obeySignals(await serveProxy(flags, flags.proxy))
      return
    case 'rules':
      if (flags.rules === undefined) return
      writeRules(flags.rules, loadConfig(flags.configFile), linuxClock.wall(), say)
      return
    case 'serve':
      refuseOtherPlatforms(flags.command)
      process.title = 'wattribute' // what `ps` and our own books show
      obeySignals(await serve(flags))
  }
}

/** @throws UsageError */
function refuseOtherPlatforms(command: string): void {
  if (process.platform === 'linux' && ARCHITECTURES.includes(process.arch)) return
  throw new UsageError(
    `${command} runs on Linux on ${ARCHITECTURES.join(' and ')} only; this is ${process.platform} on ${process.arch}`,
  )
}

function obeySignals(exporter: Exporter): void {
  process.on('SIGHUP', () => exporter.reload())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(exporter))
  // What supervises us, such as systemd, starts us again.
  void exporter.mustRestart.then((reason) => {
    complain(`it has to be started anew: ${reason}`, 1)
    return end(exporter)
  })
}

async function end(exporter: Exporter): Promise<void> {
  const hasEnded = await exporter.close()
  // A thread that hangs in a call of the system would keep the process: exit() waits for it, too.
  if (!hasEnded) process.kill(process.pid, 'SIGKILL')
}

/** A read that a driver never answers would keep the process for ever; without one it has ended before. */
function endThoughDriversHang(): void {
  const leave = async (): Promise<void> => {
    const libc = await openLibc()
    if (libc instanceof NoLibc) process.kill(process.pid, 'SIGKILL')
    else libc.exitNow(Number(process.exitCode ?? 0))
  }
  setTimeout(() => void leave(), DRIVER_TIMEOUT_MILLISECONDS).unref()
}

const DRIVER_TIMEOUT_MILLISECONDS = 500

/** What stands in the way of a good command line; its sentence says all. */
const REFUSALS = [ListenError, ProxyError, StorageError, ReportError]

function fail(cause: unknown): void {
  if (cause instanceof UsageError || cause instanceof ConfigError || cause instanceof RulesError) {
    complain(cause.message, 2)
  } else if (REFUSALS.some((one) => cause instanceof one)) {
    complain((cause as Error).message, 1)
  } else {
    complain(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause), 1)
  }
}

function writeOut(text: string): void {
  process.stdout.write(text)
}

function complain(message: string, exitCode: number): void {
  say(message)
  process.exitCode = exitCode
}

/** To standard error: standard output is for what was asked for. */
function say(message: string): void {
  process.stderr.write(`${message.replace(/^/gm, 'wattribute: ')}\n`)
}

/** Who reads it, such as `head`, has seen enough. */
process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  if (cause.code !== 'EPIPE') throw cause
  process.exit()
})

run(process.argv.slice(2)).catch(fail)
