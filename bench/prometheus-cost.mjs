/**
 * What our series cost a Prometheus: how many there are on nodes of some shapes, what a sample takes on disk, what a
 * series takes in memory, and how many series the recording rules add.
 *
 *   npm run bench:prometheus             about ten minutes; writes docs/prometheus-cost.md
 *   npm run bench:prometheus -- --quick  shorter and not written down
 *
 * Needs prometheus and promtool, and a gigabyte in the folder for temporary files. Counts bytes and measures no time.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  createWriteStream,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { end, pause, ROOT, say } from './measure.mjs'
import { NODE_MARK, SimulatedNode } from './simulated-node.mjs'

const isQuick = process.argv.includes('--quick')
const NODES = isQuick ? 20 : 80
const SCRAPE_SECONDS = 2
/** A chunk of 120 samples has to fill up. */
const SCRAPED_SECONDS = isQuick ? 60 : 300
const HISTORY_HOURS = isQuick ? 2 : 6

const SERVICES = { services: 40, workloads: 1, containers: 0, gpus: 0, meter: false }
const GPU_NODE = { services: 40, workloads: 30, containers: 100, gpus: 8, meter: true }
const GPU_NODE_WITH_PROCESSES = { ...GPU_NODE, processes: 50 }
const SHAPES = {
  'a server with 40 services, RAPL': { ...SERVICES, processes: 50 },
  'the same without the view of processes': { ...SERVICES, processes: 0 },
  '8 GPUs, 30 workloads in 100 containers, 40 services, a meter': GPU_NODE_WITH_PROCESSES,
  'these without the view of processes': { ...GPU_NODE, processes: 0 },
  'and without containers and Node’s own': {
    ...GPU_NODE,
    processes: 0,
    dropped: /^(wattribute_(container|process)_|nodejs_)/,
  },
}

const folder = mkdtempSync(join(tmpdir(), 'wattribute-prometheus-cost-'))
const samplesOf = (page) => page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

/** Series of a page, by what they are of. */
function countsOf(page, dropped = /^$/) {
  const views = {
    workload: /^wattribute_workload_(energy|accelerator|info|queries|tokens|query)/,
    container: /^wattribute_container_/,
    process: /^wattribute_process_energy/,
    exporter: /^(process|nodejs)_/,
    node: /./,
  }
  const counts = { all: 0, workload: 0, container: 0, process: 0, node: 0, exporter: 0 }
  for (const line of samplesOf(page).filter((one) => !dropped.test(one))) {
    counts.all += 1
    counts[Object.keys(views).find((view) => views[view].test(line))] += 1
  }
  return counts
}

async function pageOf(shape) {
  const node = new SimulatedNode(shape)
  for (let step = 0; step < 20; step += 1) await node.after(15)
  return node.after(15)
}

/** Bytes on disk of a node's history as Prometheus keeps it, after the blocks of two hours were made one. */
async function storageAt(stepSeconds) {
  say(`${HISTORY_HOURS} hours of one node, a sample every ${stepSeconds} s`)
  const [file, data] = [join(folder, 'history.om'), join(folder, `data-${stepSeconds}`)]
  const out = createWriteStream(file)
  const node = new SimulatedNode(GPU_NODE_WITH_PROCESSES)
  const start = 27_000 * 64_800 // where blocks of every length begin
  for (let time = stepSeconds; time < HISTORY_HOURS * 3600; time += stepSeconds) {
    const page = (await node.after(stepSeconds)).replaceAll(NODE_MARK, '00007')
    const text = samplesOf(page).map((line) => `${withTarget(line)} ${start + time}\n`)
    if (!out.write(text.join(''))) await once(out, 'drain')
  }
  out.end('# EOF\n')
  await finished(out)
  execFileSync('promtool', [
    ...['tsdb', 'create-blocks-from', `--max-block-duration=${HISTORY_HOURS}h`, 'openmetrics', file, data],
  ])
  rmSync(file)
  const blocks = readdirSync(data).map((block) => {
    const { stats } = JSON.parse(readFileSync(join(data, block, 'meta.json'), 'utf8'))
    const chunks = readdirSync(join(data, block, 'chunks')).map((name) => join(data, block, 'chunks', name))
    return { ...stats, chunks: sum(chunks.map(sizeOf)), index: sizeOf(join(data, block, 'index')) }
  })
  const of = (key) => sum(blocks.map((block) => block[key]))
  return {
    samples: of('numSamples'),
    bytesPerSample: of('chunks') / of('numSamples'),
    indexBytesPerSeries: of('index') / of('numSeries'),
  }
}

