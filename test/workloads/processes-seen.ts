/** Processes as they are seen, from command lines as people write them. */
import type { ProcessSeen } from '../../exporter/src/model.ts'

export interface Written {
  readonly command: string | readonly string[]
  readonly comm?: string
  readonly environment?: Readonly<Record<string, string>>
}

/** @param lines a process, its parent and so on, the pids counting down from 100 */
export const chainOf = (...lines: readonly (string | Written)[]): readonly ProcessSeen[] =>
  lines.map((line, index) => seenOf(typeof line === 'string' ? { command: line } : line, 100 - index))

export function seenOf({ command, comm, environment = {} }: Written, pid: number): ProcessSeen {
  const argv = typeof command === 'string' ? command.split(' ') : command
  const name = (argv[0] ?? '').split('/').at(-1) ?? ''
  return {
    pid,
    startTicks: 1000 + pid,
    comm: comm ?? name.slice(0, 15),
    argv,
    variable: (wanted) => environment[wanted] ?? '',
  }
}
