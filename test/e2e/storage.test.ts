/** The real exporter and the folder of its books: full, read-only, taken, of a newer version. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkedLine } from '../../exporter/src/storage/checked-lines.ts'
import { parsePage, sumOf } from '../exposition/page-text.ts'
import { asRoot } from '../programs.ts'
import { SmallDisk } from '../storage/small-disk.ts'
import { CLI, ExporterProcess } from './exporter-process.ts'
import { RaplTree } from './rapl-tree.ts'

jest.setTimeout(120_000)

const PACKAGE = 'intel-rapl:0'

let tree: RaplTree
let folder: string
let exporter: ExporterProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-storage-'))
  tree = new RaplTree([{ folder: PACKAGE, name: 'package-0', start: 0n, range: 262_143_328_850n }])
  writeFileSync(join(folder, 'config.yaml'), 'tick_seconds: 0.1\nbirth_hold_seconds: 0\n')
})

afterEach(async () => {
  await exporter?.stop('SIGKILL')
  tree.remove()
  rmSync(folder, { recursive: true, force: true })
})

const start = async (books: string): Promise<ExporterProcess> => {
  const config = `--config.file=${join(folder, 'config.yaml')}`
  exporter = await ExporterProcess.start([`--path.sysfs=${tree.sysfs}`, `--storage.path=${books}`, config])
  await exporter.page((page) => page.includes('domain="package-0"'))
  return exporter
}

const shows =
  (microjoules: number) =>
  (page: string): boolean =>
    sumOf(parsePage(page), 'domain_energy_joules_total', ({ domain }) => domain === 'package-0') ===
    BigInt(microjoules)

const spend = async (running: ExporterProcess, amount: number): Promise<void> => {
  tree.spend(PACKAGE, amount)
  await running.page(shows(Number(tree.spent.get(PACKAGE))))
}

asRoot('a full disk costs no figure, and once there is room all is kept again', async () => {
  const disk = SmallDisk.mount(512)
  try {
    const first = await start(disk.folder)
    await spend(first, 1_000_000)
    disk.fill()
    expect(await first.line(/the books cannot be kept: ENOSPC/)).toContain('level=warn')
    await spend(first, 2_000_000)
    disk.free()
    await first.line(/the books are kept again/)
    await spend(first, 4_000_000)
    await first.stop('SIGKILL')
    expect(first.lines.filter((line) => line.includes('ENOSPC'))).toHaveLength(1)

    const second = await start(disk.folder)
    await second.page(shows(7_000_000))
  } finally {
    await exporter?.stop('SIGKILL')
    disk.unmount()
  }
})

asRoot('killed while the disk is full, the figures begin at 0 and not at older ones', async () => {
  const disk = SmallDisk.mount(512)
  try {
    const first = await start(disk.folder)
    await spend(first, 1_000_000)
    disk.fill()
    await first.line(/the books cannot be kept: ENOSPC/)
    await spend(first, 2_000_000)
    await first.stop('SIGKILL')
    disk.free()
    const second = await start(disk.folder)
    await second.line(/the figures on the page begin at 0/)
    await second.page(shows(0))
  } finally {
    await exporter?.stop('SIGKILL')
    disk.unmount()
  }
})

asRoot('a read-only folder is said once, and the exporter measures', async () => {
  const disk = SmallDisk.mount(512)
  try {
    disk.setReadOnly()
    const running = await start(disk.folder)
    expect(await running.line(/the books cannot be kept: EROFS/)).toContain('level=warn')
    await spend(running, 1_000_000)
    expect(running.lines.filter((line) => line.includes('EROFS'))).toHaveLength(1)
  } finally {
    await exporter?.stop('SIGKILL')
    disk.unmount()
  }
})

test('a second exporter on the same folder is refused with one line that says what to do', async () => {
  const running = await start(join(folder, 'books'))
  const { status, stderr } = spawnSync(
    process.execPath,
    [CLI, '--web.listen-address=127.0.0.1:0', `--storage.path=${join(folder, 'books')}`],
    { encoding: 'utf8' },
  )
  expect(status).toBe(1)
  expect(stderr).toBe(
    `wattribute: another exporter (process ${running.child.pid}) keeps its books in ${folder}/books: give this one a --storage.path of its own, or none with "--storage.path="\n`,
  )
})

test('books of a newer version are set aside, said, and new ones begun', async () => {
  const books = join(folder, 'books')
  const first = await start(books)
  await spend(first, 1_000_000)
  await first.stop('SIGTERM')
  for (const name of readdirSync(books).filter((one) => one.startsWith('books-'))) {
    const generation = Number(/\d+/.exec(name)?.[0])
    writeFileSync(
      join(books, name),
      checkedLine({ format: 'wattribute-books', version: 2, generation, boot: '' }),
    )
  }
  const second = await start(books)
  expect(second.lines.filter((line) => /version 2, which this version cannot read/.test(line))).not.toEqual(
    [],
  )
  await second.page(shows(0))
  expect(readdirSync(books).filter((name) => name.endsWith('.newer'))).not.toEqual([])
})
