/**
 * The strict parser of OpenMetrics that comes with Debian's python3-prometheus-client: it refuses what Prometheus itself
 * lets pass, such as families or label sets whose samples do not stand together.
 */
import { withProgram, type Library } from '../programs.ts'

/** Not the first python3 on the path: Debian's own has the package. */
const PYTHON = '/usr/bin/python3'

const LIBRARY: Library = {
  name: 'python3-prometheus-client',
  probe: ['-c', 'import prometheus_client.openmetrics.parser'],
}

const SCRIPT = `
import json, sys
from math import isfinite
from prometheus_client.openmetrics.parser import text_string_to_metric_families
page = sys.stdin.buffer.read().decode('utf-8')
try:
    families = list(text_string_to_metric_families(page))
except ValueError as refusal:
    sys.exit('refused: %s' % refusal)
print(json.dumps([
    {'name': f.name, 'type': f.type, 'unit': f.unit, 'help': f.documentation,
     'samples': [{'name': s.name, 'labels': s.labels, 'value': s.value if isfinite(s.value) else None}
                 for s in f.samples]}
    for f in families
]))
`

export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly unit: string
  readonly help: string
  readonly samples: readonly {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    /** Null for what JSON cannot say: NaN and the infinities. */
    readonly value: number | null
  }[]
}

/** @throws Error with the parser's own words when it refuses the page */
export type Parse = (page: string) => ParsedFamily[]

export function withStrictParser(title: string, body: (parse: Parse) => Promise<void> | void): void {
  withProgram(
    PYTHON,
    title,
    (run) =>
      body((page) => {
        const { status, output } = run(['-c', SCRIPT], page)
        if (status !== 0) throw new Error(output.trim())
        return JSON.parse(output) as ParsedFamily[]
      }),
    LIBRARY,
  )
}
