/** The findings for people: plain ASCII, at most 100 columns, readable without colour. */
import type { DeviceFinding } from './devices.ts'
import type { Findings, SensorFinding } from './findings.ts'
import type { DomainSeen } from './observation.ts'
import type { Remedy } from './remedies.ts'

const WIDTH = 100

export function findingsText(findings: Findings): string {
  const { sensors, components, domains, devices, attribution } = findings
  const lines = [
    ...headOf(findings),
    '',
    'SENSORS',
    ...sensors.flatMap(sensorLines),
    '',
    'COVERAGE',
    ...components.map(({ component, state, watts, domains: ids }) =>
      row([14, 12, 11], [component, STATES[state], wattsText(watts), ids.join(', ')]),
    ),
    '',
    'NESTING (watts now, how they are known, idle watts)',
    ...(domains.length === 0 ? ['  nothing is measured or estimated'] : treeLines(domains)),
    ...(devices.length === 0 ? [] : ['', 'DEVICES AND ZONES', ...devices.flatMap(deviceLines)]),
    '',
    'ATTRIBUTION',
    ...attribution.flatMap(({ subject, level, says, remedy }) => [
      row([18, 9], [subject, level, says]),
      ...remedyLines(remedy, 30),
    ]),
    ...queryLines(findings),
    ...proxyLines(findings),
    '',
    ...verdictLines(findings),
  ]
  return `${lines
    .flatMap((line) => wrapped(line))
    .map((line) => line.trimEnd())
    .join('\n')}\n`
}

function queryLines({ queryServers }: Findings): string[] {
  if (queryServers.length === 0) return []
  return [
    '',
    'QUERIES',
    ...queryServers.map(({ url, server, state, reason }) =>
      row([12, 10], [server, state, reason === '' ? url : `${url}: ${reason}`]),
    ),
  ]
}

function proxyLines({ proxies }: Findings): string[] {
  if (proxies.length === 0) return []
  return [
    '',
    'PROXIES',
    ...proxies.map(({ listen, target, state, reason }) =>
      row([18, 11], [listen, state, reason === '' ? target : `${target}: ${reason}`]),
    ),
  ]
}

const STATES = {
  measured: 'measured',
  estimated: 'estimated',
  unreadable: 'unreadable',
  absent: 'not at all',
} as const

function headOf({ version, host, uid, place, isVirtual, seconds }: Findings): string[] {
  const who = uid === 0 ? 'root' : `user ${uid}`
  const where = place === 'machine' ? 'on the machine itself' : `in a container (${place})`
  const virtual = isVirtual ? ', which is virtual' : ''
  return [
    `wattribute doctor ${version}: ${host}, as ${who} ${where}${virtual}; watched for ${seconds.toFixed(1)} s`,
  ]
}

function sensorLines({ sensor, state, domains, reason, remedy }: SensorFinding): string[] {
  const says = reason === '' ? domains.join(', ') : reason
  return [row([18, 12], [sensor, state, says]), ...remedyLines(remedy, 33)]
}

const deviceLines = ({ subject, level, says, remedy }: DeviceFinding): string[] => [
  row([18, 9], [subject, level, says]),
  ...remedyLines(remedy, 30),
]

const remedyLines = (remedy: Remedy | undefined, indent: number): string[] =>
  remedy === undefined ? [] : [`${' '.repeat(indent)}-> ${remedy.kind}: ${remedy.text}`]

function treeLines(domains: readonly DomainSeen[]): string[] {
  const lines: (readonly [string, DomainSeen])[] = []
  const visit = (within: string, indent: string): void => {
    const parts = domains.filter((one) => one.within === within && one.domain !== within)
    parts.forEach((one, index) => {
      const isLast = index === parts.length - 1
      const branch = within === '' ? '' : isLast ? '`- ' : '|- '
      lines.push([`${indent}${branch}${one.domain}`, one])
      visit(one.domain, within === '' ? indent : `${indent}${isLast ? '   ' : '|  '}`)
    })
  }
  visit('', '')
  const width = Math.max(...lines.map(([name]) => name.length)) + 2
  return lines.map(([name, { component, watts, method, baseline }]) =>
    row(
      [width, 13, 11, 12],
      [
        name,
        component,
        wattsText(watts),
        method,
        baseline === undefined || baseline.watts === 0
          ? ''
          : `idle ${baseline.watts.toFixed(1)} W (${baseline.source})`,
      ],
    ),
  )
}

function verdictLines({ exitCode, todo, optional }: Findings): string[] {
  const listed = (remedies: readonly Remedy[]): string[] =>
    remedies.map(({ kind, text }, index) => `  ${index + 1}. ${kind}: ${text}`)
  const verdict =
    exitCode === 0
      ? ['All that is there can be read.']
      : ['Something is there and cannot be read. To do:', ...listed(todo)]
  return [...verdict, ...(optional.length === 0 ? [] : ['More could be known:', ...listed(optional)])]
}

const wattsText = (watts: number | undefined): string => (watts === undefined ? '-' : `${watts.toFixed(1)} W`)

/** Cells at least so wide; the last takes the rest. */
const row = (widths: readonly number[], cells: readonly string[]): string =>
  `  ${cells.map((cell, index) => (index < widths.length ? `${cell} `.padEnd(widths[index] ?? 0) : cell)).join('')}`

/** Continues under where the text of a line begins: after its last run of spaces, or its arrow or number. */
function wrapped(text: string): string[] {
  const line = ascii(text)
  if (line.length <= WIDTH) return [line]
  const start = /^(.*\S {2,}|\s*)(-> \w+: |\d+\. \w+: )?/.exec(line)?.[0].length ?? 0
  const indent = start < WIDTH / 2 ? start : 4
  const lines: string[] = []
  let rest = line
  while (rest.length > WIDTH) {
    const space = rest.lastIndexOf(' ', WIDTH)
    const end = space > indent ? space : WIDTH
    lines.push(rest.slice(0, end))
    rest = ' '.repeat(indent) + rest.slice(end).trimStart()
  }
  return [...lines, rest]
}

const ascii = (text: string): string => text.replaceAll('’', "'").replace(/[^\x20-\x7e]/g, '?')
