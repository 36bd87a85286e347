#!/usr/bin/env -S node --max-semi-space-size=1
/** The command line. Ends with 2 when it was called or configured wrongly, with 1 when it cannot run. */
import { writeFileSync } from 'node:fs'
import { parseFlags, usageText, UsageError, type Flags } from './config/flags.ts'
import { ConfigError, loadConfig } from './config/load.ts'
import { reasonOf } from './config/strict-yaml.ts'
import { ListenError } from './exposition/server.ts'
import { loadWebConfig } from './exposition/web-config.ts'
import { serve, type Exporter } from './main.ts'
import { rulesFor } from './rules/config-rules.ts'
import { ruleText } from './rules/rule-text.ts'
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
    case 'rules':
      writeRules(flags)
      return
    case 'serve':
      if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) {
        throw new UsageError(
          `serve runs on Linux on ${ARCHITECTURES.join(' and ')} only; this is ${process.platform} on ${process.arch}`,
        )
      }
      process.title = 'wattribute' // what `ps` and our own books show
      obeySignals(await serve(flags))
  }
}

/** Rules that cannot fire, a line each. */
class RulesRefused extends Error {
  override readonly name = 'RulesRefused'
}

/** @throws RulesRefused before anything is written */
function writeRules({ configFile, burnRates, output }: Flags): void {
  const { groups, refusals, notes } = rulesFor(loadConfig(configFile), burnRates, linuxClock.wall())
  if (refusals.length > 0) throw new RulesRefused(refusals.join('\n'))
  for (const note of notes) complain(note)
  const text = ruleText(groups, RULES_ORIGIN)
  if (output === undefined) process.stdout.write(text)
  else writeOutput(output, text)
}

const RULES_ORIGIN =
  'By `wattribute rules` for one configuration; it stands in for alerts/*.yaml of deploy/prometheus.'

/** @throws UsageError */
function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (cause) {
    throw new UsageError(`--output: ${file} cannot be written: ${reasonOf(cause)}`)
  }
}

function obeySignals(exporter: Exporter): void {
  process.on('SIGHUP', () => exporter.reload())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(exporter))
}

async function end(exporter: Exporter): Promise<void> {
  const hasEnded = await exporter.close()
  // A thread that hangs in a call of the system would keep the process: exit() waits for it, too.
  if (!hasEnded) process.kill(process.pid, 'SIGKILL')
}

function fail(cause: unknown): void {
  if (cause instanceof UsageError || cause instanceof ConfigError || cause instanceof RulesRefused) {
    process.exitCode = 2
    complain(cause.message)
  } else {
    process.exitCode = 1
    complain(cause instanceof ListenError || cause instanceof StorageError ? cause.message : textOf(cause))
  }
}

const textOf = (cause: unknown): string =>
  cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)

function complain(message: string): void {
  process.stderr.write(`${message.replace(/^/gm, 'wattribute: ')}\n`)
}

run(process.argv.slice(2)).catch(fail)
