import { describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../exporter/src/config/load.ts'
import { watch } from '../../exporter/src/doctor-command.ts'
import { calibrationOf, type Watch } from '../../exporter/src/doctor/calibration.ts'
import { seconds } from '../../exporter/src/units.ts'
import { statLine } from '../activity/host.ts'
import { Machine } from '../machine.ts'

const IDLE: Watch = {
  host: 'gpu-07',
  wall: 1_700_000_000,
  seconds: 60.02,
  busyRatio: 0.004,
  busiest: ['python (pid 500)'],
  heldAccelerators: [],
  leaves: [
    { domain: 'package-0', method: 'counter', watts: 21.53149 },
    { domain: 'psys-rest', method: 'counter', watts: 0 },
    { domain: 'acpi-meter-0-rest', method: 'integrated', watts: 88 },
    { domain: 'model-memory', method: 'estimated', watts: 5 },
    { domain: 'dram-0', method: 'counter', watts: undefined },
  ],
}

describe('the baselines of an idle machine', () => {
  test('are printed as the configuration wants them: what is measured, and nothing else', () => {
    expect(calibrationOf(IDLE)).toEqual({
      kind: 'baselines',
      yaml: `# Measured by wattribute doctor --calibrate on gpu-07 at 2023-11-14T22:13:20Z, over 60 s with 0.4 % of CPU use.
baselines:
  - domain: "package-0"
    watts: 21.531
    source: calibrated
  - domain: "psys-rest"
    watts: 0
    source: calibrated
  - domain: "acpi-meter-0-rest"
    watts: 88
    source: calibrated
`,
    })
  })
})

describe('a machine is refused', () => {
  test('that is busy, with who keeps it so', () => {
    expect(calibrationOf({ ...IDLE, busyRatio: 0.0201 })).toEqual({
      kind: 'refused',
      why: 'the machine is not idle: its CPUs were busy for 2.0 % of the time, most of them by python (pid 500); at most 2.0 % is idle',
    })
    expect(calibrationOf({ ...IDLE, busyRatio: 0.02 })).toMatchObject({ kind: 'baselines' })
  })

  test('of which somebody holds an accelerator, busy or not', () => {
    expect(calibrationOf({ ...IDLE, heldAccelerators: ['GPU-1', 'GPU-2'] })).toEqual({
      kind: 'refused',
      why: 'the machine is not idle: somebody holds GPU-1, GPU-2',
    })
  })

  test('of which nothing is measured', () => {
    expect(calibrationOf({ ...IDLE, leaves: IDLE.leaves.slice(3) })).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('nothing is measured'),
    })
  })
})

describe('watching', () => {
  /** Two CPU packages at 30 and 20 W, DRAM at 3 and 2 W, the platform at 100 W; `busy`: one of 8 CPUs by python. */
  const watched = async (busy: boolean): Promise<Watch> => {
    const machine = Machine.fromFile('intel-2-socket')
    machine.write('proc/500/stat', statLine({ pid: 500, comm: 'python', startTicks: 5, ticks: 0 }))
    machine.write('proc/500/cgroup', '0::/')
    machine.setCpu(500, 0)
    let ticks = 0
    let used = 0
    const draw = (zone: string, watts: number, duration: number): void =>
      machine.advance(`sys/class/powercap/intel-rapl:${zone}/energy_uj`, Math.round(watts * duration * 1e6))
    return watch(
      {
        world: machine.world,
        config: loadConfig(undefined, () => 'UTC'),
        host: 'gpu-07',
        wait: async (duration) => {
          machine.wait(duration)
          draw('0', 30, duration)
          draw('1', 20, duration)
          draw('0:0', 3, duration)
          draw('1:0', 2, duration)
          draw('2', 100, duration)
          ticks += duration * 100
          if (busy) machine.setCpu(500, (used += duration * 1e9))
          const [busyTicks, idleTicks] = busy ? [ticks, 7 * ticks] : [0, 8 * ticks]
          const cpus = Array.from({ length: 8 }, (_, cpu) => `cpu${cpu} 0 0 0 0 0 0 0 0 0 0`).join('\n')
          machine.write(
            'proc/stat',
            `cpu  ${193_000 + busyTicks} 0 0 ${3_609_600 + idleTicks} 0 0 0 0 0 0\n${cpus}`,
          )
        },
      },
      seconds(10),
    )
  }

  test('gives the mean of every leaf over all of the time', async () => {
    const { leaves, seconds: duration } = await watched(false)
    expect(duration).toBe(10)
    expect(leaves.filter(({ method }) => method !== 'estimated')).toEqual([
      { domain: 'package-0', method: 'counter', watts: 30 },
      { domain: 'package-1', method: 'counter', watts: 20 },
      { domain: 'dram-0', method: 'counter', watts: 3 },
      { domain: 'dram-1', method: 'counter', watts: 2 },
      { domain: 'psys-rest', method: 'counter', watts: 45 },
    ])
  })

  test('sees who is busy', async () => {
    const { busiest, busyRatio } = await watched(true)
    expect(busyRatio).toBeGreaterThan(0.1)
    expect(busiest).toEqual(['python (pid 500)'])
  })
})
