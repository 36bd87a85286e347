/** Whatever the doctor can tell somebody to do is explained in docs/troubleshooting.md, as are all reasons and sensors. */
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { attributionOf } from '../../exporter/src/doctor/attribution.ts'
import type { Observation } from '../../exporter/src/doctor/observation.ts'
import { remedyFor } from '../../exporter/src/doctor/remedies.ts'
import { REASONS, type SensorStatus, type Vantage } from '../../exporter/src/model.ts'
import { everyAbout } from '../../exporter/src/sensors/index.ts'
import { ROOT } from './markdown.ts'

const page = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8').replace(/\s+/g, ' ')

const plain = (text: string): string => text.replaceAll('’', "'")

/** Every combination of what is named. */
const combinations = (axes: Readonly<Record<string, readonly unknown[]>>): readonly object[] =>
  Object.entries(axes).reduce<readonly object[]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  )

const VANTAGES = combinations({
  place: ['machine', 'docker', 'podman', 'kubernetes'],
  uid: [0, 1000],
  isVirtual: [false, true],
  isX86: [true, false],
  nvidiaGpus: [0, 1],
  procfs: ['/proc'],
  sysfs: ['/sys'],
  procfsProblem: ['', 'EACCES'],
  pidNamespace: ['host', 'own', 'unknown'],
  hidesOthers: [false, true],
  closedProcesses: [0, 1],
  cgroups: ['v2', 'none'],
  cgroupsAreOwn: [false, true],
  cgroupPathsAreRelative: [false, true],
  sockets: [[], [{ owner: 'docker', path: '/run/docker.sock', isRefused: true }]],
} satisfies { [K in keyof Vantage]: readonly Vantage[K][] }) as unknown as readonly Vantage[]

/** How a sensor can fail, of which the doctor makes its own advice. */
const FAILURES: readonly (readonly [name: string, state: SensorStatus['state'], reason: string])[] = [
  ['rapl', 'absent', '/sys/class/powercap is missing'],
  ['rapl', 'failed', 'energy_uj: EACCES'],
  ['rapl', 'failed', 'name: ENOENT'],
  ['acpi-power-meter', 'absent', 'no power meter'],
  ['nvml', 'absent', 'libnvidia-ml.so.1 cannot be loaded'],
  ['nvml', 'absent', 'the optional package koffi is not installed'],
]

const OWN_ADVICE = 'what the sensor itself says'

function remedies(): ReadonlySet<string> {
  const texts = new Set<string>()
  for (const vantage of VANTAGES) {
    const seen = {
      vantage,
      processes: 3,
      unreadableProcesses: 1,
      containers: 1,
      cpuClockProblem: 'no koffi',
      marks: { path: '/run/marks.sock', isHeard: false, problem: 'no koffi' },
    } as Observation
    for (const { remedy } of attributionOf(seen)) if (remedy !== undefined) texts.add(plain(remedy.text))
    for (const [name, state, reason] of FAILURES) {
      const status = { name, state, reason, advice: OWN_ADVICE, unreadable: [] } as unknown as SensorStatus
      const remedy = remedyFor(status, vantage)
      if (remedy !== undefined && remedy.text !== OWN_ADVICE) texts.add(plain(remedy.text))
    }
  }
  return texts
}

/** The page has each remedy once; these ends and middles it explains beside them. */
const shortened = (text: string): string =>
  text
    .replace(', and run it as root', '')
    .replace(':ro --cgroupns=host and', ':ro and')
    .replace('acpi_power_meter on the host', 'acpi_power_meter')

describe('docs/troubleshooting.md explains', () => {
  test('everything that the doctor can say to do', () => {
    const all = Array.from(remedies(), shortened)
    expect(all.length).toBeGreaterThan(20)
    expect(all.filter((text) => !page.includes(text))).toEqual([])
  })

  test.each(REASONS)('energy that is unattributed as %s', (reason) => {
    expect(page).toContain(`reason="${reason}"`)
  })

  test.each(everyAbout.map(({ name }) => name))('the sensor %s', (name) => {
    expect(page).toMatch(new RegExp(`### [^#]*\`${name}\``))
  })
})
