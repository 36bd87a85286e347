/** Recordings of real drivers, played back through the sensor and the activity room. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Accelerators } from '../../exporter/src/activity/accelerators.ts'
import type { Consumer } from '../../exporter/src/model.ts'
import type { NvmlLook } from '../../exporter/src/nvml.ts'
import { nvml } from '../../exporter/src/sensors/nvml.ts'
import { readRecording, writeRecording, type Recording } from '../gpu/recording.ts'
import { group, processOf } from '../ledger/small-machine.ts'
import { Machine } from '../machine.ts'
import { requireProgram } from '../programs.ts'
import { FakeNvml, SessionDoor } from './fake-nvml.ts'

interface Played {
  /** Microjoules by board: what the readings sum up to, and what the counter says. */
  readonly booked: ReadonlyMap<string, bigint>
  readonly counted: ReadonlyMap<string, bigint>
  /** Busy seconds by process. */
  readonly busy: Readonly<Record<string, number>>
}

async function play({ machine, looks }: Recording): Promise<Played> {
  let current: NvmlLook | undefined
  const sensor = nvml({
    newest: undefined,
    look: async () =>
      current === undefined
        ? { kind: 'absent', why: 'over', advice: 'none' }
        : { kind: 'look', look: current },
    close: async () => undefined,
  })
  const consumers = new Map<number, Consumer>(
    Object.entries(machine.processes).map(([pid, name]) => [
      Number(pid),
      processOf(group(`${name}.service`), Number(pid), name),
    ]),
  )
  const room = new Accelerators((pid) => consumers.get(pid))
  const booked = new Map<string, bigint>()
  const first = new Map<string, bigint>()
  const last = new Map<string, bigint>()
  const busy: Record<string, number> = {}
  let before = looks[0]?.at
  for (current of looks) {
    const outcome = await sensor.read(current.at)
    for (const { domain, spent } of outcome.kind === 'readings' ? outcome.readings : []) {
      booked.set(domain.id, (booked.get(domain.id) ?? 0n) + BigInt(spent))
    }
    for (const { uuid, millijoules } of current.devices) {
      if (millijoules === undefined) continue
      if (!first.has(uuid)) first.set(uuid, millijoules)
      last.set(uuid, millijoules)
    }
    const activities = room.look(current.at, current.at - (before ?? current.at), current)
    before = current.at
    for (const { use } of activities.values()) {
      for (const { to, weight } of use) {
        const name = typeof to === 'string' ? to : to.kind === 'process' ? to.process.comm : to.kind
        busy[name] = (busy[name] ?? 0) + weight
      }
    }
  }
  const counted = new Map(Array.from(last, ([uuid, end]) => [uuid, (end - (first.get(uuid) ?? end)) * 1000n]))
  return { booked, counted, busy }
}

const folder = new URL('../recordings/', import.meta.url)
const recordings = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))

for (const name of recordings) {
  test(`${name}: what was booked is what the counter says, and its processes are found`, async () => {
    const recording = readRecording(new URL(name, folder))
    const { booked, counted, busy } = await play(recording)
    expect(booked).toEqual(counted)
    for (const process of Object.values(recording.machine.processes)) expect(busy[process]).toBeGreaterThan(0)
  })
}

requireProgram('cc', 'what the recorder writes', () => {
  describe('a recording', () => {
    let temporary: string
    beforeAll(() => {
      temporary = mkdtempSync(join(tmpdir(), 'wattribute-recording-'))
    })
    afterAll(() => rmSync(temporary, { recursive: true }))

    test('that was written is read as it was, and played back to the microjoule', async () => {
      const fake = new FakeNvml()
      const machine = new Machine()
      const gpu = fake.add().compute(10, 11)
      const door = await SessionDoor.open(fake.path, machine.world.clock)
      const looks: NvmlLook[] = []
      for (let second = 0; second < 5; second += 1) {
        gpu.spend(300).rows([10, second * 1_000_000, 60], [11, second * 1_000_000, 20])
        const answer = door.session.look(machine.wait(1))
        if (answer.kind === 'look') looks.push(answer.look)
      }
      await door.close()
      fake.close()
      const recording: Recording = {
        machine: {
          gpu: 'none: test/nvml/fake-nvml.c',
          driver: 'none',
          date: '2026-11-24',
          scenario: 'two processes',
          processes: { 10: 'training', 11: 'inference' },
        },
        looks,
      }
      const file = join(temporary, 'fake.jsonl')
      writeRecording(file, recording)
      const read = readRecording(file)
      expect(read).toEqual(recording)
      const { booked, counted, busy } = await play(read)
      expect(counted).toEqual(new Map([[gpu.uuid, 1_200_000_000n]]))
      expect(booked).toEqual(counted)
      expect(busy['training']).toBeCloseTo(3 * (busy['inference'] ?? 0), 9)
    })
  })
})
