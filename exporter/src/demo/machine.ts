/** The simulated machine as the engine sees it: files, clocks of processes, NVIDIA's driver. */
import type { GpuLook, Nvml, NvmlAnswer, NvmlLook, UtilisationRow } from '../nvml.ts'
import { nanoseconds, watts, type Seconds } from '../units.ts'
import { Unreadable, type Clock, type Files, type World } from '../world.ts'
import { CORES, GPUS, PROGRAMS, startTicksOf, type Program } from './scenario.ts'
import { SOCKETS, type Simulation } from './simulation.ts'

/** How long the machine has been up when the simulation begins. */
const UPTIME_SECONDS = 40_000
/** Clock ticks of /proc in a second. */
const TICKS = 100
const RAPL_RANGE_MICROJOULES = 262_143_328_850

/** @param begun the instant on the clock at which the simulation began */
export function simulatedMachine(simulation: Simulation, clock: Clock, begun: Seconds): World {
  const now = (): number => {
    simulation.advance(clock.now() - begun)
    return simulation.time
  }
  return {
    procfs: '/proc',
    sysfs: '/sys',
    rootfs: '/simulated',
    clock,
    files: filesOf(tree(simulation, clock, now)),
    cpuClock: (pid) => {
      now()
      const spent = simulation.cpuSecondsOf(pid)
      return spent === undefined ? undefined : nanoseconds(Math.round(spent * 1e9))
    },
    nvml: new SimulatedDriver(simulation, clock, begun),
  }
}

/** Path and text; what changes is written when it is read. */
type Tree = ReadonlyMap<string, () => string>

function tree(simulation: Simulation, clock: Clock, now: () => number): Tree {
  const files = new Map<string, () => string>()
  const add = (path: string, text: string | (() => string)): void =>
    void files.set(path, typeof text === 'string' ? () => text : text)
  const counter = (path: string, joules: () => number): void =>
    add(path, () => {
      now()
      return `${Math.floor(joules() * 1e6) % RAPL_RANGE_MICROJOULES}\n`
    })
  const { counters } = simulation

  const rapl = '/sys/class/powercap'
  add(`${rapl}/intel-rapl/enabled`, '1\n')
  for (let socket = 0; socket < SOCKETS; socket += 1) {
    const zone = `${rapl}/intel-rapl:${socket}`
    const of = (folder: string, name: string, joules: readonly number[]): void => {
      add(`${folder}/name`, `${name}\n`)
      add(`${folder}/enabled`, '1\n')
      add(`${folder}/max_energy_range_uj`, `${RAPL_RANGE_MICROJOULES}\n`)
      counter(`${folder}/energy_uj`, () => joules[socket] ?? 0)
    }
    of(zone, `package-${socket}`, counters.packages)
    of(`${rapl}/intel-rapl:${socket}:0`, 'dram', counters.dram)
  }

  const meter = '/sys/class/hwmon/hwmon0/device'
  add(`${meter}/name`, 'power_meter\n')
  add(`${meter}/power1_average`, () => {
    now()
    return `${Math.round(simulation.nodeWatts * 1e6)}\n`
  })
  add(`${meter}/power1_average_interval`, '1000\n')
  add(`${meter}/power1_is_battery`, '0\n')
  add(`${meter}/power1_model_number`, 'Simulated BMC\n')
  add(`${meter}/power1_oem_info`, 'Meter measures total power\n')

  add('/proc/stat', () => `${cpuLines(simulation, now())}\nprocesses ${PROGRAMS.length}\n`)
  add('/proc/meminfo', 'MemTotal:       1056000000 kB\nMemFree:        700000000 kB\n')
  add('/proc/uptime', () => `${(UPTIME_SECONDS + now()).toFixed(2)} 0.00\n`)
  add('/proc/sys/kernel/random/boot_id', `simulated-${Math.round(clock.wall())}\n`)
  add('/proc/1/stat', statOf({ pid: 1, parent: 0, comm: 'systemd' }))
  add('/proc/2/stat', statOf({ pid: 2, parent: 0, comm: 'kthreadd' }))
  for (const program of PROGRAMS) {
    const folder = `/proc/${program.pid}`
    add(`${folder}/stat`, statOf(program))
    add(`${folder}/status`, 'Uid:\t1000\t1000\t1000\t1000\n')
    add(`${folder}/cgroup`, `0::${program.cgroup}\n`)
    add(`${folder}/cmdline`, program.argv.map((word) => `${word}\0`).join(''))
    const environment = Object.entries(program.environment ?? {})
    add(`${folder}/environ`, environment.map(([name, value]) => `${name}=${value}\0`).join(''))
  }

  const root = '/sys/fs/cgroup'
  add(`${root}/cgroup.controllers`, 'cpu memory pids\n')
  for (const [path, programs] of cgroups()) {
    add(`${root}${path}/cgroup.procs`, () =>
      programs.flatMap(({ cgroup, pid }) => (cgroup === path ? `${pid}\n` : [])).join(''),
    )
    add(`${root}${path}/cpu.stat`, () => {
      now()
      const spent = programs.reduce((sum, { pid }) => sum + (simulation.cpuSecondsOf(pid) ?? 0), 0)
      return `usage_usec ${Math.round(spent * 1e6)}\n`
    })
  }
  return files
}

/** Every cgroup from the root on, with the programs in it and below. */
function cgroups(): ReadonlyMap<string, readonly Program[]> {
  const found = new Map<string, Program[]>()
  for (const program of PROGRAMS) {
    const names = program.cgroup.split('/')
    names.forEach((_, index) => {
      const path = names.slice(0, index + 1).join('/')
      found.set(path, [...(found.get(path) ?? []), program])
    })
  }
  return found
}

