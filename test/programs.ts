/**
 * Tests that need a real program, or root. `npm test` installs programs where it can; elsewhere the test is skipped
 * and says why. With CI=true nothing may be skipped.
 */
import { describe, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'

/** Whether a word is the name of a program that can be started. */
function pathOf(program: string): string | undefined {
  const { stdout, status } = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

const reasonFor = (program: string): string => `skipped: ${program} is not installed`

/** A library that a program needs, and words that make it fail without. */
export interface Library {
  readonly name: string
  readonly probe: readonly string[]
}

/** Why a program cannot be run; nothing when it can. */
function obstacle(program: string, library: Library | undefined): string | undefined {
  const path = pathOf(program)
  if (path === undefined) return reasonFor(program)
  if (library === undefined || spawnSync(path, library.probe).status === 0) return undefined
  return reasonFor(library.name)
}

export interface Ran {
  readonly status: number | null
  /** Both outputs together. */
  readonly output: string
}

export type Run = (words: readonly string[], input: string) => Ran

/** A test that runs a program over some input. */
export function withProgram(
  program: string,
  title: string,
  body: (run: Run) => Promise<void> | void,
  library?: Library,
): void {
  const reason = obstacle(program, library)
  if (reason !== undefined) {
    leaveOut(title, reason)
    return
  }
  test(title, async () => {
    await body((words, input) => {
      const { status, stdout, stderr } = spawnSync(program, words, {
        input,
        encoding: 'utf8',
        timeout: 60_000,
        maxBuffer: 1 << 28,
      })
      return { status, output: `${stdout}${stderr}` }
    })
  })
}

/** A suite around a program that runs for longer. */
export function requireProgram(
  program: string,
  title: string,
  suite: (path: string) => void,
  needs: { readonly root?: boolean } = {},
): void {
  const path = pathOf(program)
  const reason = path === undefined ? reasonFor(program) : needs.root === true ? whyNotRoot() : undefined
  if (path !== undefined && reason === undefined) describe(title, () => suite(path))
  else leaveOut(title, reason ?? '')
}

/** A test that changes mounts or control groups. */
export function asRoot(title: string, body: () => Promise<void>): void {
  const reason = whyNotRoot()
  if (reason === undefined) test(title, body)
  else leaveOut(title, reason)
}

const whyNotRoot = (): string | undefined =>
  process.getuid?.() === 0 ? undefined : 'skipped: it takes root to set up'

function leaveOut(title: string, reason: string): void {
  if (process.env['CI'] === 'true') {
    test(title, () => {
      throw new Error(reason)
    })
  } else test.skip(`${title} (${reason})`, () => undefined)
}
