/** Power that is scripted so that the integral over it is what a test spends: for sensors that only know watts. */
import { LOST_AFTER_SECONDS, type Sensor } from '../../exporter/src/sensors/sensor.ts'
import type { Machine } from '../machine.ts'
import type { ScriptedDevice } from './contract.ts'

export interface PowerScript {
  readonly machine: Machine
  readonly sensor: Sensor
  readonly domain: string
  /** What disappears. */
  readonly gone: readonly string[]
  /** What may not be read. */
  readonly refused: readonly string[]
  /** Writes the figure. */
  readonly show: (watts: number) => void
  /** Seconds over which the figure is a mean; 0: it is of the moment. */
  readonly averagedOver: number
  /** The smallest step of the figure, in watts. */
  readonly step: number
}

const FIRST_WATTS = 0.1

export function powerDevice(script: PowerScript): ScriptedDevice {
  const { machine, gone, refused, averagedOver, step } = script
  let shown = FIRST_WATTS
  let isReadable = true
  /** Since the newest look that could read. */
  let since = { joules: 0, duration: 0, watts: FIRST_WATTS }
  const show = (watts: number): void => {
    shown = Math.round(watts / step) * step
    script.show(shown)
  }
  const change = (readable: boolean): void => {
    isReadable = readable
    if (readable && since.duration > LOST_AFTER_SECONDS) since = { joules: 0, duration: 0, watts: shown }
  }
  show(shown)
  return {
    sensor: script.sensor,
    domain: script.domain,
    now: () => machine.now,
    spend(joules, duration) {
      machine.wait(duration)
      since = { ...since, joules: since.joules + joules, duration: since.duration + duration }
      const averaged = Math.min(averagedOver, since.duration)
      const between = (since.duration - averaged) / 2 // of the trapezoid
      show((since.joules - since.watts * between) / (averaged + between))
      if (isReadable) since = { joules: 0, duration: 0, watts: shown }
    },
    remove() {
      gone.forEach((path) => machine.refuse(path, 'ENOENT'))
      change(false)
    },
    restore() {
      gone.forEach((path) => machine.allow(path))
      change(true)
    },
    refuse() {
      refused.forEach((path) => machine.refuse(path))
      change(false)
    },
    allow() {
      refused.forEach((path) => machine.allow(path))
      change(true)
    },
  }
}

export const NO_COUNTER = {
  wrap: 'power is not a counter',
  reset: 'power is not a counter',
  frozen: 'a constant power is nothing unusual',
} as const
