/**
 * A machine whose engine asks real services over sockets, on a clock that the test moves: polls are at exact instants,
 * and each is awaited.
 */
import { loadConfig, type Config } from '../../exporter/src/config/load.ts'
import { Engine, type Keeping } from '../../exporter/src/engine.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import type { World } from '../../exporter/src/world.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Machine } from '../machine.ts'

/** The timeout of all devices, by which the end of a poll is told from its beginning. */
export const TIMEOUT_SECONDS = 7

export class DeviceMachine {
  readonly world: World
  readonly #machine: Machine
  #ended = 0
  #waiting: (() => void) | undefined

  constructor(machine: Machine) {
    this.#machine = machine
    const { clock } = machine.world
    this.world = {
      ...machine.world,
      clock: {
        ...clock,
        after: (delay, run) => {
          if (delay !== TIMEOUT_SECONDS) {
            this.#ended += 1
            this.#waiting?.()
          }
          return clock.after(delay, run)
        },
      },
    }
  }

  /** Comes back when so many polls have ended since it was called last. */
  async polls(count: number): Promise<void> {
    while (this.#ended < count) await new Promise<void>((resolve) => (this.#waiting = resolve))
    this.#ended = 0
  }

  /** Time passes; polls that become due meanwhile are under way afterwards. */
  wait(duration: number): void {
    this.#machine.wait(duration)
  }

  engine(yaml: string, keeping?: Keeping): Engine {
    return new Engine(this.world, configOf(yaml), keeping)
  }
}

export function configOf(yaml: string): Config {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-devices-'))
  const file = join(folder, 'config.yaml')
  writeFileSync(file, yaml)
  try {
    return loadConfig(file, () => 'Europe/Berlin')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export async function pageOf(engine: Engine): Promise<string> {
  const writer = new PageWriter()
  await engine.tick(writer)
  return writer.finish().text.toString()
}