const sum = (amounts) => amounts.reduce((all, one) => all + one, 0)
const sizeOf = (file) => statSync(file).size

function withTarget(line) {
  const target = 'job="wattribute",instance="gpu-00007",cluster="lab"'
  const [brace, space] = [line.indexOf('{'), line.lastIndexOf(' ')]
  return brace < 0
    ? `${line.slice(0, space)}{${target}}${line.slice(space)}`
    : `${line.slice(0, brace + 1)}${target},${line.slice(brace + 1)}`
}

/** Many nodes that are the same but for their names, at one port. */
async function startNodes() {
  const node = new SimulatedNode(GPU_NODE_WITH_PROCESSES)
  let page = await node.after(15)
  const timer = setInterval(() => void node.after(15).then((next) => (page = next)), SCRAPE_SECONDS * 1000)
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4')
    response.end(page.replaceAll(NODE_MARK, new URL(request.url, 'http://node').searchParams.get('node')))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${server.address().port}`,
    stop: () => {
      clearInterval(timer)
      server.close()
      server.closeAllConnections()
    },
  }
}

const WITH_RULES = [
  join(ROOT, 'deploy/prometheus/rules/*.yaml'),
  join(ROOT, 'deploy/prometheus/alerts/*.yaml'),
]

/** A Prometheus with the shipped rules that scrapes so many nodes at one address. */
async function startPrometheus(nodes) {
  const config = join(folder, 'prometheus.json')
  const names = Array.from({ length: NODES }, (_, index) => String(index).padStart(5, '0'))
  writeFileSync(
    config,
    JSON.stringify({
      global: {
        scrape_interval: `${SCRAPE_SECONDS}s`,
        scrape_timeout: `${SCRAPE_SECONDS}s`,
        evaluation_interval: '1m',
      },
      rule_files: WITH_RULES,
      scrape_configs: [
        {
          job_name: 'wattribute',
          honor_labels: true,
          static_configs: names.map((name) => ({
            targets: [nodes],
            labels: { __param_node: name, instance: `gpu-${name}`, cluster: 'lab' },
          })),
        },
      ],
    }),
  )
  const url = `http://${ADDRESS}`
  const data = join(folder, 'live')
  const child = spawn(
    'prometheus',
    [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${ADDRESS}`],
    { stdio: 'ignore' },
  )
  const own = async () => {
    if (child.exitCode !== null)
      throw new Error(`Prometheus ended with ${child.exitCode}; is ${ADDRESS} taken?`)
    return (await fetch(`${url}/metrics`)).text()
  }
  return {
    own,
    query: async (text) => {
      const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: text })}`)
      return Number((await answer.json()).data.result[0]?.value[1] ?? 0)
    },
    logBytes: () => sum(readdirSync(join(data, 'wal')).map((name) => sizeOf(join(data, 'wal', name)))),
    stop: async () => {
      if (child.exitCode === null) await end(child)
    },
  }
}

const ADDRESS = '127.0.0.1:19191'

/** What it takes once its chunks have been full. */
async function memory() {
  const nodes = await startNodes()
  const prometheus = await startPrometheus(nodes.address)
  try {
    return await observed(prometheus)
  } finally {
    await prometheus.stop()
    nodes.stop()
  }
}

async function observed({ own, query, logBytes }) {
  const value = (page, name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1])
  let page = ''
  let [heap, resident] = [0, 0]
  for (let waited = 0; waited < SCRAPED_SECONDS; waited += 5) {
    await pause(5000)
    page = await own()
    heap = Math.max(heap, value(page, 'go_memstats_next_gc_bytes'))
    resident = Math.max(resident, value(page, 'process_resident_memory_bytes'))
    if (waited % 60 === 0)
      say(`${waited} s: ${value(page, 'prometheus_tsdb_head_series')} series, ${heap / 1e6} MB`)
  }
  const series = value(page, 'prometheus_tsdb_head_series')
  const recorded = '{__name__=~".+:wattribute_.+",'
  const ofWorkload = (pattern) =>
    query(`max(count by (workload, namespace) (${recorded}workload=~"${pattern}"}))`)
  return {
    version: /[{,]version="([^"]*)"/.exec(/^prometheus_build_info.*$/m.exec(page)[0])[1],
    series,
    bytesPerSeries: heap / series,
    residentPerSeries: resident / series,
    walBytesPerSample:
      logBytes() / value(page, 'prometheus_tsdb_head_samples_appended_total(?:{type="float"})?'),
    recorded: {
      node: (await query(`count(${recorded}instance!=""})`)) / NODES,
      server: await ofWorkload('workload-[0-7]'),
      other: await ofWorkload('workload-[89]'),
      service: await ofWorkload('service-.+'),
      rest: await query(`count(${recorded}instance="",workload=""})`),
    },
  }
}

