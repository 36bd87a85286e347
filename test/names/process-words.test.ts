import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { ProcessWords } from '../../exporter/src/names/process-words.ts'
import { linuxWorld } from '../../exporter/src/world.ts'
import { Machine } from '../machine.ts'

interface Line {
  readonly parent?: number
  readonly start?: number
  readonly comm?: string
  readonly argumentsAt?: number
}

const statOf = (pid: number, { parent = 1, start = 100, comm = 'python3', argumentsAt = 7 }: Line): string =>
  `${pid} (${comm}) S ${parent} 1 1 0 -1 4194560 0 0 0 0 5 0 0 0 20 0 1 0 ${start} 1000 100 18446744073709551615 ${'0 '.repeat(22)}${argumentsAt} 0 0 0`

function write(machine: Machine, pid: number, words: readonly string[], line: Line = {}): void {
  machine.write(`proc/${pid}/stat`, statOf(pid, line))
  machine.write(`proc/${pid}/cmdline`, words.map((word) => `${word}\0`).join(''))
}

const told = (words: ProcessWords, pid: number): unknown =>
  words.chainOf(pid).map(({ pid: of, argv }) => [of, ...argv])

describe('what processes say of themselves', () => {
  test('a process, its parent and so on', () => {
    const machine = new Machine()
    write(machine, 1, ['/sbin/init'], { parent: 0, start: 1 })
    write(
      machine,
      20,
      ['vllm', 'serve', 'größe'.replace(/./gu, (one) => Buffer.from(one).toString('latin1'))],
      { start: 50 },
    )
    write(machine, 30, ['VLLM::EngineCore', '', '', ''], { parent: 20 })
    const words = new ProcessWords(machine.world)
    expect(told(words, 30)).toEqual([
      [30, 'VLLM::EngineCore'],
      [20, 'vllm', 'serve', 'größe'],
      [1, '/sbin/init'],
    ])
  })

  test('one that is gone, or may not be seen, says nothing', () => {
    const machine = new Machine()
    write(machine, 30, ['secret'])
    machine.refuse('proc/30/cmdline')
    const words = new ProcessWords(machine.world)
    expect(told(words, 30)).toEqual([])
    expect(told(words, 31)).toEqual([])
  })

  test('what is younger is no parent: it has its number by chance', () => {
    const machine = new Machine()
    write(machine, 20, ['later'], { start: 500 })
    write(machine, 30, ['child'], { parent: 20, start: 100 })
    expect(told(new ProcessWords(machine.world), 30)).toEqual([[30, 'child']])
  })

  test('circles come to an end, and so do long chains', () => {
    const machine = new Machine()
    write(machine, 20, ['a'], { parent: 30 })
    write(machine, 30, ['b'], { parent: 20 })
    expect(new ProcessWords(machine.world).chainOf(30)).toHaveLength(32)
  })

  test('a parent is read once, and again after an exec', () => {
    const machine = new Machine()
    write(machine, 20, ['sh', 'start.sh'], { comm: 'sh' })
    write(machine, 30, ['one'], { parent: 20 })
    write(machine, 31, ['two'], { parent: 20 })
    const words = new ProcessWords(machine.world)
    expect(told(words, 30)).toEqual([
      [30, 'one'],
      [20, 'sh', 'start.sh'],
    ])
    machine.write('proc/20/cmdline', 'nobody looks\0')
    machine.wait(1)
    expect(told(words, 31)).toEqual([
      [31, 'two'],
      [20, 'sh', 'start.sh'],
    ])
    write(machine, 20, ['sh', 'other.sh'], { comm: 'sh', argumentsAt: 8 })
    machine.wait(1)
    expect(told(words, 31)).toEqual([
      [31, 'two'],
      [20, 'sh', 'other.sh'],
    ])
  })

  test('another process with the same number is another', () => {
    const machine = new Machine()
    write(machine, 30, ['one'])
    const words = new ProcessWords(machine.world)
    expect(words.isAlive(30, 100)).toBe(true)
    write(machine, 30, ['two'], { start: 200 })
    expect(words.isAlive(30, 100)).toBe(false)
    expect(told(words, 30)).toEqual([[30, 'two']])
  })

  test('many and long words are cut', () => {
    const machine = new Machine()
    write(machine, 30, ['x'.repeat(5000), ...Array.from({ length: 1000 }, () => 'y')])
    const [seen] = new ProcessWords(machine.world).chainOf(30)
    expect(seen?.argv).toHaveLength(256)
    expect(seen?.argv[0]).toHaveLength(1024)
  })

  test('of the environment only what is asked for, and only of that very process', () => {
    const machine = new Machine()
    write(machine, 30, ['one'])
    machine.write('proc/30/environ', 'HF_TOKEN=secret\0MODEL_ID=a/b=c\0')
    const [seen] = new ProcessWords(machine.world).chainOf(30)
    expect([seen?.variable('MODEL_ID'), seen?.variable('MODEL'), seen?.variable('')]).toEqual([
      'a/b=c',
      '',
      '',
    ])
    write(machine, 30, ['two'], { start: 200 })
    expect(seen?.variable('MODEL_ID')).toBe('')
  })

  test('a real process, its title and its environment', async () => {
    const script =
      'const { stdout } = process; process.title = "VLLM::EngineCore"; stdout.write("ready"); setInterval(() => 0, 1e6)'
    const child = spawn(process.execPath, ['-e', script], {
      env: { MODEL_ID: 'a/b' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve))
      const words = new ProcessWords(linuxWorld({ procfs: '/proc', sysfs: '/sys', rootfs: '/' }, undefined))
      const [seen, parent] = words.chainOf(child.pid ?? 0)
      expect(seen?.argv[0]).toBe('VLLM::EngineCore')
      expect(seen?.variable('MODEL_ID')).toBe('a/b')
      expect(parent?.pid).toBe(process.pid)
    } finally {
      child.kill('SIGKILL')
    }
  })
})
