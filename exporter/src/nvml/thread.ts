/** NVML in a thread of its own: a call that never comes back holds up nobody but this thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { linuxClock } from '../world.ts'
import { nvmlOpener } from './library.ts'
import { packed, type NvmlThreadSettings, type ToNvml } from './messages.ts'
import { NvmlSession } from './session.ts'

const port = parentPort
if (port === null) throw new Error('nvml/thread.ts runs in a worker thread only')

const { library, progress } = workerData as NvmlThreadSettings
const session = new NvmlSession({
  open: await nvmlOpener(library),
  clock: linuxClock,
  progress: new Int32Array(progress),
})

/**
 * Where there is no energy counter to trust, power is sampled once in each such period, at an instant drawn from all
 * of it: looks at regular instants would see a periodic load always in the same phase.
 */
const POWER_PERIOD_MILLISECONDS = 100

let timer: NodeJS.Timeout | undefined

/** @param period when it starts, on the clock of `performance` */
function samplePowerIn(period: number): void {
  const now = performance.now()
  const start = Math.max(period, now - POWER_PERIOD_MILLISECONDS) // those that were missed are gone
  timer = setTimeout(
    () => {
      session.samplePower()
      timer = undefined
      if (session.needsPower) samplePowerIn(start + POWER_PERIOD_MILLISECONDS)
    },
    start + Math.random() * POWER_PERIOD_MILLISECONDS - now,
  )
}

function close(): void {
  clearTimeout(timer)
  session.close()
  port?.close()
}

port.on('message', (message: ToNvml) => {
  switch (message.kind) {
    case 'look':
      port.postMessage(packed(session.look(message.at)))
      if (timer === undefined && session.needsPower) samplePowerIn(performance.now())
      return
    case 'close':
      close()
  }
})
