import { describe, expect, test } from '@jest/globals'
import { activityOf, type ActivityRoom } from '../../exporter/src/activity/activity.ts'
import type { Activity, Consumer } from '../../exporter/src/model.ts'
import { Host, type CgroupVersion } from './host.ts'

const ID = 'a'.repeat(64)

const nameOf = (consumer: Consumer): string =>
  consumer.kind === 'process'
    ? `${consumer.process.comm}#${consumer.process.pid} in ${consumer.group.path}`
    : `${consumer.kind} in ${consumer.group.path}`

/** Milliseconds by consumer. */
const usesIn = (activity: Activity | undefined): Record<string, number> => {
  const uses: Record<string, number> = {}
  for (const { consumer, cpu } of activity?.cpu ?? []) {
    uses[nameOf(consumer)] = (uses[nameOf(consumer)] ?? 0) + cpu / 1e6
  }
  return uses
}

class Watch {
  readonly room: ActivityRoom
  readonly host: Host

  constructor(host: Host) {
    this.host = host
    this.room = activityOf(host.machine.world)
    this.room.look(host.machine.now)
  }

  look(): Activity | undefined {
    return this.room.look(this.host.machine.wait(1))
  }

  uses(): Record<string, number> {
    return usesIn(this.look())
  }
}

describe.each<[string, CgroupVersion, boolean]>([
  ['cgroup v2, CPU clocks', 'v2', true],
  ['cgroup v1, CPU clocks', 'v1', true],
  ['cgroup v2, /proc/<pid>/stat', 'v2', false],
])('with %s', (_, version, cpuClock) => {
  const host = (): Host => {
    const made = new Host(version, { cpuClock })
    made.group('/system.slice')
    made.group('/system.slice/web.service')
    made.group(`/docker`)
    made.group(`/docker/${ID}`)
    made.start(10, 'nginx', '/system.slice/web.service')
    made.start(20, 'python', `/docker/${ID}`)
    return made
  }

  test('the first look says nothing, and what was used before is not counted', () => {
    const made = host()
    made.run(10, 5000)
    const room = activityOf(made.machine.world)
    expect(room.look(made.machine.now)).toBeUndefined()
    expect(usesIn(room.look(made.machine.wait(1)))).toEqual({})
  })

  test('each process is charged what it used, in its group', () => {
    const watch = new Watch(host())
    watch.host.run(10, 300)
    watch.host.run(20, 700)
    watch.host.run(1, 50)
    const activity = watch.look()
    expect(usesIn(activity)).toEqual({
      'nginx#10 in /system.slice/web.service': 300,
      [`python#20 in /docker/${ID}`]: 700,
      'init#1 in /': 50,
    })
    expect(activity).toMatchObject({ from: 1000, to: 1001, unreadableCpu: 0 })
    expect(activity?.cpu.find(({ consumer }) => consumer.group.identity.runtime === 'docker')).toBeDefined()
  })

  test('a process that starts between two looks is charged in full', () => {
    const watch = new Watch(host())
    watch.host.start(30, 'burst', '/system.slice/web.service')
    watch.host.run(30, 400)
    expect(watch.uses()).toEqual({ 'burst#30 in /system.slice/web.service': 400 })
  })

  test('what a process used before it exited is charged to its group', () => {
    const watch = new Watch(host())
    watch.host.run(20, 100)
    watch.uses()
    watch.host.run(20, 250)
    watch.host.exit(20)
    expect(watch.uses()).toEqual({ [`exited in /docker/${ID}`]: 250 })
  })

  test('one that lived between two looks is charged to its group', () => {
    const watch = new Watch(host())
    watch.host.start(31, 'short', `/docker/${ID}`)
    watch.host.run(31, 80)
    watch.host.exit(31)
    expect(watch.uses()).toEqual({ [`exited in /docker/${ID}`]: 80 })
  })

  test('what a group used before it vanished goes to its nearest ancestor', () => {
    const watch = new Watch(host())
    watch.host.run(20, 500)
    watch.host.exit(20)
    watch.host.removeGroup(`/docker/${ID}`)
    expect(watch.uses()).toEqual({ 'exited in /docker': 500 })
    expect(watch.look()?.groups.map(({ path }) => path)).not.toContain(`/docker/${ID}`)
  })

  test('a group that comes with its process is known at once', () => {
    const watch = new Watch(host())
    const path = `/docker/${'b'.repeat(64)}`
    watch.host.group(path)
    watch.host.start(40, 'train', path)
    watch.host.run(40, 900)
    expect(watch.uses()).toEqual({ [`train#40 in ${path}`]: 900 })
    expect(watch.look()?.groups.map((group) => group.path)).toContain(path)
  })

  test('a process that moves between groups is left out of both for that tick', () => {
    const watch = new Watch(host())
    watch.host.run(20, 100)
    watch.uses()
    watch.host.run(20, 60)
    watch.host.move(20, '/system.slice/web.service')
    watch.host.run(20, 40)
    expect(watch.uses()).toEqual({
      [`exited in /docker/${ID}`]: 60,
      'exited in /system.slice/web.service': 40,
    })
    watch.host.run(20, 30)
    expect(watch.uses()).toEqual({ 'python#20 in /system.slice/web.service': 30 })
  })

  test('another process under the same pid is another consumer', () => {
    const watch = new Watch(host())
    watch.host.run(20, 100)
    const first = watch.look()?.cpu.at(0)?.consumer
    watch.host.exit(20)
    watch.host.start(20, 'other', `/docker/${ID}`)
    watch.host.run(20, 150) // more than the first one's clock ever showed
    const second = watch.look()?.cpu.find(({ consumer }) => consumer.kind === 'process')?.consumer
    expect(first).toBeDefined()
    expect(second).toBeDefined()
    expect(second).not.toBe(first)
    expect(second).toMatchObject({ process: { pid: 20, comm: 'other' } })
  })

  test('processes never get more than their group counts', () => {
    const watch = new Watch(host())
    watch.host.run(20, 100)
    watch.uses()
    watch.host.machine.setCpu(20, 1_100_000_000)
    watch.host.machine.write('proc/20/stat', `20 (python) S 1 1 1 0 -1 0 0 0 0 0 110 0 0 0 20 0 1 0 101 0`)
    watch.host.use(`/docker/${ID}`, 500)
    let credited = 0
    for (let look = 0; look < 5; look += 1) {
      credited += Object.values(watch.uses()).reduce((sum, one) => sum + one, 0)
      if (look < 4) watch.host.use(`/docker/${ID}`, 100)
    }
    expect(credited).toBeCloseTo(900, 6)
  })

  test('a process that may not be read is counted, and its group is still charged', () => {
    const watch = new Watch(host())
    watch.host.machine.refuse('proc/20')
    watch.host.run(20, 70)
    const activity = watch.look()
    expect(usesIn(activity)).toEqual({ [`exited in /docker/${ID}`]: 70 })
    expect(activity?.census).toMatchObject({ processes: 3, unreadable: 1 })
  })

  test('one that vanishes while it is read loses nothing', () => {
    const watch = new Watch(host())
    watch.host.run(10, 20)
    watch.host.run(20, 70)
    watch.host.machine.remove('proc/20')
    expect(watch.uses()).toEqual({
      'nginx#10 in /system.slice/web.service': 20,
      [`exited in /docker/${ID}`]: 70,
    })
  })

  test('a process keeps its consumer, which knows its newest name', () => {
    const watch = new Watch(host())
    watch.host.run(20, 100)
    const before = watch.look()?.cpu.at(0)?.consumer
    watch.host.rename(20, 'renamed (x)')
    watch.host.run(20, 100)
    const after = watch.look()?.cpu.at(0)?.consumer
    expect(after).toBe(before)
    expect(after).toMatchObject({ process: { comm: 'renamed (x)' } })
  })
})

