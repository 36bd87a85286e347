import { type Part, PARTS } from '../model/parts'
import type { PartFigure, PartFigures, Row } from '../query-energy/row'

export const measured = (
  joulesPerQuery: number,
  changes: Partial<Extract<PartFigure, { state: 'measured' }>> = {},
) => ({ state: 'measured', joulesPerQuery, methods: ['counter'], missing: [], ...changes }) as const

export function row(
  workload: string,
  parts: Partial<Record<Part, PartFigure>>,
  changes: Partial<Row> = {},
): Row {
  return {
    key: workload,
    labels: { workload },
    parts: Object.fromEntries(
      PARTS.map((part) => [part, parts[part] ?? ({ state: 'not-measured' } as const)]),
    ) as unknown as PartFigures,
    queries: undefined,
    tokens: undefined,
    median: undefined,
    percentile95: undefined,
    earlier: undefined,
    cells: {},
    members: 1,
    ...changes,
  }
}
