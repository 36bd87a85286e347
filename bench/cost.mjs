/**
 * What the exporter costs: CPU time per process and tick beside a C program that does only what cannot be left out,
 * and beside Debian's node_exporter in the same run; scrape latency at ten thousand series; memory.
 *
 *   npm run bench                     all of it, about ten minutes; writes docs/performance.md
 *   npm run bench -- --quick          shorter and not written down; with --scrapes only the second part
 *
 * Needs gcc, prometheus-node-exporter, and root for the control groups. Timings never gate a test.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { Agent, get } from 'node:http'
import { cpus, tmpdir, release } from 'node:os'
import { join } from 'node:path'
import {
  costOfTick,
  cpuOf,
  end,
  median,
  pause,
  residentMegabytes,
  ROOT,
  say,
  startExporter,
} from './measure.mjs'

const isQuick = process.argv.includes('--quick')
const CYCLES = isQuick ? 8 : 20
const ROUNDS = isQuick ? 1 : 3
/** Until the compiler has seen enough ticks; an exporter runs for months. */
const WARM_UP_SECONDS = isQuick ? 10 : 60
const COUNTS = process.argv.includes('--scrapes') ? [] : isQuick ? [100, 1000] : [100, 1000, 5000, 10_000]
const folder = mkdtempSync(join(tmpdir(), 'wattribute-bench-'))

function compile(name) {
  const program = join(folder, name)
  execFileSync('gcc', ['-O2', '-o', program, join(ROOT, `bench/${name}.c`)])
  return program
}

async function startLoad(program, ...words) {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  await once(child.stdout, 'data')
  return {
    stop: async () => {
      child.stdin.end()
      await once(child, 'exit')
      await pause(500)
    },
  }
}

/** One new process in each tick, so that no exporter may skip the list of processes. */
function startChurn() {
  const child = spawn('sh', ['-c', 'while :; do sleep 0.4; done'], { stdio: 'ignore' })
  return () => child.kill('SIGKILL')
}

async function startNodeExporter() {
  const address = '127.0.0.1:19100'
  const child = spawn(
    'prometheus-node-exporter',
    ['--collector.disable-defaults', '--collector.processes', `--web.listen-address=${address}`],
    { stdio: 'ignore' },
  )
  const url = `http://${address}/metrics`
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  )
    await pause(50)
  return { pid: child.pid, url, stop: () => end(child) }
}

async function costOfScrape(nodeExporter) {
  const before = cpuOf(nodeExporter.pid)
  for (let scrape = 0; scrape < CYCLES; scrape += 1) {
    await (await fetch(nodeExporter.url)).text()
    await pause(1000)
  }
  return (cpuOf(nodeExporter.pid) - before) / CYCLES
}

async function costOfFloor(floor) {
  const child = spawn(floor, [String(CYCLES), '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  await once(child, 'exit')
  const [nanoseconds, cycles, processes] = output.trim().split(' ').map(Number)
  return { perTick: nanoseconds / cycles, processes: processes / cycles }
}

async function costAt(count, floor, load) {
  say(`${count} processes: starting them`)
  const crowd = await startLoad(load, String(count), 'sleep')
  const stopChurn = startChurn()
  const exporter = await startExporter()
  const nodeExporter = await startNodeExporter()
  await pause(WARM_UP_SECONDS * 1000)
  const rounds = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`${count} processes: round ${round} of ${ROUNDS}`)
    // beside each other, so that all three meet the same machine
    const [least, tick, scrape] = await Promise.all([
      costOfFloor(floor),
      costOfTick(exporter, CYCLES),
      costOfScrape(nodeExporter),
    ])
    const { processes } = least
    rounds.push({
      processes,
      floor: least.perTick / processes / 1000,
      exporter: tick / processes / 1000,
      nodeExporter: scrape / processes / 1000,
    })
  }
  const resident = residentMegabytes(exporter.pid)
  stopChurn()
  await pause(2000)
  const quiet = await costOfTick(exporter, CYCLES)
  await exporter.stop()
  await nodeExporter.stop()
  await crowd.stop()
  const middle = (key) => median(rounds.map((round) => round[key]))
  return {
    processes: Math.round(middle('processes')),
    floor: middle('floor'),
    exporter: middle('exporter'),
    quiet: quiet / middle('processes') / 1000,
    nodeExporter: middle('nodeExporter'),
    ratioToFloor: median(rounds.map((round) => round.exporter / round.floor)),
    ratioToNodeExporter: median(rounds.map((round) => round.exporter / round.nodeExporter)),
    resident,
  }
}

const GROUP_ROOT = [
  '/sys/fs/cgroup/cgroup.procs',
  '/sys/fs/cgroup/cpuacct/cgroup.procs',
  '/sys/fs/cgroup/cpu,cpuacct/cgroup.procs',
]
  .filter((file) => existsSync(file))
  .map((file) => file.replace('/cgroup.procs', '/docker'))
  .at(0)

