/** The flags of `wattribute demo`. */
import { UsageError, type Setting } from './usage-error.ts'

export interface DemoFlags {
  /** Where days of history are written in place of serving; undefined: nowhere, it serves. */
  readonly historyPath: string | undefined
  /** Before now; 1 to 30. */
  readonly historyDays: number
}

const MOST_DAYS = 30

export const DEMO_FLAGS = [
  {
    name: 'demo.history-path',
    value: 'FILE',
    default: '',
    sentence:
      'Write what the simulated machine would have shown in the last days, as OpenMetrics for `promtool tsdb create-blocks-from openmetrics`, and end.',
    only: 'demo',
  },
  {
    name: 'demo.history-days',
    value: 'DAYS',
    default: '2',
    sentence: `How many days of it, 1 to ${MOST_DAYS}.`,
    only: 'demo',
  },
] as const

/** @throws UsageError */
export function demoFlagsOf(valueOf: (name: (typeof DEMO_FLAGS)[number]['name']) => Setting): DemoFlags {
  const { text, from } = valueOf('demo.history-days')
  const days = Number(text)
  if (!/^\d+$/.test(text) || days < 1 || days > MOST_DAYS)
    throw new UsageError(`${from}: ${text} is no number of days from 1 to ${MOST_DAYS}`)
  return { historyPath: valueOf('demo.history-path').text || undefined, historyDays: days }
}
