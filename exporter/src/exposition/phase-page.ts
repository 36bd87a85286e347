/** Phases on the page: how long, how many steps and samples, and when the newest run began. */
import type { Seconds } from '../units.ts'
import type { PhaseRow } from '../workloads/phase-counts.ts'
import type { Phases } from '../workloads/phases.ts'
import { catalogue } from './catalogue.ts'
import type { PageWriter, Row } from './page.ts'

export function renderPhases(writer: PageWriter, phases: Phases, at: Seconds, startedWall: Seconds): void {
  const rows = Array.from(phases.counts.rows(at))
  if (rows.length === 0 && phases.openMarks === 0) return // nobody marks anything here
  const times = rows.filter(({ figure }) => figure === 'marked' || figure === 'reported')
  writer.table(catalogue.phaseSeconds, times.map(secondsRow))
  writer.table(
    catalogue.phaseTimeline,
    times.map((row) => secondsRow({ ...row, value: row.total })),
  )
  for (const [figure, metric] of [
    ['steps', catalogue.phaseSteps],
    ['samples', catalogue.phaseSamples],
  ] as const) {
    writer.table(metric, rows.filter((row) => row.figure === figure).map(countRow))
  }
  writer.table(
    catalogue.runStart,
    Array.from(phases.counts.runs(at), ({ workload, namespace, wall }) => ({
      labels: [workload, namespace],
      value: toMicroseconds(wall),
    })),
  )
  writer.table(catalogue.openMarks, [{ labels: [], value: phases.openMarks }])
  writer.table(catalogue.phasesDropped, [
    { labels: [], value: phases.counts.dropped, createdWall: startedWall },
  ])
}

const secondsRow = ({ workload, namespace, phase, figure, value, createdWall }: PhaseRow): Row => ({
  labels: [workload, namespace, phase, figure],
  value: toMicroseconds(value),
  createdWall,
})

const countRow = ({ workload, namespace, phase, value, createdWall }: PhaseRow): Row => ({
  labels: [workload, namespace, phase],
  value,
  createdWall,
})

/** Sums of many small numbers have digits that mean nothing. */
const toMicroseconds = (value: number): number => Math.round(value * 1e6) / 1e6
