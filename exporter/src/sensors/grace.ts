/**
 * Power of NVIDIA Grace superchips, from the ACPI power meters of each socket: the module (with the GPU and its memory
 * on Grace Hopper and Grace Blackwell), in it Grace (CPU, its LPDDR5X memory, SysIO), in that the CPU rail and the
 * SysIO rail. Microwatts, a mean over 50 ms or 1 s; integrated.
 * https://docs.nvidia.com/grace-perf-tuning-guide/power-thermals.html
 */
import type { Domain } from '../model.ts'
import { watts, type Watts } from '../units.ts'
import { readCpuTimes } from '../cpu-times.ts'
import { Unreadable, type World } from '../world.ts'
import { adviceFor, averageMeter, CHIP_NAME, MOUNT_ADVICE } from './acpi-power-meter.ts'
import { HwmonChips } from './hwmon-chips.ts'
import { CPU_IDLE_WATTS } from './power-model.ts'
import { PowerSampler } from './power-sampler.ts'
import type { About, Sensor } from './sensor.ts'

export const about: About = {
  name: 'grace',
  measures:
    'Power of NVIDIA Grace sockets, nested: the module contains Grace and, on superchips with a GPU, the GPU; Grace contains the CPU and SysIO rails. What the module and Grace see beyond their parts is their rest.',
  components: ['node', 'cpu', 'board'],
  method: 'integrated',
  reads: '/sys/class/hwmon/hwmon*/{device/,}power1_average, told apart by power1_oem_info',
  unit: 'microwatts, a mean over power1_average_interval (50 ms or 1 s); integrated; never wraps',
  needs: 'the module acpi_power_meter, on an NVIDIA Grace machine',
  source: 'https://docs.nvidia.com/grace-perf-tuning-guide/power-thermals.html',
}

/** Of each socket, outer before inner. A rail of the module is within it even where its firmware has no Grace meter. */
const LAYERS = {
  Module: { component: 'node', within: [], encloses: ['accelerator', 'cpu', 'memory'] },
  Grace: { component: 'node', within: ['module'], encloses: ['cpu', 'memory'] },
  CPU: { component: 'cpu', within: ['grace', 'module'], encloses: undefined },
  SysIO: { component: 'board', within: ['grace', 'module'], encloses: undefined },
} as const satisfies Record<string, Layer>

interface Layer {
  readonly component: 'node' | 'cpu' | 'board'
  readonly within: readonly string[]
  readonly encloses: Domain['encloses']
}

/** A GB200 module with two GPUs is rated at 2.7 kW. */
const MAXIMUM = watts(10_000)

const ABSENT_ADVICE =
  'nothing to do, unless this is an NVIDIA Grace machine: then load the driver with "modprobe acpi_power_meter"'

interface Socket {
  readonly layer: keyof typeof LAYERS
  readonly socket: number
}

export function grace(world: World): Sensor {
  const chips = new HwmonChips(world)
  const sampler = new PowerSampler(world, { adviceFor, samplesPerSecond: 0 })
  let cpuIdle: Watts | undefined
  return {
    about,
    async read(at) {
      const listed = chips.look(at)
      if (listed instanceof Unreadable && listed.kind !== 'missing') {
        return { kind: 'failed', why: String(listed), advice: `run as root; ${MOUNT_ADVICE}` }
      }
      const found = (listed instanceof Unreadable ? [] : listed).flatMap((chip) => {
        const socket = chip.name === CHIP_NAME ? socketIn(chips.labelIn(chip, 'power1_oem_info')) : undefined
        const path = chips.pathOf(chip, 'power1_average')
        return socket === undefined || path === undefined ? [] : [{ ...socket, id: idOf(socket), path }]
      })
      const ids = new Set(found.map(({ id }) => id))
      cpuIdle ??= idleWattsOf(world, found.filter(({ layer }) => layer === 'CPU').length)
      const idle = cpuIdle
      const meters = found
        .filter(({ id }, index) => found.findIndex((other) => other.id === id) === index)
        .map(({ path, ...socket }) => averageMeter(world, path, domainOf(socket, ids, idle), MAXIMUM))
      if (meters.length === 0) {
        return {
          kind: 'absent',
          why: `no meter of a Grace socket below ${chips.root}`,
          advice: ABSENT_ADVICE,
        }
      }
      return sampler.look(at, meters)
    },
    async close() {
      sampler.close()
    },
  }
}

function socketIn(label: string): Socket | undefined {
  const [, layer, socket] = /^(Module|Grace|CPU|SysIO) Power Socket (\d+)$/.exec(label) ?? []
  return layer === undefined ? undefined : { layer: layer as Socket['layer'], socket: Number(socket) }
}

const idOf = ({ layer, socket }: Socket): string => `${layer.toLowerCase()}-${socket}`

/** Of one socket; 0 where it is not known. */
function idleWattsOf(world: World, sockets: number): Watts {
  const times = readCpuTimes(world)
  return watts(times instanceof Unreadable ? 0 : (CPU_IDLE_WATTS * times.logicalCpus) / Math.max(1, sockets))
}

function domainOf(socket: Socket, present: ReadonlySet<string>, cpuIdle: Watts): Domain {
  const { component, within, encloses } = LAYERS[socket.layer]
  return {
    id: idOf(socket),
    component,
    within: within.map((layer) => `${layer}-${socket.socket}`).find((id) => present.has(id)) ?? '',
    booked: true,
    method: 'integrated',
    baseline: { watts: socket.layer === 'CPU' ? cpuIdle : watts(0), source: 'default' },
    ...(encloses !== undefined && { encloses }),
  }
}
