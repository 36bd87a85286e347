/** What the benches measure with: processes, the exporter among them, and the CPU time that they use. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CLI = join(ROOT, 'exporter/dist/cli.js')

export const say = (text) => process.stderr.write(`${text}\n`)
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
export const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]

/** Nanoseconds that a process has used, all threads, by the scheduler's own account. */
export function cpuOf(pid) {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.reduce((sum, thread) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')
    return sum + Number(nanoseconds)
  }, 0)
}

export const residentMegabytes = (pid) =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1000

export async function startExporter(flags = []) {
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=1', CLI, '--web.listen-address=127.0.0.1:0', ...flags],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let log = ''
  child.stderr.on('data', (data) => (log += data))
  while (!/url=(\S+)/.test(log)) await pause(50)
  return { pid: child.pid, url: /url=(\S+)/.exec(log)[1], stop: () => end(child) }
}

export async function end(child) {
  child.kill('SIGTERM')
  await once(child, 'exit')
}

const figure = (page, name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)[1])
const ticksOf = async ({ url }) =>
  figure(await (await fetch(url)).text(), 'wattribute_tick_duration_seconds_count')

/** CPU nanoseconds per tick while nobody scrapes. */
export async function costOfTick(exporter, cycles) {
  const [ticksBefore, before] = [await ticksOf(exporter), cpuOf(exporter.pid)]
  await pause(cycles * 1000)
  const spent = cpuOf(exporter.pid) - before
  return spent / ((await ticksOf(exporter)) - ticksBefore)
}
