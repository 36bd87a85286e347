/** The flags of `wattribute demo`. */
import { UsageError, type Setting } from './usage-error.ts'

/** Past time of the simulated machine, to be written down in place of serving. */
export interface DemoHistory {
  readonly historyPath: string
  /** Up to now. */
  readonly historySeconds: number
}

/** What rules would have recorded in that time, to be put into the Prometheus that has it. */
export interface DemoRecording {
  /** Of the Prometheus, without a path. */
  readonly url: string
  /** Up to when it was started. */
  readonly historySeconds: number
}

export interface DemoFlags {
  /** Undefined: it serves. */
  readonly history: DemoHistory | undefined
  /** Undefined as well: it serves. */
  readonly recording: DemoRecording | undefined
}

const UNIT_SECONDS = { h: 3600, d: 86_400 } as const
const MOST_SECONDS = 60 * UNIT_SECONDS.d

export const DEMO_FLAGS = [
  {
    name: 'demo.history-path',
    value: 'FILE',
    default: '',
    sentence:
      'Write what the simulated machine would have shown up to now, as OpenMetrics for `promtool tsdb create-blocks-from openmetrics`, and end.',
    only: 'demo',
  },
  {
    name: 'demo.history-length',
    value: 'TIME',
    default: '2d',
    sentence: 'How much of it, in hours or days such as `36h` or `2d`, at most `60d`.',
    only: 'demo',
  },
  {
    name: 'demo.record-url',
    value: 'URL',
    default: '',
    sentence:
      'Put what the recording rules would have said of that time into the Prometheus at this address, which has the history and takes late samples by remote write (docs/guides/demo.md), and end.',
    only: 'demo',
  },
] as const

/** @throws UsageError */
export function demoFlagsOf(valueOf: (name: (typeof DEMO_FLAGS)[number]['name']) => Setting): DemoFlags {
  const { text, from } = valueOf('demo.history-length')
  const [, count = '', unit = ''] = /^(\d{1,4})([hd])$/.exec(text) ?? []
  const length = Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS]
  if (!(length > 0 && length <= MOST_SECONDS))
    throw new UsageError(`${from}: ${text} is no time such as 36h or 2d, from 1h to 60d`)
  const path = valueOf('demo.history-path').text
  const record = valueOf('demo.record-url')
  if (path !== '' && record.text !== '')
    throw new UsageError(`${record.from}: write the history first, and record when Prometheus has it`)
  if (record.text !== '' && !/^https?:\/\/[^/]+\/?$/.test(record.text))
    throw new UsageError(`${record.from}: ${record.text} is no address such as http://localhost:9090`)
  return {
    history: path === '' ? undefined : { historyPath: path, historySeconds: length },
    recording:
      record.text === '' ? undefined : { url: record.text.replace(/\/$/, ''), historySeconds: length },
  }
}