/** Many containers that all do something, asked as often as twenty-five scrapers a second would. */
async function scrapes(load) {
  const count = 1500
  say(`${count} containers: starting them`)
  mkdirSync(GROUP_ROOT, { recursive: true })
  const crowd = await startLoad(load, String(count), 'wake', GROUP_ROOT)
  const config = join(folder, 'config.yaml')
  writeFileSync(config, 'idle_policy: equal\nbirth_hold_seconds: 0\nprocesses:\n  top: 1000\n')
  const exporter = await startExporter([`--config.file=${config}`])
  await pause(20_000)
  const agent = new Agent({ keepAlive: true })
  const one = () =>
    new Promise((resolve, reject) => {
      const start = process.hrtime.bigint()
      get(exporter.url, { agent }, (response) => {
        response.resume()
        response.on('end', () => resolve(Number(process.hrtime.bigint() - start) / 1e6))
      }).on('error', reject)
    })
  say('scraping 25 times a second')
  const answers = []
  for (let scrape = 0; scrape < (isQuick ? 250 : 1500); scrape += 1) {
    answers.push(one())
    await pause(40)
  }
  const results = await Promise.all(answers)
  const text = await (await fetch(exporter.url)).text()
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  const sorted = results.toSorted((one, other) => one - other)
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  const result = {
    series,
    megabytes: text.length / 1e6,
    scrapes: sorted.length,
    p50: at(0.5),
    p99: at(0.99),
    resident: residentMegabytes(exporter.pid),
  }
  await exporter.stop()
  await crowd.stop()
  for (const name of readdirSync(GROUP_ROOT, { withFileTypes: true })) {
    if (name.isDirectory()) rmdirSync(join(GROUP_ROOT, name.name))
  }
  rmdirSync(GROUP_ROOT)
  return result
}

const digits = (value) => value.toPrecision(3)

function report(rows, page, loadBefore) {
  const date = new Date().toISOString().slice(0, 10)
  return `# Performance

Measured on ${date} with \`npm run bench\` on a virtual machine with ${cpus().length} CPUs (${cpus()[0].model.trim()}), Linux ${release()}, Node ${process.version}; load average before the run ${loadBefore}. Shared hardware: the ratios, taken side by side in one run, say more than the figures. This file is written by that command.

## CPU time of a tick

Microseconds of CPU time per process and tick, all threads, nobody scraping; median of ${ROUNDS} rounds of ${CYCLES} ticks of 1 s, after ${WARM_UP_SECONDS} s of warming up. The processes sleep; one new process comes with each tick, so that the list of processes has to be read. *Floor*: \`bench/floor.c\`, which only lists \`/proc\` and reads one CPU clock per process. *node_exporter*: Debian's \`prometheus-node-exporter --collector.disable-defaults --collector.processes\`, per scrape, in the same run. *No new process*: the same ticks when nothing starts on the machine.

| processes | floor | Wattribute | × floor | node_exporter | Wattribute ÷ node_exporter | no new process | RSS, MB |
|---|---|---|---|---|---|---|---|
${rows
  .map(
    (row) =>
      `| ${row.processes} | ${digits(row.floor)} | ${digits(row.exporter)} | ${digits(row.ratioToFloor)} | ${digits(row.nodeExporter)} | ${digits(row.ratioToNodeExporter)} | ${digits(row.quiet)} | ${row.resident.toFixed(0)} |`,
  )
  .join('\n')}

At few processes the fixed cost of a tick (sensors, groups, the page, the exporter's own metrics) is most of it. The aims are at most 2.5 times the floor and a tenth of node_exporter's at 5,000 processes, and less than 100 MB.

## Scrapes

${page.series} series (${digits(page.megabytes)} MB, not compressed) of 1,500 containers that all do something, sampled every second meanwhile; ${page.scrapes} scrapes, one every 40 ms, whether the one before was answered or not; latency as the client sees it: p50 ${digits(page.p50)} ms, p99 ${digits(page.p99)} ms (aim: p99 below 15 ms on a quiet machine with 2 cores). RSS ${page.resident.toFixed(0)} MB.
`
}

const loadBefore = readFileSync('/proc/loadavg', 'utf8').split(' ')[0]
const [floor, load] = [compile('floor'), compile('load')]
const rows = []
for (const count of COUNTS) {
  const row = await costAt(count, floor, load)
  say(JSON.stringify(row))
  rows.push(row)
}
const page = await scrapes(load)
say(JSON.stringify(page))
const text = report(rows, page, loadBefore)
process.stdout.write(text)
if (!isQuick) writeFileSync(join(ROOT, 'docs/performance.md'), text)
