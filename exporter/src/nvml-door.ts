/** The door to NVIDIA's driver, with its thread. */
import { Worker } from 'node:worker_threads'
import { NvmlDoor } from './nvml/door.ts'
import type { NvmlThreadSettings } from './nvml/messages.ts'

/**
 * Opened at the first look; a machine without the driver costs a thread that sleeps.
 * @param library undefined: where drivers put it
 * @param onOutdated the driver was replaced underneath, which only a new process can follow
 */
export function openNvmlDoor(library: string | undefined, onOutdated: (why: string) => void): NvmlDoor {
  return new NvmlDoor({
    startThread: (progress) =>
      new Worker(new URL('./nvml/thread.js', import.meta.url), {
        workerData: { library, progress } satisfies NvmlThreadSettings,
        name: 'nvml',
        resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
      }),
    onOutdated,
  })
}
