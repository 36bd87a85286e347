/** One run of a program: words in a list and never a shell, output bounded, killed when its time is over. */
import { spawn } from 'node:child_process'
import { ANSWER_LIMIT, DeviceError } from './device.ts'

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Beside PATH: all that it gets of the environment. */
  readonly environment: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export type RunProgram = (program: string, words: readonly string[], options: RunOptions) => Promise<Ran>

/** @throws DeviceError when it cannot be started, says too much or has to be killed */
export const runProgram: RunProgram = (program, words, { environment, signal }) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new DeviceError(`${program} was not started in time`, SLOW))
      return
    }
    const path = process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'
    const child = spawn(program, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, so that what it has started ends with it
      env: { PATH: path, LC_ALL: 'C', ...environment },
    })
    let failure: DeviceError | undefined
    const kill = (why: DeviceError): void => {
      failure ??= why
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        child.kill('SIGKILL') // it has just ended
      }
    }
    const stop = (): void => kill(new DeviceError(`${program} did not end in time`, SLOW))
    signal.addEventListener('abort', stop, { once: true })
    let length = 0
    const collect = (chunks: Buffer[]) => (chunk: Buffer) => {
      length += chunk.length
      if (length > ANSWER_LIMIT)
        kill(new DeviceError(`${program} says more than ${ANSWER_LIMIT >> 20} MiB`, SLOW))
      else chunks.push(chunk)
    }
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', collect(stdout))
    child.stderr.on('data', collect(stderr))
    child.on('error', (cause: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', stop)
      reject(
        cause.code === 'ENOENT'
          ? new DeviceError(`${program} is not installed`, `install the package ${program}`)
          : new DeviceError(
              `${program} cannot be started (${cause.code ?? 'unknown'})`,
              `see whether ${program} runs`,
            ),
      )
    })
    child.on('close', (status) => {
      signal.removeEventListener('abort', stop)
      if (failure !== undefined) reject(failure)
      else resolve({ status, stdout: textOf(stdout), stderr: textOf(stderr) })
    })
  })

const SLOW = 'see whether the device answers others; `timeout_seconds` may be longer'

const textOf = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString()