function statOf({ pid, parent, comm }: Pick<Program, 'pid' | 'parent' | 'comm'>): string {
  const after = new Array<number>(26).fill(0)
  return `${pid} (${comm}) S ${parent} ${pid} ${pid} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 ${startTicksOf(pid)} ${after.join(' ')} ${pid * 4096}\n`
}

/** User, nice, system, idle: ticks of all logical CPUs together. */
function cpuLines(simulation: Simulation, t: number): string {
  const busy = PROGRAMS.reduce((sum, { pid }) => sum + (simulation.cpuSecondsOf(pid) ?? 0), 0)
  const idle = (UPTIME_SECONDS + t) * CORES - busy
  const line = [busy, 0, 0, idle, 0, 0, 0, 0, 0, 0].map((spent) => Math.round(spent * TICKS)).join(' ')
  const cpus = Array.from({ length: CORES }, (_, cpu) => `cpu${cpu} 0 0 0 0 0 0 0 0 0 0`)
  return [`cpu  ${line}`, ...cpus].join('\n')
}

/** Folders are what paths have in front of a slash. */
function filesOf(files: Tree): Files {
  const folders = new Map<string, Set<string>>()
  for (const path of files.keys()) {
    for (let slash = path.lastIndexOf('/'); slash >= 0; slash = path.lastIndexOf('/', slash - 1)) {
      const folder = path.slice(0, slash)
      const names = folders.get(folder) ?? new Set()
      folders.set(folder, names.add(path.slice(slash + 1).split('/', 1)[0] ?? ''))
      if (slash === 0) break
    }
  }
  const entries = (path: string): readonly string[] | Unreadable => {
    const names = folders.get(path.replace(/\/$/, ''))
    return names === undefined
      ? new Unreadable(path, files.has(path) ? 'ENOTDIR' : 'ENOENT')
      : Array.from(names)
  }
  const subfolders = (path: string): readonly string[] | Unreadable => {
    const names = entries(path)
    return names instanceof Unreadable ? names : names.filter((name) => folders.has(`${path}/${name}`))
  }
  const readText = (path: string): string | Unreadable =>
    files.get(path)?.() ?? new Unreadable(path, folders.has(path) ? 'EISDIR' : 'ENOENT')
  return {
    readText,
    readSlowText: (path) => Promise.resolve(readText(path)),
    list: entries,
    folders: subfolders,
    links: (path) => {
      const names = subfolders(path)
      return names instanceof Unreadable ? names : 2 + names.length
    },
  }
}

/** The driver samples utilisation five times a second. */
const SAMPLES_PER_SECOND = 5
const SAMPLE_MICROSECONDS = 1e6 / SAMPLES_PER_SECOND
const POWER_LIMIT_WATTS = 700

class SimulatedDriver implements Nvml {
  readonly #simulation: Simulation
  readonly #clock: Clock
  readonly #begun: Seconds
  /** Busy seconds as far as rows have told them, by pid and GPU. */
  readonly #told = new Map<string, number>()
  #sampled = 0
  newest: NvmlLook | undefined

  constructor(simulation: Simulation, clock: Clock, begun: Seconds) {
    this.#simulation = simulation
    this.#clock = clock
    this.#begun = begun
  }

  look(at: Seconds): Promise<NvmlAnswer> {
    this.#simulation.advance(this.#clock.now() - this.#begun)
    const rowsSince = this.#sampled * SAMPLE_MICROSECONDS
    const samples = Math.floor(this.#simulation.time * SAMPLES_PER_SECOND)
    const devices = Array.from({ length: GPUS }, (_, gpu) =>
      this.#device(gpu, this.#rows(gpu, samples), rowsSince, at),
    )
    this.#sampled = samples
    this.newest = { at, devices }
    return Promise.resolve({ kind: 'look', look: this.newest })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** What is new since the look before, told as steady over its samples. */
  #rows(gpu: number, samples: number): readonly UtilisationRow[] {
    const count = samples - this.#sampled
    if (count <= 0) return []
    const rows: UtilisationRow[] = []
    for (const { pid, holds = [] } of PROGRAMS) {
      if (!holds.includes(gpu)) continue
      const key = `${pid} ${gpu}`
      const busy = this.#simulation.busySecondsOf(pid, gpu)
      const sm = Math.round(((busy - (this.#told.get(key) ?? 0)) * SAMPLES_PER_SECOND * 100) / count)
      this.#told.set(key, busy)
      for (let sample = this.#sampled + 1; sm > 0 && sample <= samples; sample += 1)
        rows.push({ pid, timeStamp: sample * SAMPLE_MICROSECONDS, sm: Math.min(100, sm) })
    }
    return rows
  }

  #device(index: number, rows: readonly UtilisationRow[], rowsSince: number, at: Seconds): GpuLook {
    const { gpus } = this.#simulation.counters
    return {
      uuid: `GPU-51da0000-0000-4000-8000-00000000000${index}`,
      index,
      modelName: 'Simulated H100 80GB',
      pciBusId: `0000:${(0x10 + index).toString(16)}:00.0`,
      problem: undefined,
      millijoules: BigInt(Math.floor((gpus[index] ?? 0) * 1000)),
      hasCounter: true,
      power: [{ at, watts: watts(this.#simulation.gpuWatts[index] ?? 0) }],
      powerLimit: watts(POWER_LIMIT_WATTS),
      mig: undefined,
      processes: PROGRAMS.flatMap(({ pid, holds = [] }) =>
        holds.includes(index) ? { pid, kind: 'compute' as const } : [],
      ),
      processesUnknown: '',
      rows,
      rowsSince,
    }
  }
}
