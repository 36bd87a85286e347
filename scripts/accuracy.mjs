/**
 * Writes docs/accuracy.md: half an hour of the simulated machine, whose joules are known, booked by the real engine
 * and by the formulas of others on the same ticks. `npm run docs` runs it; the same every time.
 */
import { writeFileSync } from 'node:fs'
import { parseConfig } from '../exporter/dist/config/load.js'
import { simulatedMachine } from '../exporter/dist/demo/machine.js'
import { CORES, PROGRAMS } from '../exporter/dist/demo/scenario.js'
import { simulatedSettings } from '../exporter/dist/demo/settings.js'
import { Simulation } from '../exporter/dist/demo/simulation.js'
import { SteppedClock } from '../exporter/dist/demo/stepped-clock.js'
import { Engine } from '../exporter/dist/engine.js'
import { PageWriter } from '../exporter/dist/exposition/page.js'

const SECONDS = 1800
const IDLE = { 'package-0': 55, 'package-1': 55, 'dram-0': 9, 'dram-1': 9 }

/** Nobody answers there: queries and rooms are not what is compared. */
const SURROUNDINGS = {
  roomUrl: 'http://127.0.0.1:9',
  serverUrls: new Map([
    ['llama-chat', 'http://127.0.0.1:7'],
    ['code-assistant', 'http://127.0.0.1:11'],
  ]),
}

const gpuIds = Array.from({ length: 8 }, (_, gpu) => `GPU-51da0000-0000-4000-8000-00000000000${gpu}`)
const calibrated = `baselines:
${[...Object.entries(IDLE), ...gpuIds.map((id) => [id, 72])]
  .map(([domain, power]) => `  - {domain: ${domain}, watts: ${power}, source: calibrated}`)
  .join('\n')}
`

/** @returns joules by workload: what the engine books above idle */
async function booked(more, each = () => undefined) {
  const simulation = new Simulation()
  const clock = new SteppedClock(1_800_000_000)
  const config = parseConfig(simulatedSettings(SURROUNDINGS, undefined) + more, 'the demo')
  const engine = new Engine(simulatedMachine(simulation, clock, 0), config)
  let text = ''
  for (let time = 0; time <= SECONDS; time += 1) {
    clock.advanceTo(time)
    const writer = new PageWriter()
    await engine.tick(writer)
    each(simulation, time)
    if (time === SECONDS) text = writer.finish().text.toString()
  }
  await engine.close()
  const sums = new Map()
  for (const [, labels, value] of text.matchAll(
    /^wattribute_workload_energy_joules_total\{(.*)\} (\S+)$/gm,
  )) {
    const of = Object.fromEntries(
      Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, key, one]) => [key, one]),
    )
    const column =
      of.part === 'accelerator' ? 'accelerator' : of.part === 'host' && of.component !== 'board' ? 'host' : ''
    if (column === '') continue
    const sum = sums.get(of.workload) ?? { accelerator: 0, host: 0 }
    sum[column] += Number(value)
    sums.set(of.workload, sum)
  }
  return { sums, truth: new Map(simulation.truth) }
}

/** The formulas of others, on the same ticks. */
class Others {
  kepler = new Map()
  scaphandre = new Map()
  #before
  #lowest = new Array(8).fill(Infinity)

