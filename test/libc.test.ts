import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { isOwnProcfs, NoLibc, openLibc } from '../exporter/src/libc.ts'
import { linuxFiles } from '../exporter/src/world.ts'
import { Machine } from './machine.ts'

describe('the process CPU clock of libc', () => {
  test('shows what this process used, as Node itself does', async () => {
    const libc = await openLibc()
    if (libc instanceof NoLibc) throw new Error(libc.reason)
    const before = process.cpuUsage()
    const shown = libc.cpuClock(process.pid)
    const after = process.cpuUsage()
    expect(shown).toBeGreaterThanOrEqual((before.user + before.system - 1) * 1000)
    // two clocks of the kernel, read one after the other: within some ticks of the scheduler
    expect(shown).toBeLessThan((after.user + after.system) * 1000 + 50e6)
  })

  test('knows nothing of a process that is gone', async () => {
    const libc = await openLibc()
    if (libc instanceof NoLibc) throw new Error(libc.reason)
    const child = spawn(process.execPath, ['-e', ''])
    const pid = child.pid ?? 0
    await once(child, 'exit')
    expect(libc.cpuClock(pid)).toBeUndefined()
  })
})

describe('a procfs', () => {
  test('is ours when its self is this process', () => {
    expect(isOwnProcfs(linuxFiles(), '/proc')).toBe(true)
  })

  test('is not ours when it has another self, or none', () => {
    expect(isOwnProcfs(new Machine(`proc/self/stat: ${process.pid + 1} (x) S`).world.files, '/proc')).toBe(
      false,
    )
    expect(isOwnProcfs(new Machine().world.files, '/proc')).toBe(false)
  })
})
