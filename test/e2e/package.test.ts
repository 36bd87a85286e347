/** The package as npm hands it out: packed, installed into an empty folder, run as `wattribute`. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { imbalancesOfPage, parsePage } from '../exposition/page-text.ts'
import { ExporterProcess } from './exporter-process.ts'

jest.setTimeout(300_000)

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const hasEnergy = (page: string): boolean =>
  (parsePage(page).get('wattribute_process_energy_joules_total') ?? []).some(({ value }) => Number(value) > 0)

describe('the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-package-'))
  let tarball = ''

  const install = (name: string, ...options: readonly string[]): string => {
    const home = join(folder, name)
    execFileSync('mkdir', [home])
    writeFileSync(join(home, 'package.json'), '{}')
    execFileSync('npm', ['install', '--no-fund', '--no-audit', '--silent', ...options, tarball], {
      cwd: home,
    })
    return home
  }

  const run = async (home: string): Promise<ExporterProcess> =>
    ExporterProcess.start([], { command: [join(home, 'node_modules/.bin/wattribute')] })

  beforeAll(() => {
    const [packed] = JSON.parse(
      execFileSync(
        'npm',
        ['pack', '--json', '--silent', '--pack-destination', folder, '--workspace', 'exporter'],
        {
          cwd: ROOT,
          encoding: 'utf8',
        },
      ),
    ) as readonly { readonly filename: string }[]
    tarball = join(folder, packed?.filename ?? '')
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('holds the program, its licence and its readme, and no sources or tests', () => {
    const names = execFileSync('tar', ['-tf', tarball], { encoding: 'utf8' }).trim().split('\n')
    expect(names).toEqual(
      expect.arrayContaining(['package/LICENSE', 'package/README.md', 'package/dist/cli.js']),
    )
    expect(
      names.filter((name) => !/^package\/(?:dist\/.*\.js|LICENSE|README\.md|package\.json)$/.test(name)),
    ).toEqual([])
  })

  test('runs as wattribute from an empty folder, with CPU times to the nanosecond', async () => {
    const home = install('whole')
    expect(readdirSync(join(home, 'node_modules'))).not.toContain('react')
    const exporter = await run(home)
    try {
      expect(imbalancesOfPage(await exporter.page(hasEnergy))).toEqual([])
      const { activity } = JSON.parse((await exporter.get('/api/v1/sensors')).body) as {
        activity: { cpuTimeSource: string }
      }
      expect(activity.cpuTimeSource).toBe('clock')
    } finally {
      await exporter.stop()
    }
  })

  test('works without koffi, with /proc/<pid>/stat, and says so', async () => {
    const home = install('plain', '--omit=optional')
    expect(existsSync(join(home, 'node_modules/koffi'))).toBe(false)
    const exporter = await run(home)
    try {
      expect(await exporter.line(/koffi/)).toMatch(/level=warn .*msg="CPU times are read from/)
      expect(imbalancesOfPage(await exporter.page(hasEnergy))).toEqual([])
    } finally {
      await exporter.stop()
    }
  })
})
