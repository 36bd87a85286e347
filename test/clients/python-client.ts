/** The Python module as scripts import it, from its folder. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { deadline } from '../e2e/deadline.ts'

export const PYTHON_FOLDER = fileURLToPath(new URL('../../clients/python', import.meta.url))
/** Nothing is written into the folder. */
export const PYTHON_ENV = { PYTHONPATH: PYTHON_FOLDER, PYTHONDONTWRITEBYTECODE: '1' }

/** A script that does what it is told: each line of its input is run, and answered by `done`. */
const OBEDIENT = `
import sys, wattribute
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
`

export class PythonClient {
  readonly child: ChildProcess
  readonly #answers: AsyncIterator<string>
  readonly #reader: Interface

  constructor(python: string, socket: string) {
    this.child = spawn(python, ['-c', OBEDIENT], {
      env: { ...process.env, ...PYTHON_ENV, WATTRIBUTE_MARKS_SOCKET: socket },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    if (this.child.stdout === null) throw new Error('the script has no output')
    this.#reader = createInterface(this.child.stdout)
    this.#answers = this.#reader[Symbol.asyncIterator]()
  }

  /** @returns once the statement has returned */
  async run(statement: string): Promise<void> {
    this.child.stdin?.write(`${statement}\n`)
    const answer = await deadline(this.#answers.next(), 30, () => `no answer to ${statement}`)
    if (answer.value !== 'done') throw new Error(`${statement}: ${String(answer.value)}`)
  }

  /** @returns its exit code */
  async end(): Promise<number | null> {
    if (this.child.exitCode === null) {
      const exited = once(this.child, 'exit')
      this.child.stdin?.end()
      await deadline(exited, 30, () => 'the script does not end')
    }
    this.#reader.close()
    return this.child.exitCode
  }
}