describe("the machine's own root group", () => {
  const host = (): Host => {
    const made = new Host('v2')
    made.machine.remove('sys/fs/cgroup/cgroup.events') // only groups below the machine's root have it
    return made
  }

  test('used what its processes say, since the kernel only samples its counter', () => {
    const made = host()
    made.group('/system.slice')
    const watch = new Watch(made)
    watch.host.run(1, 50)
    watch.host.use('/', 37)
    expect(watch.uses()).toEqual({ 'init#1 in /': 50 })
  })

  test('is believed where it is the only group, so that those who exited are charged', () => {
    const watch = new Watch(host())
    watch.host.run(1, 50)
    watch.host.use('/', 37)
    expect(watch.uses()).toEqual({ 'init#1 in /': 50, 'exited in /': 37 })
  })
})

describe('a hybrid machine', () => {
  test('is followed into the tree where its first container appears', () => {
    const host = new Host('v1')
    const { machine } = host
    machine.write('sys/fs/cgroup/unified/cpu.stat', 'usage_usec 0')
    machine.write('sys/fs/cgroup/unified/system.slice/cpu.stat', 'usage_usec 0')
    const watch = new Watch(host)
    host.group(`/docker`)
    host.group(`/docker/${ID}`)
    host.start(20, 'python', `/docker/${ID}`)
    for (let look = 0; look < 30; look += 1) watch.look()
    host.run(20, 700)
    expect(watch.uses()).toEqual({ [`python#20 in /docker/${ID}`]: 700 })
  })
})

