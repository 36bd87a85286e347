/** Eight places from which a doctor looks, made of the text machines. */
import { loadConfig } from '../../exporter/src/config/load.ts'
import type { DoctorWorld } from '../../exporter/src/doctor-command.ts'
import type { Nvml } from '../../exporter/src/nvml.ts'
import { statLine } from '../activity/host.ts'
import { Machine } from '../machine.ts'

export interface Place {
  readonly name: string
  readonly open: () => DoctorWorld
}

const CONTAINER = `${'c0ffee'.repeat(10)}abcd`
const GROUPS = ['/system.slice/nginx.service', `/system.slice/docker-${CONTAINER}.scope`] as const

const RAPL_ZONES = ['0', '0:0', '1', '1:0', '2'].map((zone) => `sys/class/powercap/intel-rapl:${zone}`)

/** Processes 1 and 2 of a machine, a service and a container; `hidden`: of others nothing is seen. */
function populate(machine: Machine, { cgroups = true, inContainer = false, hidden = false } = {}): void {
  const run = (pid: number, comm: string, group: string): void => {
    machine.write(`proc/${pid}/stat`, statLine({ pid, comm, startTicks: pid, ticks: 0 }))
    machine.write(`proc/${pid}/comm`, comm)
    machine.write(`proc/${pid}/cgroup`, `0::${group}`)
    machine.setCpu(pid, 0)
  }
  if (inContainer) {
    run(1, 'wattribute', '/')
    machine.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory')
    machine.write('sys/fs/cgroup/cgroup.events', 'populated 1\nfrozen 0')
    machine.write('sys/fs/cgroup/cpu.stat', 'usage_usec 0')
    return
  }
  run(900, 'wattribute', '/system.slice/wattribute.service')
  if (!hidden) {
    run(1, 'systemd', '/init.scope')
    run(2, 'kthreadd', '/')
    run(400, 'nginx', GROUPS[0])
    run(500, 'python', GROUPS[1])
  }
  if (!cgroups) return
  machine.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory')
  for (const folder of ['', '/system.slice', '/system.slice/wattribute.service', ...GROUPS]) {
    machine.write(`sys/fs/cgroup${folder}/cpu.stat`, 'usage_usec 0')
  }
}

const cpuinfo = (machine: Machine, vendor: string, flags: string): void =>
  machine.write('proc/cpuinfo', `processor\t: 0\nvendor_id\t: ${vendor}\nflags\t\t: ${flags}`)

/** What the machine spends in the two seconds that it is watched. */
function spend(machine: Machine, files: Readonly<Record<string, number>>): void {
  for (const [path, joules] of Object.entries(files)) machine.advance(path, joules * 1e6)
}

const INTEL_SPENDS = {
  'sys/class/powercap/intel-rapl:0/energy_uj': 120,
  'sys/class/powercap/intel-rapl:1/energy_uj': 90,
  'sys/class/powercap/intel-rapl:0:0/energy_uj': 12,
  'sys/class/powercap/intel-rapl:1:0/energy_uj': 8,
  'sys/class/powercap/intel-rapl:2/energy_uj': 400,
}

interface Setting {
  readonly uid?: number
  readonly cpuClockProblem?: string
  readonly spends?: Readonly<Record<string, number>>
}

/** A machine without NVIDIA's driver. */
const NO_DRIVER: Nvml = {
  look: async () => ({
    kind: 'absent',
    why: 'libnvidia-ml.so.1 cannot be loaded',
    advice: 'install the driver',
  }),
  newest: undefined,
  close: async () => undefined,
}

const doctorWorld = (
  machine: Machine,
  { uid = 0, cpuClockProblem = '', spends = {} }: Setting = {},
): DoctorWorld & { readonly machine: Machine } => ({
  machine,
  world: { ...machine.world, nvml: NO_DRIVER },
  config: loadConfig(undefined, () => 'UTC'),
  host: 'gpu-07',
  uid,
  cpuClockProblem,
  marks: {
    path: '/run/wattribute/marks.sock',
    isHeard: cpuClockProblem === '' && uid === 0,
    problem: cpuClockProblem,
  },
  wait: async (duration) => {
    machine.wait(duration)
    spend(machine, spends)
  },
})

function intel(): Machine {
  const machine = Machine.fromFile('intel-2-socket')
  cpuinfo(machine, 'GenuineIntel', 'fpu vme de pse tsc msr aperfmperf')
  return machine
}

/** Its runtime masks powercap: the zones are listed, and nothing is behind them. */
function masked(): Machine {
  const machine = intel()
  for (const zone of [...RAPL_ZONES, 'sys/class/powercap/intel-rapl-mmio:0']) machine.refuse(zone, 'ENOENT')
  populate(machine, { inContainer: true })
  return machine
}

export const PLACES: readonly Place[] = [
  {
    name: 'bare-metal-root',
    open: () => {
      const machine = intel()
      populate(machine)
      machine.write('run/docker.sock', '')
      return doctorWorld(machine, { spends: INTEL_SPENDS })
    },
  },
  {
    name: 'bare-metal-user',
    open: () => {
      const machine = intel()
      populate(machine)
      machine.write('run/docker.sock', '')
      machine.refuse('run/docker.sock')
      machine.write('proc/400/cmdline', 'nginx: master process')
      machine.refuse('proc/400/environ')
      for (const zone of RAPL_ZONES) machine.refuse(`${zone}/energy_uj`)
      machine.refuse('sys/class/powercap/intel-rapl-mmio:0/energy_uj')
      return doctorWorld(machine, { uid: 1000, cpuClockProblem: 'the package koffi is not installed' })
    },
  },
  {
    name: 'docker-without-mounts',
    open: () => {
      const machine = masked()
      machine.write('.dockerenv', '')
      machine.write('sys/bus/pci/devices/0000:65:00.0/vendor', '0x10de')
      machine.write('sys/bus/pci/devices/0000:65:00.0/class', '0x030200')
      return doctorWorld(machine)
    },
  },
  {
    name: 'kubernetes-restricted',
    open: () => {
      const machine = masked()
      machine.write('var/run/secrets/kubernetes.io/serviceaccount/namespace', 'monitoring')
      return doctorWorld(machine, { uid: 65_532 })
    },
  },
  {
    name: 'virtual-machine',
    open: () => {
      const machine = Machine.fromFile('vm')
      cpuinfo(machine, 'AuthenticAMD', 'fpu vme de pse tsc msr hypervisor')
      populate(machine)
      return doctorWorld(machine)
    },
  },
  {
    name: 'jetson',
    open: () => {
      const machine = Machine.fromFile('jetson-orin')
      machine.write('proc/cpuinfo', 'processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd42')
      populate(machine)
      machine.write('run/containerd/containerd.sock', '')
      return doctorWorld(machine)
    },
  },
  {
    name: 'no-proc-of-others',
    open: () => {
      const machine = intel()
      populate(machine, { hidden: true })
      return doctorWorld(machine, { uid: 998, spends: INTEL_SPENDS })
    },
  },
  {
    name: 'no-control-groups',
    open: () => {
      const machine = Machine.fromFile('amd-epyc')
      cpuinfo(machine, 'AuthenticAMD', 'fpu vme de pse tsc msr aperfmperf')
      populate(machine, { cgroups: false })
      return doctorWorld(machine, {
        spends: {
          'sys/class/powercap/intel-rapl:0/energy_uj': 130,
          'sys/class/powercap/intel-rapl:0:0/energy_uj': 44,
        },
      })
    },
  },
]
