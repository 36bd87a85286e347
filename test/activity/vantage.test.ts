import { describe, expect, test } from '@jest/globals'
import { vantageOf } from '../../exporter/src/activity/vantage.ts'
import { Machine } from '../machine.ts'
import { statLine } from './host.ts'

const V1 = 'sys/fs/cgroup/cpuacct'

function host(): Machine {
  const machine = new Machine()
  const run = (pid: number, comm: string, cgroup = '0::/'): void => {
    machine.write(`proc/${pid}/stat`, statLine({ pid, comm, startTicks: 1, ticks: 0 }))
    machine.write(`proc/${pid}/comm`, comm)
    machine.write(`proc/${pid}/cgroup`, cgroup)
  }
  run(1, 'systemd')
  run(2, 'kthreadd')
  run(900, 'wattribute')
  machine.write('sys/fs/cgroup/cgroup.controllers', 'cpu')
  machine.write('sys/fs/cgroup/cpu.stat', 'usage_usec 1')
  return machine
}

const seen = (machine: Machine) => vantageOf(machine.world, 0)

describe('where it stands', () => {
  test.each([
    ['machine', ''],
    ['docker', '.dockerenv'],
    ['podman', 'run/.containerenv'],
    ['kubernetes', 'var/run/secrets/kubernetes.io/serviceaccount/namespace'],
  ])('%s', (place, file) => {
    const machine = host()
    if (file !== '') machine.write(file, '')
    expect(seen(machine)).toMatchObject({ place, isVirtual: false, isX86: false, nvidiaGpus: 0 })
  })

  test('a hypervisor is told by the processor, or by the hypervisor itself', () => {
    const machine = host()
    machine.write('proc/cpuinfo', 'vendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor lahf_lm')
    expect(seen(machine)).toMatchObject({ isVirtual: true, isX86: true })
    machine.write('proc/cpuinfo', 'processor\t: 0')
    machine.write('sys/hypervisor/type', 'xen')
    expect(seen(machine)).toMatchObject({ isVirtual: true, isX86: false })
  })

  test('GPUs of NVIDIA are counted on the bus, and no audio device of theirs', () => {
    const machine = host()
    for (const [device, vendor, kind] of [
      ['0000:01:00.0', '0x10de', '0x030000'],
      ['0000:01:00.1', '0x10de', '0x040300'],
      ['0000:65:00.0', '0x10de', '0x030200'],
      ['0000:66:00.0', '0x1002', '0x030000'],
    ]) {
      machine.write(`sys/bus/pci/devices/${device}/vendor`, vendor ?? '')
      machine.write(`sys/bus/pci/devices/${device}/class`, kind ?? '')
    }
    expect(seen(machine).nvidiaGpus).toBe(2)
  })
})

describe('which processes are shown', () => {
  test('those of the host, by the kernel’s own second process', () => {
    expect(seen(host())).toMatchObject({ pidNamespace: 'host', hidesOthers: false, procfsProblem: '' })
  })

  test('those of a container', () => {
    const machine = host()
    machine.remove('proc/2')
    expect(seen(machine).pidNamespace).toBe('own')
    machine.write('proc/2/comm', 'sh')
    expect(seen(machine).pidNamespace).toBe('own')
  })

  test('only its own, where others are hidden', () => {
    const machine = host()
    machine.remove('proc/1')
    machine.remove('proc/2')
    expect(seen(machine)).toMatchObject({ pidNamespace: 'unknown', hidesOthers: true })
  })

  test('whose environment may not be read is counted, but for threads of the kernel and the first process', () => {
    const machine = host()
    expect(seen(machine).closedProcesses).toBe(0)
    for (const pid of [1, 900]) machine.write(`proc/${pid}/cmdline`, 'a program')
    for (const pid of [1, 2, 900]) machine.refuse(`proc/${pid}/environ`)
    expect(seen(machine)).toMatchObject({ closedProcesses: 1, hidesOthers: false })
    machine.refuse('proc/900/environ', 'ENOENT')
    expect(seen(machine).closedProcesses).toBe(0)
  })

  test('none, without procfs', () => {
    const machine = host()
    machine.refuse('proc', 'ENOENT')
    expect(seen(machine)).toMatchObject({ pidNamespace: 'unknown', procfsProblem: '/proc: ENOENT' })
  })
})

describe('control groups', () => {
  test('of version 2 are the machine’s, unless the tree has what only its branches have', () => {
    const machine = host()
    expect(seen(machine)).toMatchObject({
      cgroups: 'v2',
      cgroupsAreOwn: false,
      cgroupPathsAreRelative: false,
    })
    machine.write('sys/fs/cgroup/cgroup.events', 'populated 1')
    expect(seen(machine).cgroupsAreOwn).toBe(true)
  })

  test('of version 1 are the machine’s, if the tree has what only its root has', () => {
    const machine = new Machine(`${V1}/cpuacct.usage: 5\n${V1}/release_agent: /sbin/agent`)
    expect(seen(machine)).toMatchObject({ cgroups: 'v1', cgroupsAreOwn: false })
    machine.remove(`${V1}/release_agent`)
    expect(seen(machine).cgroupsAreOwn).toBe(true)
  })

  test('may be told relative to its own', () => {
    const machine = host()
    machine.write('proc/900/cgroup', '0::/../../system.slice/nginx.service')
    expect(seen(machine).cgroupPathsAreRelative).toBe(true)
  })

  test('may be missing', () => {
    expect(seen(new Machine())).toMatchObject({ cgroups: 'none', cgroupsAreOwn: false })
  })
})

test('sockets are those that are there, with whether they may be opened', () => {
  const machine = host()
  machine.write('run/docker.sock', '')
  machine.write('run/containerd/containerd.sock', '')
  machine.refuse('run/containerd/containerd.sock')
  expect(seen(machine).sockets).toEqual([
    { owner: 'docker', path: '/run/docker.sock', isRefused: false },
    { owner: 'containerd', path: '/run/containerd/containerd.sock', isRefused: true },
  ])
})
