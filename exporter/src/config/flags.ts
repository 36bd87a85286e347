/** The command line: flags as other exporters have them, each also as an environment variable. */
import { parseArgs } from 'node:util'
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../log.ts'
import { nearest } from './nearest.ts'
import { DEMO_FLAGS, demoFlagsOf, type DemoFlags } from './demo-flags.ts'
import { DOCTOR_FLAGS, DOCTOR_SWITCHES, doctorFlagsOf, type DoctorFlags } from './doctor-flags.ts'
import { REPORT_FLAGS, reportFlagsOf, type ReportFlags } from './report-flags.ts'
import { PROXY_FLAGS, proxyFlagsOf } from './proxy-flags.ts'
import type { ProxyConfig } from './proxy-schema.ts'
import { RULES_FLAGS, rulesFlagsOf, type RulesFlags } from './rules-flags.ts'
import { oneOf, UsageError, type Setting } from './usage-error.ts'

export type { DemoFlags } from './demo-flags.ts'
export type { DoctorFlags } from './doctor-flags.ts'
export type { ReportFlags } from './report-flags.ts'
export type { RulesFlags } from './rules-flags.ts'
export { UsageError } from './usage-error.ts'

export const COMMANDS = ['serve', 'check-config', 'demo', 'doctor', 'proxy', 'report', 'rules'] as const
export type Command = (typeof COMMANDS)[number]

export interface ListenAddress {
  /** Absent: all addresses of the machine. IPv6 without brackets. */
  readonly host: string | undefined
  /** 0: any port that is free. */
  readonly port: number
}

export interface Flags {
  readonly command: Command
  readonly listenAddress: ListenAddress
  /** Starts with a slash and needs no escaping. */
  readonly telemetryPath: string
  readonly webConfigFile: string | undefined
  readonly configFile: string | undefined
  readonly procfs: string
  readonly sysfs: string
  readonly rootfs: string
  /** Absent: where NVIDIA's driver puts its library. */
  readonly nvmlLibrary: string | undefined
  /** Undefined: nothing is kept from run to run. */
  readonly storagePath: string | undefined
  /** Undefined: nobody can mark phases by it. */
  readonly marksSocket: string | undefined
  /** Folder of job files; undefined: there are none. */
  readonly jobDirectory: string | undefined
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** Present with the command `demo`. */
  readonly demo?: DemoFlags
  /** Present with the command `doctor`. */
  readonly doctor?: DoctorFlags
  /** Present with the command `proxy`. */
  readonly proxy?: ProxyConfig
  /** Present with the command `report`. */
  readonly report?: ReportFlags
  /** Present with the command `rules`. */
  readonly rules?: RulesFlags
}

export interface FlagRow {
  readonly name: string
  /** What stands for its value in the usage text. */
  readonly value: string
  readonly default: string
  readonly sentence: string
  /** The only command, or commands, that take it; absent: all do. */
  readonly only?: Command | readonly Command[]
}

const FLAGS = [
  {
    name: 'web.listen-address',
    value: 'ADDRESS',
    default: ':10451',
    sentence: 'Where to listen: `:port`, `host:port` or `[ipv6]:port`.',
  },
  { name: 'web.telemetry-path', value: 'PATH', default: '/metrics', sentence: 'Path of the metrics.' },
  {
    name: 'web.config.file',
    value: 'FILE',
    default: '',
    sentence:
      'TLS, response headers and basic authentication, in the format of the Prometheus exporter toolkit.',
  },
  { name: 'config.file', value: 'FILE', default: '', sentence: 'Configuration in YAML; none is needed.' },
  { name: 'path.procfs', value: 'FOLDER', default: '/proc', sentence: 'Where procfs is mounted.' },
  { name: 'path.sysfs', value: 'FOLDER', default: '/sys', sentence: 'Where sysfs is mounted.' },
  {
    name: 'path.rootfs',
    value: 'FOLDER',
    default: '/',
    sentence: 'Where the root file system of the host is seen.',
  },
  {
    name: 'path.nvml',
    value: 'FILE',
    default: '',
    sentence: 'Library of NVIDIA’s driver; without it, `libnvidia-ml.so.1` as the system’s loader finds it.',
  },
  {
    name: 'storage.path',
    value: 'FOLDER',
    default: '/var/lib/wattribute',
    sentence:
      'Where the books are kept, so that counters go on after a restart; empty: nowhere, and they begin at 0.',
  },
  {
    name: 'marks.socket',
    value: 'PATH',
    default: '/run/wattribute/marks.sock',
    sentence: 'Unix socket at which processes say what they are doing; empty: none.',
  },
  {
    name: 'marks.job-directory',
    value: 'FOLDER',
    default: '',
    sentence: 'Where job files say it for those who can only write files; empty: nowhere.',
  },
  {
    name: 'log.level',
    value: 'LEVEL',
    default: 'info',
    sentence: `Least level that is logged: ${LOG_LEVELS.join(', ')}.`,
  },
  {
    name: 'log.format',
    value: 'FORMAT',
    default: 'logfmt',
    sentence: `Form of the log: ${LOG_FORMATS.join(' or ')}.`,
  },
  ...DEMO_FLAGS,
  ...DOCTOR_FLAGS,
  ...PROXY_FLAGS,
  ...REPORT_FLAGS,
  ...RULES_FLAGS,
] as const satisfies readonly FlagRow[]