describe('what cannot be seen', () => {
  test('is said where /proc hides other users, and charged to their groups as unreadable', () => {
    const host = new Host()
    host.group('/system.slice')
    host.machine.refuse('proc/1')
    const watch = new Watch(host)
    host.use('/system.slice', 40)
    const activity = watch.look()
    expect(usesIn(activity)).toEqual({ 'unreadable in /system.slice': 40 })
    expect(activity?.census.limitation).toMatch(/hidepid/)
  })

  test('is said where processes live in another PID namespace', () => {
    const host = new Host()
    host.machine.write('sys/fs/cgroup/cgroup.procs', '1\n0')
    expect(new Watch(host).look()?.census.limitation).toMatch(/PID namespace/)
  })

  test('is said where no cgroup counts; what is left belongs to the machine', () => {
    const host = new Host('none')
    host.start(10, 'job')
    const watch = new Watch(host)
    host.run(10, 300)
    host.use('/', 200)
    const activity = watch.look()
    expect(usesIn(activity)).toEqual({ 'job#10 in /': 300, 'exited in /': 200 })
    expect(activity?.census.limitation).toMatch(/containers and services cannot be told apart/)
  })

  test('has no group where there are none: it stays unattributed', () => {
    const host = new Host('none')
    host.machine.refuse('proc/1')
    const watch = new Watch(host)
    host.use('/', 200)
    expect(watch.look()).toMatchObject({ cpu: [], unreadableCpu: 200_000_000 })
  })

  test('is nothing on a machine that shows all', () => {
    expect(new Watch(new Host()).look()?.census.limitation).toBe('')
  })
})

describe('the busy ratio', () => {
  test('is the share of the machine that worked', () => {
    const host = new Host()
    const watch = new Watch(host)
    host.machine.write('proc/stat', 'cpu  25 0 0 100075 0 0 0\ncpu0 25 0 0 100075 0 0 0\nprocesses 101')
    expect(watch.look()?.busyRatio).toBeCloseTo(0.25, 9)
  })

  test('is 1 where it is not known', () => {
    const host = new Host()
    const watch = new Watch(host)
    host.machine.remove('proc/stat')
    expect(watch.look()?.busyRatio).toBe(1)
  })
})
