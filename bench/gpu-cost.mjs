/**
 * What GPUs cost: CPU time per board and tick at 1, 8 and 16 boards with 32 processes on each, beside the same
 * exporter that does not ask for them. The driver is test/nvml/fake-nvml.c, whose calls cost next to nothing: these
 * are our own costs, to which a real driver adds its.
 *
 *   npm run bench:gpu                 about ten minutes; prints a table
 *   npm run bench:gpu -- --quick      about two minutes
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { costOfTick, median, pause, residentMegabytes, ROOT, say, startExporter } from './measure.mjs'

const isQuick = process.argv.includes('--quick')
const CYCLES = isQuick ? 10 : 20
const ROUNDS = isQuick ? 1 : 3
const WARM_UP_SECONDS = isQuick ? 15 : 60
const BOARDS = [1, 8, 16]
const PROCESSES = 32
const folder = mkdtempSync(join(tmpdir(), 'wattribute-bench-'))

function compile(source, output, ...words) {
  const path = join(folder, output)
  execFileSync('cc', ['-O2', ...words, '-o', path, join(ROOT, source)])
  return path
}

async function startBoards(program, machine, boards) {
  const child = spawn(program, [machine, String(boards), String(PROCESSES)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return async () => {
    child.stdin.end()
    await once(child, 'exit')
  }
}

async function costAt(boards, program, library) {
  say(`${boards} boards`)
  const stop = await startBoards(program, `${library}.machine`, boards)
  const off = join(folder, 'off.yaml')
  writeFileSync(off, 'nvidia:\n  enabled: false\n')
  const [without, withBoards] = [
    await startExporter([`--config.file=${off}`]),
    await startExporter([`--path.nvml=${library}`]),
  ]
  await pause(WARM_UP_SECONDS * 1000)
  const rounds = []
  for (let round = 0; round < ROUNDS; round += 1) {
    // beside each other, so that both meet the same machine
    const [least, most] = await Promise.all([costOfTick(without, CYCLES), costOfTick(withBoards, CYCLES)])
    rounds.push({ least: least / 1000, most: most / 1000 })
  }
  const page = await (await fetch(withBoards.url)).text()
  const shown = page.match(/^wattribute_accelerator_info\{/gm)?.length
  if (shown !== boards) throw new Error(`${shown} boards are on the page`)
  const resident = { without: residentMegabytes(without.pid), with: residentMegabytes(withBoards.pid) }
  await Promise.all([without.stop(), withBoards.stop()])
  await stop()
  const most = median(rounds.map((round) => round.most))
  const extra = median(rounds.map((round) => round.most - round.least))
  return { boards, most, extra, perBoard: extra / boards, resident }
}

const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0]
const library = compile('test/nvml/fake-nvml.c', 'libnvidia-ml.so.1', '-shared', '-fPIC')
const program = compile('bench/gpus.c', 'gpus')
const rows = []
for (const boards of BOARDS) rows.push(await costAt(boards, program, library))
rmSync(folder, { recursive: true })

process.stdout
  .write(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} CPUs (${cpus()[0].model.trim()}), Node ${process.version}, load average before ${load}; \
${PROCESSES} processes on each board, median of ${ROUNDS} rounds of ${CYCLES} ticks of 1 s. Microseconds of CPU time per tick, all threads:

| boards | whole tick | for the boards | per board | RSS without, MB | RSS with, MB |
|---|---|---|---|---|---|
${rows
  .map(({ boards, most, extra, perBoard, resident }) => {
    const figures = [most, extra, perBoard, resident.without, resident.with].map((value) => value.toFixed(0))
    return `| ${boards} | ${figures.join(' | ')} |`
  })
  .join('\n')}
`)
