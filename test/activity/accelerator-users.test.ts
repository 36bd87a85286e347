/** From the pids that a driver gives to the consumers that the process table knows. */
import { expect, test } from '@jest/globals'
import { activityOf, type ActivityRoom } from '../../exporter/src/activity/activity.ts'
import type { AcceleratorUser, Activity } from '../../exporter/src/model.ts'
import type { Nvml, NvmlLook } from '../../exporter/src/nvml.ts'
import { gpuLook, UUID } from '../nvml/gpu-look.ts'
import { Host } from './host.ts'

/** A machine with one board, in the host's PID namespace. */
class Bench {
  readonly host = new Host()
  /** Who computes on the board. */
  pids: readonly number[] = []
  readonly #room: ActivityRoom
  #newest: NvmlLook | undefined

  constructor(hasHostPids = true) {
    if (hasHostPids) this.host.machine.write('proc/2/stat', '2 (kthreadd) S 0 0 0')
    this.host.group('/train.service')
    const newest = (): NvmlLook | undefined => this.#newest
    const door: Nvml = {
      look: async () => ({ kind: 'absent', why: 'not asked here', advice: 'none' }),
      get newest() {
        return newest()
      },
      close: async () => undefined,
    }
    this.#room = activityOf({ ...this.host.machine.world, nvml: door })
    this.look()
  }

  look(): Activity | undefined {
    const at = this.host.machine.wait(1)
    const processes = this.pids.map((pid) => ({ pid, kind: 'compute' as const }))
    this.#newest = { at, devices: [gpuLook({ processes })] }
    return this.#room.look(at)
  }

  users(): readonly AcceleratorUser[] {
    return usersIn(this.look())
  }
}

const usersIn = (activity: Activity | undefined): readonly AcceleratorUser[] =>
  activity?.accelerators.get(UUID)?.holders.map(({ to }) => to) ?? []

test('a user is the same object that used CPU time, so that its energies join', () => {
  const bench = new Bench()
  bench.host.start(10, 'python', '/train.service')
  bench.host.run(10, 100)
  bench.pids = [10]
  const activity = bench.look()
  expect(usersIn(activity)).toEqual([activity?.cpu[0]?.consumer])
  expect(usersIn(activity)[0]).toBe(activity?.cpu[0]?.consumer)
})

test('also when it came between two lists of processes, and its CPU time is not lost', () => {
  const bench = new Bench()
  bench.host.machine.write('proc/10/stat', '10 (python) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0')
  bench.host.machine.write('proc/10/cgroup', '0::/train.service')
  bench.host.machine.setCpu(10, 5_000_000)
  bench.pids = [10] // the kernel's count of processes has not moved: the table does not list it
  expect(bench.look()?.cpu).toEqual([])
  bench.host.use('/train.service', 5)
  const activity = bench.look()
  expect(activity?.cpu).toMatchObject([{ cpu: 5_000_000, consumer: { process: { pid: 10 } } }])
  expect(usersIn(activity)[0]).toBe(activity?.cpu[0]?.consumer)
})

test('one that does no work on the CPU is known by its group all the same', () => {
  const bench = new Bench()
  bench.host.start(10, 'python', '/train.service')
  bench.pids = [10]
  expect(bench.users()).toMatchObject([{ group: { path: '/train.service' }, process: { comm: 'python' } }])
})

test('one that moved to another group in this tick is who it is now', () => {
  const bench = new Bench()
  bench.host.group('/other.service')
  bench.host.start(10, 'python', '/train.service')
  bench.pids = [10]
  bench.host.run(10, 100)
  bench.look()
  bench.host.move(10, '/other.service')
  bench.host.run(10, 100)
  expect(bench.users()[0]).toMatchObject({ group: { path: '/other.service' } })
})

test('a pid that no process has is unresolved', () => {
  const bench = new Bench()
  bench.pids = [4711]
  expect(bench.users()).toEqual(['unresolved_pid'])
})

test('without the host’s pids all are unresolved, since the same number is another here, and that is said', () => {
  const bench = new Bench(false)
  bench.host.start(10, 'shell', '/train.service')
  bench.pids = [10]
  const activity = bench.look()
  expect(usersIn(activity)).toEqual(['unresolved_pid'])
  expect(activity?.census.limitation).toMatch(/hostPID: true, --pid=host/)
})

test('without accelerators nothing is said about pids', () => {
  const host = new Host()
  const room = activityOf(host.machine.world)
  room.look(host.machine.now)
  expect(room.look(host.machine.wait(1))?.census.limitation).toBe('')
})
