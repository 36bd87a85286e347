/** Programs beside the browser: their ports, their beginning and their end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ROOT } from './versions'

/** `wattribute demo` of the exporter that is built in this repository, at `host:port`. */
export async function startDemo(address: string): Promise<{ readonly close: () => Promise<void> }> {
  const cli = join(ROOT, '..', 'exporter', 'dist', 'cli.js')
  const child = spawn(process.execPath, [cli, 'demo', `--web.listen-address=${address}`], { stdio: 'ignore' })
  await eventually('the demo answers (is the exporter built?)', child, async () => {
    const { ok } = await fetch(`http://${address}/metrics`)
    return ok
  })
  return { close: () => ended(child) }
}

const TRIES = 1200
const PAUSE_MS = 100

/** Asks again until something holds, as long as the program runs that it depends on. */
export async function eventually(
  what: string,
  child: ChildProcess,
  holds: () => Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (child.exitCode !== null) throw new Error(`${what}: the program ended with ${child.exitCode}`)
    if (await holds().catch(() => false)) return
    await new Promise((later) => setTimeout(later, PAUSE_MS))
  }
  throw new Error(`does not come true: ${what}`)
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const end = new Promise((done) => child.once('exit', done))
  child.kill()
  await end
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
