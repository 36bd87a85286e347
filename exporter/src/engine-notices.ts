/** What an operator should read once of the engine. */
import type { Books, FormerBooks } from './books.ts'
import type { SensorStatus } from './model.ts'
import type { Silence } from './names/names.ts'
import type { QueriesNotice } from './queries/queries.ts'
import type { Seconds } from './units.ts'

/** Told once, not at every tick. */
export interface Notice {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, string | number>>
}

export const misfit = (what: string, reason: string): Notice => ({
  level: 'error',
  message: `${what} cannot be used and is begun anew`,
  fields: { reason },
})

export function resumedNotice({ resumed }: Books, { state, changes }: FormerBooks, wall: Seconds): Notice {
  const last = changes.at(-1)?.wall ?? state.wall
  return {
    level: 'info',
    message:
      resumed === undefined
        ? 'the books of an earlier run are kept; the figures on the page begin at 0'
        : 'the books of an earlier run go on',
    fields: { seconds_since: Math.round(wall - last) },
  }
}

export function noticeOf({ name, state, reason, advice }: SensorStatus): Notice {
  const fields = {
    sensor: name,
    state,
    ...(reason === '' ? {} : { reason }),
    ...(advice === '' ? {} : { advice }),
  }
  const level = state === 'failed' ? 'warn' : 'info'
  return { level, message: 'sensor changed its state', fields }
}

export const silenceNotice = ({ address, reason }: Silence): Notice => ({
  level: 'warn',
  message: 'nobody says what containers are called here: they are shown by what their cgroup says',
  fields: { address, reason },
})

export const lostMarksNotice = (marks: number): Notice => ({
  level: 'warn',
  message: 'more processes mark their phases than can be kept apart: what the others say is lost',
  fields: { marks },
})

export const queryNotice = ({ url, reason }: QueriesNotice): Notice => ({
  level: 'warn',
  message: 'the queries of an inference server are not counted, or not all of them',
  fields: { url, reason },
})

export const conservationNotice = (error: bigint): Notice[] =>
  error === 0n
    ? []
    : [
        {
          level: 'error',
          message: 'the books do not balance: please report this with /api/v1/ledger',
          fields: { microjoules: Number(error) },
        },
      ]
