/** Which time a panel looks at, as Grafana reckons it. Unix seconds; days and months are those of UTC. */

export interface Times {
  readonly start: number
  readonly end: number
}

export interface LookingAt {
  /** Of the dashboard, such as `now-24h`. */
  readonly from: string
  /** Of the panel, in place of it: `now/M` or `30d`. */
  readonly timeFrom: string | undefined
  /** How far the panel goes back from there: `1M`, or `1M/M` for all of that month. */
  readonly timeShift: string | undefined
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 7 * 86_400 }

/** @param now Unix seconds */
export function timesOf({ from, timeFrom, timeShift }: LookingAt, now: number): Times {
  const start = startOf(timeFrom ?? from, now)
  if (timeShift === undefined) return { start, end: now }
  if (timeShift === '1M') return { start: monthEarlier(start), end: monthEarlier(now) }
  if (timeShift === '1M/M') return { start: monthOf(monthEarlier(start)), end: monthOf(now) }
  const back = secondsOf(timeShift)
  return { start: start - back, end: now - back }
}

const startOf = (from: string, now: number): number =>
  from === 'now/M' ? monthOf(now) : now - secondsOf(from.replace(/^now-/, ''))

function secondsOf(time: string): number {
  const [, count, unit = ''] = /^(\d+)([mhdw])$/.exec(time) ?? []
  const seconds = Number(count) * (UNIT_SECONDS[unit] ?? NaN)
  if (Number.isNaN(seconds)) throw new Error(`the time ${time} is not understood`)
  return seconds
}

/** Its first second. */
function monthOf(time: number): number {
  const date = new Date(time * 1000)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / 1000
}

/** The same day and time of the month before, or its last day. */
export function monthEarlier(time: number): number {
  const date = new Date(time * 1000)
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 0)).getUTCDate()
  date.setUTCMonth(date.getUTCMonth() - 1, Math.min(date.getUTCDate(), lastDay))
  return date.getTime() / 1000
}
