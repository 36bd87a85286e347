/** The release: its workflows call what is there, with no more rights than they need; and its scripts refuse what is wrong. */
import { describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WORKFLOWS = join(ROOT, '.github/workflows')

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
  readonly with?: Readonly<Record<string, unknown>>
}
interface Job {
  readonly needs?: string | readonly string[]
  readonly environment?: string
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const textOf = (file: string): string => readFileSync(join(WORKFLOWS, file), 'utf8')
const workflowOf = (file: string): Workflow => parse(textOf(file)) as Workflow
const run = (script: string, ...words: readonly string[]) =>
  spawnSync('bash', [join(ROOT, 'scripts/release', script), ...words], { encoding: 'utf8' })

describe.each(readdirSync(WORKFLOWS))('the workflow %s', (file) => {
  const { permissions, jobs } = workflowOf(file)
  const steps = Object.values(jobs).flatMap((job) => job.steps)

  test('takes actions of GitHub alone, each by its commit, with the version beside it', () => {
    const uses = textOf(file)
      .split('\n')
      .filter((line) => line.includes('uses:'))
    expect(uses.length).toBe(steps.filter((step) => step.uses !== undefined).length)
    for (const line of uses) expect(line).toMatch(/uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('runs scripts that are there, and can be run', () => {
    const scripts = steps.flatMap(({ run: lines = '' }) =>
      Array.from(lines.matchAll(/(?:scripts\/[\w./-]+\.sh|\.ci\/run)/g), ([script]) => script),
    )
    expect(scripts.length).toBeGreaterThan(0)
    for (const script of scripts) accessSync(join(ROOT, script), constants.X_OK)
  })

  test('gives no step what others wrote to run: their words come in the environment', () => {
    for (const { run: lines = '' } of steps) expect(lines).not.toContain('${{')
  })

  test('leaves no credentials beside the sources', () => {
    for (const { uses = '', with: settings } of steps) {
      if (uses.startsWith('actions/checkout@'))
        expect(settings).toMatchObject({ 'persist-credentials': false })
    }
  })

  test('may only read, but for what publishes', () => {
    expect(Object.values(permissions).filter((right) => right !== 'read')).toEqual([])
    for (const [name, job] of Object.entries(jobs)) {
      const writes = Object.values(job.permissions ?? {}).includes('write')
      expect([name, writes && job.environment !== 'release']).toEqual([name, false])
    }
  })
})

test('nothing is published before all checks of the same commit', () => {
  const { jobs } = workflowOf('release.yaml')
  const needsOf = (name: string): readonly string[] => [jobs[name]?.needs ?? []].flat()
  const isChecked = (name: string): boolean =>
    needsOf(name).some((needed) => needed === 'checks' || isChecked(needed))
  for (const name of Object.keys(jobs).filter((one) => one !== 'checks')) {
    expect([name, isChecked(name)]).toEqual([name, true])
  }
  const checks = jobs['checks']?.steps.map(({ run: lines = '' }) => lines).join('\n')
  expect(checks).toContain('.ci/run')
  expect(checks).toContain('scripts/release/version.sh "$GITHUB_REF_NAME"')
})

test('a tag that is not the version of what is released is refused, with each reason', () => {
  const { status, stderr } = run('version.sh', 'v99.0.0')
  expect(status).toBe(1)
  expect(stderr).toMatch(/exporter\/package\.json says \S+, the tag v99\.0\.0$/m)
  expect(stderr).toMatch(/grafana-plugin\/package\.json says \S+, the tag v99\.0\.0$/m)
  expect(stderr).toMatch(/CHANGELOG\.md has no heading for 99\.0\.0$/m)
  expect(run('version.sh', 'newest').stderr).toContain('newest is no version, such as v1.2.3')
})

test('the notes of a release are its part of the changelog', () => {
  const { stdout } = run('notes.sh', '0.1.0')
  const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')
  const wanted = changelog.split(/^## /m).find((part) => part.startsWith('0.1.0'))
  expect(stdout).toBe(`${(wanted ?? '').split('\n').slice(1).filter(Boolean).join('\n')}\n`)
  expect(run('notes.sh', '99.0.0').status).toBe(1)
})

test('the image is for both processors, and says how it was built and of what', () => {
  const { stdout } = run('image.sh', '--dry-run', 'registry.example.org/wattribute', '1.2.3')
  for (const words of [
    '--platform linux/amd64,linux/arm64',
    '--provenance=mode=max',
    '--sbom=true',
    '--tag registry.example.org/wattribute:1.2.3 --tag registry.example.org/wattribute:latest',
  ]) {
    expect(stdout).toContain(words)
  }
  accessSync(join(ROOT, /--file (\S+)/.exec(stdout)?.[1] ?? ''))
  expect(run('image.sh', '--dry-run', 'registry.example.org/wattribute', '1.2.3-rc.1').stdout).not.toContain(
    'latest',
  )
})
