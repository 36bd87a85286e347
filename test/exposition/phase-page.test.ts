import { describe, expect, test } from '@jest/globals'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import { renderPhases } from '../../exporter/src/exposition/phase-page.ts'
import { seconds } from '../../exporter/src/units.ts'
import { withProgram } from '../programs.ts'
import { PhasePlay, processIn, serviceGroup } from '../workloads/phase-play.ts'
import { withStrictParser } from './strict-parser.ts'

/** A run of three seconds: one of loading, two of training with a report. */
function rendered(): { readonly text: string; readonly openMetrics: string } {
  const play = new PhasePlay()
  const rank = processIn(serviceGroup('train.service'), 7)
  play.born(rank)
  play.say(rank, 'run=start phase=load')
  play.tick(1, [rank])
  play.say(rank, 'phase=train step=2 samples=64')
  play.say(rank, 'phase=train/forward dur=0.25', 1)
  play.tick(1, [rank])
  play.say(rank, 'phase=train/forward dur=0.5', 1)
  play.tick(1, [rank])
  const writer = new PageWriter()
  renderPhases(writer, play.phases, seconds(play.at), seconds(1_790_000_000))
  const { text, openMetrics } = writer.finish()
  return { text: text.toString(), openMetrics: `${openMetrics.toString()}# EOF\n` }
}

const W = 'workload="train.service",namespace=""'

describe('phases on the page', () => {
  test('with their seconds, steps, samples and the start of the run', () => {
    const series = rendered()
      .text.split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(series).toEqual([
      `wattribute_workload_phase_seconds_total{${W},phase="load",basis="marked"} 1`,
      `wattribute_workload_phase_seconds_total{${W},phase="train",basis="marked"} 1.25`,
      `wattribute_workload_phase_seconds_total{${W},phase="train/forward",basis="reported"} 0.75`,
      `wattribute_workload_phase_timeline_seconds_total{${W},phase="load",basis="marked"} 1`,
      `wattribute_workload_phase_timeline_seconds_total{${W},phase="train",basis="marked"} 1.25`,
      `wattribute_workload_phase_timeline_seconds_total{${W},phase="train/forward",basis="reported"} 0.75`,
      `wattribute_workload_phase_steps_total{${W},phase="train"} 2`,
      `wattribute_workload_phase_steps_total{${W},phase="train/forward"} 2`,
      `wattribute_workload_phase_samples_total{${W},phase="train"} 64`,
      `wattribute_workload_run_start_timestamp_seconds{${W}} 1790000000`,
      'wattribute_open_marks 1',
      'wattribute_workload_phases_dropped_total 0',
    ])
  })

  test('are not there where nobody marks any', () => {
    const writer = new PageWriter()
    renderPhases(writer, new PhasePlay().phases, seconds(1), seconds(0))
    expect(writer.finish().text).toHaveLength(0)
  })

  withProgram('promtool', 'are what promtool takes', (run) => {
    expect(run(['check', 'metrics'], rendered().text)).toEqual({ status: 0, output: '' })
  })

  withStrictParser('are what a strict parser takes', (parse) => {
    const families = parse(rendered().openMetrics)
    expect(families.map(({ name }) => name)).toContain('wattribute_workload_phase_seconds')
  })
})
