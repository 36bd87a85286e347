/** What blocks and phases say in words. */
import { dateTimeFormat, type GrafanaTheme2 } from '@grafana/data'
import type { TimeZone } from '@grafana/schema'
import { openPattern, phaseColour } from '../components/colours'
import type { TooltipContent, TooltipLine } from '../components/Tooltip'
import { durationText, type JoulesDisplay } from '../model/display'
import type { Edge } from './edges'
import type { Lane, LaneBlock } from './lanes'

export interface PhaseDisplays {
  readonly energy: JoulesDisplay
  readonly watts: (watts: number) => string
  readonly timeZone: TimeZone
  readonly theme: GrafanaTheme2
}

export const phaseName = (phase: string | undefined): string =>
  phase === undefined || phase === '' ? 'untracked' : phase

export function blockLabels(block: LaneBlock, { energy }: PhaseDisplays): readonly string[] {
  const about = block.aboutJoules === undefined ? undefined : `≈ ${energy.text(block.aboutJoules)}`
  const name = phaseName(block.phase)
  return about === undefined ? [name] : [`${name} ${about}`, about, name]
}

/** Names of a lane, the fullest first: a run is known by its beginning. */
export function laneNames(lane: Lane, { timeZone }: PhaseDisplays): readonly string[] {
  const began = (format: string) =>
    lane.runStart === undefined ? '' : `run of ${dateTimeFormat(lane.runStart, { timeZone, format })}`
  const joined = (...words: readonly string[]) => words.filter(Boolean).join(' · ')
  return [
    joined(lane.name, lane.detail, began('YYYY-MM-DD HH:mm:ss')),
    joined(lane.name, began('HH:mm')),
    lane.name,
  ]
}

export const laneTitle = (lane: Lane, displays: PhaseDisplays): string =>
  laneNames(lane, displays)[0] ?? lane.name

export function blockTooltip(lane: Lane, block: LaneBlock, displays: PhaseDisplays): TooltipContent {
  return {
    title: laneTitle(lane, displays),
    lines: [{ ...phaseLine(block, displays), active: true }],
    notes: [edgeWords('from', block.from, displays), endWords(block, displays)],
  }
}

/** All lanes at one time. */
export function timeTooltip(
  lanes: readonly Lane[],
  at: number,
  active: Lane | undefined,
  displays: PhaseDisplays,
): TooltipContent {
  return {
    title: clock(at, displays),
    lines: lanes.flatMap((lane) => {
      const block = lane.blocks.find((one) => at >= one.from.at && at < one.to.at)
      if (block === undefined) return []
      const watts = nearest(lane, at)
      return [
        {
          ...phaseLine(block, displays),
          label: `${lane.name}: ${phaseName(block.phase)}`,
          active: lane === active,
          ...(watts === undefined ? {} : { note: `mean power ${displays.watts(watts)}` }),
        },
      ]
    }),
    notes: [],
  }
}

function phaseLine(block: LaneBlock, { energy, theme }: PhaseDisplays): TooltipLine {
  const seconds = (block.to.at - block.from.at) / 1000
  const about = block.aboutJoules === undefined ? '' : `, about ${energy.text(block.aboutJoules)}`
  return {
    label: phaseName(block.phase),
    value: durationText(seconds) + about,
    ...(block.phase === undefined
      ? { pattern: openPattern(theme) }
      : { colour: phaseColour(block.phase, theme) }),
  }
}

function endWords(block: LaneBlock, displays: PhaseDisplays): string {
  return block.open ? 'goes on now' : edgeWords('to', block.to, displays)
}

function edgeWords(word: 'from' | 'to', edge: Edge, displays: PhaseDisplays): string {
  if (edge.cut) return `${word} ${word === 'from' ? 'before' : 'beyond'} what is looked at`
  const known = edge.uncertaintyMs > 0 ? ` ± ${durationText(edge.uncertaintyMs / 1000)}` : ''
  return `${word} ${clock(edge.at, displays)}${known}`
}

const clock = (at: number, { timeZone }: PhaseDisplays): string =>
  dateTimeFormat(at, { timeZone, format: 'YYYY-MM-DD HH:mm:ss' })

export function nearest({ power }: Lane, at: number): number | undefined {
  let best: { distance: number; watts: number } | undefined
  for (const point of power) {
    const distance = Math.abs(point.at - at)
    if (point.watts !== null && (best === undefined || distance < best.distance))
      best = { distance, watts: point.watts }
  }
  return best?.watts
}