const SECONDS_OF_MONTH = (365.25 / 12) * 86_400
const whole = (value) => Math.round(value).toLocaleString('en-US')
const digits = (value) => Number(value.toPrecision(2)).toLocaleString('en-US')
const size = (bytes) => (bytes < 1e12 ? `${digits(bytes / 1e9)} GB` : `${digits(bytes / 1e12)} TB`)

function report(counts, storage, live) {
  const bytes = { 15: storage[15].bytesPerSample, 60: storage[60].bytesPerSample }
  const costs = (series, interval) => {
    const samples = series / interval
    return [
      digits(samples),
      size(samples * SECONDS_OF_MONTH * bytes[interval]),
      size(series * live.bytesPerSeries),
    ]
  }
  const rows = Object.entries(counts).flatMap(([shape, { all }]) =>
    [15, 60].map((interval) => [
      shape,
      `${interval} s`,
      whole(all),
      ...costs(all, interval).slice(0, 2),
      whole(all * 10_000),
      ...costs(all * 10_000, interval),
    ]),
  )
  const table = (columns, lines) =>
    [columns, columns.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  const { recorded } = live
  return `# What our series cost a Prometheus

Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run bench:prometheus\`, Prometheus ${live.version}, on nodes that are simulated and whose pages are made by the exporter's own books, with power that goes up and down at random. Bytes and series, no times: what else the machine does is of no matter. This file is written by that command; what to make of it is in the [guide](guides/prometheus.md#how-much-it-takes).

## Series of a node

${table(
  [
    'node',
    'series',
    'of workloads',
    'of containers',
    'of processes',
    'of the node',
    'of the exporter itself',
  ],
  Object.entries(counts).map(([shape, of]) => [
    shape,
    ...['all', 'workload', 'container', 'process', 'node', 'exporter'].map((key) => whole(of[key])),
  ]),
)}

A consumer has one series for each component that is measured and each part that it has: a container without a GPU three here (CPU, memory, board), one that holds a GPU eight, since it also carries idle energy. What ended stays for ten minutes. No \`_created\` series are among them ([decision 0022](decisions/0022-scraping.md)).

## Bytes

- **On disk** ${bytes[15].toFixed(1)} bytes per sample at a sample every 15 s and ${bytes[60].toFixed(1)} at one every 60 s (${whole(storage[15].samples)} and ${whole(storage[60].samples)} samples of the node with GPUs over ${HISTORY_HOURS} hours, in a block of ${HISTORY_HOURS} h), and ${whole(storage[15].indexBytesPerSeries)} bytes of index for each series in each block. Energies are measured figures with six decimals and compress worse than counts do.
- **The write-ahead log** ${live.walBytesPerSample.toFixed(1)} bytes per sample, of two to three hours.
- **In memory** ${whole(live.bytesPerSeries)} bytes per series: what Prometheus let its heap grow to before it collected garbage, half of which is in use, by its ${whole(live.series)} series in the head; ${NODES} nodes with GPUs scraped every ${SCRAPE_SECONDS} s for ${SCRAPED_SECONDS} s with all shipped rules. Resident were ${whole(live.residentPerSeries)} bytes, with files that the kernel takes back when it needs room. What queries take comes on top. Series that ended count until their block is written, up to three hours.

## Recorded series

Of all shipped rules: ${whole(recorded.node)} for each node; ${whole(recorded.server)} for each workload whose queries are counted (one model), ${whole(recorded.other)} for each other one with three components and ${whole(recorded.service)} for each service of the machine, over all nodes together; ${whole(recorded.rest)} for a cluster of one zone. They have a sample a minute.

## Per node, and for 10,000

${table(
  [
    'node',
    'scraped every',
    'series',
    'samples/s',
    'disk a month',
    '10,000 nodes: series',
    'samples/s',
    'disk a month',
    'memory',
  ],
  rows,
)}

Disk: samples × bytes per sample, without index and log. Memory: series × bytes per series.
`
}

try {
  const counts = {}
  for (const [shape, of] of Object.entries(SHAPES)) counts[shape] = countsOf(await pageOf(of), of.dropped)
  say(JSON.stringify(counts, undefined, 1))
  const storage = { 15: await storageAt(15), 60: await storageAt(60) }
  say(JSON.stringify(storage))
  const live = await memory()
  say(JSON.stringify(live))
  const text = report(counts, storage, live)
  process.stdout.write(text)
  if (!isQuick) writeFileSync(join(ROOT, 'docs/prometheus-cost.md'), text)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
