import { css } from '@emotion/css'
import type { GrafanaTheme2 } from '@grafana/data'
import { useStyles2 } from '@grafana/ui'
import React, { useRef, useState } from 'react'
import { Linked, linksOf } from '../components/Linked'
import { spoken } from '../components/Tooltip'
import { blockTooltip, type PhaseDisplays } from './describe'
import type { Range } from './blocks'
import type { Lane } from './lanes'
import type { Layout } from './layout'
import type { PointedBlock } from './Timeline'

interface Props {
  readonly lanes: readonly Lane[]
  readonly layout: Layout
  readonly range: Range
  readonly displays: PhaseDisplays
  readonly plot: { readonly left: number; readonly width: number }
  readonly onPoint: (pointed: PointedBlock | undefined) => void
  readonly onZoom: (range: { from: number; to: number }) => void
}

/** The blocks for keyboard and screen reader: an element over each, of which one per lane can be tabbed to. */
export function LaneKeys(props: Props) {
  return (
    <>
      {props.lanes.map((lane, index) => (
        <LaneOfKeys {...props} key={lane.key} lane={lane} index={index} />
      ))}
    </>
  )
}

/** More elements than this would cost more than they tell; the table has the totals of all. */
const MOST = 300

function LaneOfKeys({
  lane,
  index,
  layout,
  range,
  displays,
  plot,
  onPoint,
  onZoom,
}: Props & { lane: Lane; index: number }) {
  const styles = useStyles2(getStyles)
  const [active, setActive] = useState(0)
  const group = useRef<HTMLDivElement>(null)
  const box = layout.lanes[index]
  if (box === undefined || lane.blocks.length === 0) return null
  const blocks = lane.blocks.slice(0, MOST)
  const current = Math.min(active, blocks.length - 1)
  const x = (at: number) => plot.left + ((at - range.from) / (range.to - range.from)) * plot.width

  const onKeyDown = (event: React.KeyboardEvent) => {
    const block = blocks[current]
    if (event.key === 'z' && block !== undefined) onZoom({ from: block.from.at, to: block.to.at })
    if (event.key === 'Escape') onPoint(undefined)
    const next = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: blocks.length - 1 }[
      event.key
    ]
    if (next === undefined || blocks[next] === undefined) return
    event.preventDefault()
    group.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(`${lane.key}|${next}`)}"]`)?.focus()
  }
  return (
    <div
      ref={group}
      role="group"
      aria-label={`${lane.name}, arrow keys move, z zooms to a block`}
      onKeyDown={onKeyDown}
    >
      {blocks.map((block, at) => {
        const left = Math.max(x(block.from.at), plot.left)
        const right = Math.min(x(block.to.at), plot.left + plot.width)
        const links = at === current || blocks.length < 50 ? linksOf(lane.cellAt(block)) : []
        return (
          <Linked
            key={`${block.phase ?? ''}@${block.from.at}`}
            links={links}
            className={styles.key}
            style={{ left, top: box.blockTop, width: Math.max(2, right - left), height: box.blockHeight }}
            tabIndex={at === current ? 0 : -1}
            data-id={`${lane.key}|${at}`}
            aria-label={spoken(blockTooltip(lane, block, displays))}
            onFocus={(event) => {
              setActive(at)
              const rect = event.currentTarget.getBoundingClientRect()
              const time = (block.from.at + block.to.at) / 2
              if (event.currentTarget.matches(':focus-visible'))
                onPoint({ lane, block: at, time, at: { x: rect.left + rect.width / 2, y: rect.bottom } })
            }}
            onBlur={() => onPoint(undefined)}
          />
        )
      })}
    </div>
  )
}

const getStyles = (theme: GrafanaTheme2) => ({
  key: css({
    position: 'absolute',
    padding: 0,
    border: 0,
    background: 'transparent',
    pointerEvents: 'none',
    '&:focus-visible': { outline: `2px solid ${theme.colors.text.maxContrast}`, outlineOffset: 1 },
  }),
})