/** For the documentation. */
export const flagRows: readonly FlagRow[] = FLAGS

type FlagName = (typeof FLAGS)[number]['name']

interface SwitchRow {
  readonly name: string
  readonly sentence: string
  /** The only command, or commands, that take it; absent: all do. */
  readonly only?: Command | readonly Command[]
}

const SWITCHES: readonly SwitchRow[] = [
  { name: 'help', sentence: 'Show this text.' },
  { name: 'version', sentence: 'Show the version.' },
  ...DOCTOR_SWITCHES,
]

/** For the documentation. */
export const switchRows: readonly SwitchRow[] = SWITCHES

/** `WATTRIBUTE_WEB_LISTEN_ADDRESS` */
export const environmentName = (flag: string): string =>
  `WATTRIBUTE_${flag.toUpperCase().replace(/[.-]/g, '_')}`

/**
 * A flag wins over its environment variable, an empty variable counts as not set, and the last of a flag given twice
 * counts. Other variables that begin alike are left alone: Kubernetes sets some for a service called `wattribute`.
 * @param argv without the program and the script
 * @throws UsageError
 */
export function parseFlags(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Flags | { readonly help: true } | { readonly version: true } {
  const given = readArguments(argv)
  if (given.switches.has('help')) return { help: true }
  if (given.switches.has('version')) return { version: true }
  const valueOf = (name: FlagName): Setting => settingOf(name, given.values.get(name), env)
  const command = commandOf(given.words)
  refuseForeign(command, [...given.values.keys(), ...given.switches])
  return {
    command,
    listenAddress: listenAddressOf(valueOf('web.listen-address')),
    telemetryPath: telemetryPathOf(valueOf('web.telemetry-path')),
    webConfigFile: valueOf('web.config.file').text || undefined,
    configFile: valueOf('config.file').text || undefined,
    procfs: valueOf('path.procfs').text,
    sysfs: valueOf('path.sysfs').text,
    rootfs: valueOf('path.rootfs').text,
    nvmlLibrary: valueOf('path.nvml').text || undefined,
    storagePath: valueOf('storage.path').text || undefined,
    marksSocket: valueOf('marks.socket').text || undefined,
    jobDirectory: valueOf('marks.job-directory').text || undefined,
    logLevel: oneOf(LOG_LEVELS, valueOf('log.level')),
    logFormat: oneOf(LOG_FORMATS, valueOf('log.format')),
    ...(command === 'demo' && { demo: demoFlagsOf(valueOf) }),
    ...(command === 'doctor' && { doctor: doctorFlagsOf(valueOf, given.switches) }),
    ...(command === 'proxy' && { proxy: proxyFlagsOf(valueOf) }),
    ...(command === 'report' && { report: reportFlagsOf(valueOf) }),
    ...(command === 'rules' && { rules: rulesFlagsOf(valueOf) }),
  }
}

/** An environment variable of another command is left alone: one environment may serve several. */
function refuseForeign(command: Command, given: readonly string[]): void {
  for (const { name, only } of [...flagRows, ...SWITCHES]) {
    if (only === undefined || !given.includes(name)) continue
    const owners = ownersIn(only)
    if (owners.includes(command)) continue
    throw new UsageError(`--${name} is a flag of ${owners.join(' and ')}, not of ${command}`)
  }
}

function ownersIn(only: Command | readonly Command[]): readonly Command[] {
  return typeof only === 'string' ? [only] : only
}

interface Arguments {
  readonly values: ReadonlyMap<string, string>
  readonly switches: ReadonlySet<string>
  readonly words: readonly string[]
}

function readArguments(argv: readonly string[]): Arguments {
  const values = new Map<string, string>()
  const switches = new Set<string>()
  const words: string[] = []
  for (const token of tokensOf(argv)) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    if (SWITCHES.some((one) => one.name === name)) {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value`)
      switches.add(name)
    } else if (FLAGS.some((one) => one.name === name)) {
      values.set(name, valueGiven(rawName, value, inlineValue))
    } else {
      throw unknownFlag(rawName)
    }
  }
  return { values, switches, words }
}

/** Not strict: its own errors would not name the nearest flag. */
const tokensOf = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    options: {
      ...Object.fromEntries(FLAGS.map(({ name }) => [name, { type: 'string' as const }])),
      ...Object.fromEntries(SWITCHES.map(({ name }) => [name, { type: 'boolean' as const }])),
      help: { type: 'boolean', short: 'h' },
    },
    strict: false,
    tokens: true,
  }).tokens

function valueGiven(rawName: string, value: string | undefined, isInline: boolean | undefined): string {
  // `--a --b`: the next flag is no value; `--a=--b` is meant so
  if (value === undefined || (isInline !== true && value.startsWith('-'))) {
    throw new UsageError(`${rawName} needs a value`)
  }
  return value
}

function unknownFlag(rawName: string): UsageError {
  const known = [...FLAGS, ...SWITCHES].map(({ name }) => `--${name}`)
  const meant = nearest(rawName, known)
  return new UsageError(
    `unknown flag ${rawName}: ${meant === undefined ? 'see --help' : `did you mean ${meant}?`}`,
  )
}

function commandOf([word, ...rest]: readonly string[]): Command {
  if (word === undefined) return 'serve'
  const command = COMMANDS.find((one) => one === word)
  if (command === undefined) throw new UsageError(`unknown command ${word}: known are ${COMMANDS.join(', ')}`)
  if (rest[0] !== undefined) throw new UsageError(`${command} takes no argument: ${rest[0]}`)
  return command
}

function settingOf(
  name: FlagName,
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Setting {
  if (given !== undefined) return { text: given, from: `--${name}` }
  const variable = environmentName(name)
  const set = env[variable]
  if (set !== undefined && set !== '') return { text: set, from: variable }
  return { text: FLAGS.find((one) => one.name === name)?.default ?? '', from: `--${name}` }
}

const ADDRESS = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|(?<name>[\w.-]+))?:(?<port>\d{1,5})$/

function listenAddressOf({ text, from }: Setting): ListenAddress {
  const { ipv6, name, port } = ADDRESS.exec(text)?.groups ?? {}
  if (port === undefined)
    throw new UsageError(`${from}: ${text} is not of the form :port, host:port or [ipv6]:port`)
  if (Number(port) > 65_535) throw new UsageError(`${from}: ${port} is no port; the highest is 65535`)
  return { host: ipv6 ?? name, port: Number(port) }
}

const PATH = /^\/[\w.~/-]*$/

/** The server answers here itself. */
const TAKEN = [
  '/healthz',
  '/readyz',
  '/api/v1/sensors',
  '/api/v1/ledger',
  '/api/v1/budgets',
  '/api/v1/marks',
  '/api/v1/queries',
  '/-/reload',
]

function telemetryPathOf({ text, from }: Setting): string {
  if (!PATH.test(text)) throw new UsageError(`${from}: ${text} is not a path such as /metrics`)
  if (TAKEN.includes(text)) throw new UsageError(`${from}: ${text} is taken by the exporter itself`)
  return text
}

export const usageText = `Usage: wattribute [serve] [flags]
       wattribute check-config [flags]
       wattribute demo [flags]
       wattribute doctor [--json | --calibrate] [flags]
       wattribute proxy --target=URL [flags]
       wattribute report --period=PERIOD [flags]
       wattribute rules [flags]

Books this machine's electricity to its workloads, for Prometheus.

  serve          Measure, and serve the metrics (default).
  check-config   Check the files of --config.file and --web.config.file, and end.
  demo           Serve the metrics of a simulated machine, with a configuration of its own; nothing of it is
                 measured, nothing is kept.
  doctor         Say what of this machine can be measured, what cannot, and what to do about it; also beside
                 a running exporter. Ends with 0 when all that is there can be read, with 1 when something
                 cannot (or, with --calibrate, when the machine is busy), with 2 when it was called wrongly.
  proxy          Pass requests on to an inference server that counts nothing itself, such as Ollama, count
                 them, and serve the counts at --web.listen-address. A running exporter does the same for
                 the proxies of its configuration, with the energy of each request.
  report         Print who used how much energy in a period, from the history or a Prometheus.
  rules          Print alert rules of Prometheus for --config.file, and refuse those that could never fire.

Flags, each also as an environment variable such as ${environmentName(FLAGS[0].name)}:

${usageOf(undefined)}

Flags of demo:

${usageOf('demo')}

Flags of doctor:

${usageOf('doctor')}

Flags of proxy:

${usageOf('proxy')}

Flags of report:

${usageOf('report')}

Flags of rules:

${usageOf('rules')}
`

/** @param command undefined: those that every command takes */
function usageOf(command: Command | undefined): string {
  const isOwn = ({ only }: Pick<FlagRow, 'only'>): boolean =>
    command === undefined ? only === undefined : only !== undefined && ownersIn(only).includes(command)
  return [...flagRows.filter(isOwn).map(usageOfFlag), ...SWITCHES.filter(isOwn).map(usageOfSwitch)].join('\n')
}

function usageOfSwitch({ name, sentence }: SwitchRow): string {
  return `  --${name}\n      ${sentence}`
}

function usageOfFlag({ name, value, default: otherwise, sentence }: FlagRow): string {
  return `  --${name}=${value}\n      ${sentence}${otherwise === '' ? '' : ` Default: ${otherwise}`}`
}