  see(simulation) {
    const { gpus, packages, dram } = simulation.counters
    const sum = (values) => values.reduce((all, one) => all + one, 0)
    const now = {
      gpus: [...gpus],
      cpu: sum(packages) + sum(dram),
      used: new Map(PROGRAMS.map(({ pid }) => [pid, simulation.cpuSecondsOf(pid)])),
      busy: new Map(
        PROGRAMS.flatMap(({ pid, holds = [] }) =>
          holds.map((gpu) => [`${pid} ${gpu}`, simulation.busySecondsOf(pid, gpu)]),
        ),
      ),
    }
    const before = this.#before
    this.#before = now
    if (before === undefined) return
    const spent = now.cpu - before.cpu
    const cpuOf = ({ pid }) => now.used.get(pid) - before.used.get(pid)
    const all = sum(PROGRAMS.map(cpuOf))
    for (const program of PROGRAMS) {
      const { workload, pid, holds = [] } = program
      // active = energy × busy share of the machine; of that by CPU time
      add(this.kepler, workload, 'host', spent * (all / CORES) * (cpuOf(program) / all))
      // energy × the process's share of all the time that the CPUs have
      add(this.scaphandre, workload, 'host', spent * (cpuOf(program) / CORES))
      for (const gpu of holds) {
        const watts = now.gpus[gpu] - before.gpus[gpu]
        this.#lowest[gpu] = Math.min(this.#lowest[gpu], watts)
        const busyOf = (key) => now.busy.get(key) - before.busy.get(key)
        const busy = sum(
          PROGRAMS.flatMap((one) => (one.holds?.includes(gpu) ? busyOf(`${one.pid} ${gpu}`) : [])),
        )
        if (busy > 0)
          add(
            this.kepler,
            workload,
            'accelerator',
            ((watts - this.#lowest[gpu]) * busyOf(`${pid} ${gpu}`)) / busy,
          )
      }
    }
  }
}

function add(sums, workload, column, joules) {
  const sum = sums.get(workload) ?? { accelerator: 0, host: 0 }
  sum[column] += joules
  sums.set(workload, sum)
}

const others = new Others()
const asInstalled = await booked('', (simulation) => others.see(simulation))
const withIdle = await booked(calibrated)
const { truth } = asInstalled

/** So that no version of a mathematical library shows in a last digit. */
const signed = (percents) => {
  const text = Math.abs(percents).toFixed(1)
  return `${text === '0.0' ? '±' : percents < 0 ? '−' : '+'}${text} %`
}

const percent = (joules, true_) => (true_ < 1 ? '' : signed((100 * (joules - true_)) / true_))
const kilojoules = (joules) => (joules / 1000).toFixed(1)
const ofWorkload = (sums, workload, column) => sums.get(workload)?.[column] ?? 0

function rows(column, ways) {
  return Array.from(truth.keys())
    .flatMap((workload) => {
      const true_ = ofWorkload(truth, workload, column)
      if (true_ < 1) return []
      return [
        `| ${[workload, kilojoules(true_), ...ways.map((sums) => percent(ofWorkload(sums, workload, column), true_))].join(' | ')} |`,
      ]
    })
    .join('\n')
}

const page = `# Accuracy

How close the books come to the truth can be said only where the truth is known: on a simulated machine. \`wattribute demo\` has one (8 GPUs, 2 sockets, a training run, two inference servers, an embedding job that shares a GPU with one of them, an idle notebook, ordinary services; \`exporter/src/demo/scenario.ts\`). Its programs differ in what a busy core or GPU draws, which no counter of a real machine tells either. Half an hour of it, a tick a second, goes through the real engine from below the sensors, and through the formulas of two others on the same ticks. This says how the arithmetic behaves on this scenario, not how a real machine would be measured: the sensors of the simulation have no errors of their own.

*Truth*: kilojoules above idle. *As installed*: the idle power is a default or what was observed so far. *Calibrated*: the idle power is known, as after \`wattribute doctor --calibrate\`. *Kepler*: active energy is energy × busy share of the machine, split by CPU time (docs/developer/power-attribution-guide.md of sustainable-computing-io/kepler); GPUs as in its proposal EP-003: power above the lowest that was seen, split by utilisation. *Scaphandre*: energy × the process's share of all CPU time there is (src/sensors/mod.rs of hubblo-org/scaphandre); it knows no GPUs, and its figure includes idle power. Both are our own arithmetic after their documents, not their programs.

## CPU and memory

| workload | truth, kJ | as installed | calibrated | Kepler’s formula | Scaphandre’s formula |
|---|---|---|---|---|---|
${rows('host', [asInstalled.sums, withIdle.sums, others.kepler, others.scaphandre])}

## GPUs

| workload | truth, kJ | as installed | calibrated | Kepler’s formula |
|---|---|---|---|---|
${rows('accelerator', [asInstalled.sums, withIdle.sums, others.kepler])}

A machine that is never quiet never shows its idle power, so that the default counts until it is calibrated: far too low for these processors, close for these GPUs. \`wattribute doctor --calibrate\` on an idle machine, or \`baselines\` in the configuration, mend it. What is left of an error with the idle power known comes from programs that draw more or less for the same busy time; counters of time cannot tell that. \`embed-documents\` and \`code-assistant\` share a GPU, where it shows most.

_Written by \`npm run docs\` (scripts/accuracy.mjs)._
`
writeFileSync(new URL('../docs/accuracy.md', import.meta.url), page)
