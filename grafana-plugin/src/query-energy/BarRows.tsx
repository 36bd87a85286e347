import { css, cx } from '@emotion/css'
import type { GrafanaTheme2 } from '@grafana/data'
import { useStyles2 } from '@grafana/ui'
import React, { useMemo, useRef, useState } from 'react'
import { estimatedPattern, openPattern } from '../components/colours'
import { Linked, linksOf } from '../components/Linked'
import { spoken } from '../components/Tooltip'
import { percentText } from '../model/display'
import type { Part } from '../model/parts'
import { inUnit } from '../model/quantity'
import { ticks } from './axis'
import type { Bar, Segment } from './bars'
import { countWords, differenceWords, type Displays, openText, tooltipOf } from './describe'
import type { Pointed } from './QueryEnergy'

interface Props {
  readonly bars: readonly Bar[]
  /** Joules at the end of the axis. */
  readonly reach: number
  readonly parts: readonly Part[]
  readonly percent: boolean
  /** The end of the axis that users set, in the unit that is shown. */
  readonly max: number | undefined
  readonly caption: string
  readonly width: number
  readonly height: number
  readonly displays: Displays
  readonly pointed: Pointed | undefined
  readonly onPoint: (pointed: Pointed | undefined) => void
}

/** Below this width, names stand above their bars. */
const NARROW = 420
/** Each part without a figure gets this much at the end of its bar, in pixels. */
const OPEN_WIDTH = 22

export function BarRows(props: Props) {
  const { bars, reach, percent, max, caption, width, height, displays, pointed, onPoint } = props
  const styles = useStyles2(getStyles)
  const [active, setActive] = useState('')
  const list = useRef<HTMLUListElement>(null)
  const narrow = width < NARROW
  const end = endOfAxis(reach, max, displays)
  const openRoom = Math.max(0, ...bars.map((bar) => bar.open.length)) * OPEN_WIDTH
  const columns = narrow ? undefined : `${Math.min(240, width * 0.24)}px 1fr ${Math.min(170, width * 0.26)}px`
  const showAxis = !narrow && height > 120
  const room = (height - (height > 90 ? 20 : 0) - (showAxis ? 20 : 0)) / Math.max(1, bars.length)
  const tall = Math.round(Math.min(narrow ? 26 : 40, Math.max(14, room - (narrow ? 46 : 16))))
  const marks = useMemo(
    () => ticks(percent ? 1 : displays.total.figure(end), width > 700 ? 6 : 3),
    [percent, displays, end, width],
  )
  const first = bars[0] && idOf(bars[0], bars[0].segments[0]?.part ?? bars[0].open[0]?.part)
  const current = bars.some((bar) => idsOf(bar).includes(active)) ? active : first

  const move = (event: React.KeyboardEvent) => {
    const next = neighbour(bars, current ?? '', event.key)
    if (event.key === 'Escape') onPoint(undefined)
    if (next === undefined) return
    event.preventDefault()
    list.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(next)}"]`)?.focus()
  }

  return (
    <>
      {height > 90 && width > 300 && <Caption text={caption} bars={bars} displays={displays} />}
      <ul ref={list} className={styles.list} aria-label={caption} onKeyDown={move}>
        {bars.map((bar) => (
          <li
            key={bar.key}
            className={narrow ? styles.narrowRow : styles.row}
            style={{ gridTemplateColumns: columns }}
          >
            <div className={styles.name}>
              <div className={styles.ellipsis} title={bar.name}>
                {bar.name}
              </div>
              <Detail bar={bar} lines={tall >= 36 ? 2 : 1} />
            </div>
            <Total bar={bar} displays={displays} narrow={narrow} />
            <Track
              {...props}
              bar={bar}
              end={percent ? (bar.joules ?? 1) : end}
              openRoom={openRoom}
              tall={tall}
              gridAt={showAxis ? marks.map((mark) => mark / (percent ? 1 : displays.total.figure(end))) : []}
              current={current}
              isPointed={pointed?.bar.key === bar.key}
              onActive={setActive}
            />
          </li>
        ))}
      </ul>
      {showAxis && (
        <div className={styles.row} style={{ gridTemplateColumns: columns }} aria-hidden>
          <div />
          <div className={styles.axis} style={{ marginRight: openRoom, gridColumn: 2 }}>
            {marks.map((mark) => (
              <span
                key={mark}
                className={styles.tick}
                style={{ left: `${(mark / (percent ? 1 : displays.total.figure(end))) * 100}%` }}
              >
                {percent ? percentText(mark) : displays.total.text(mark * inUnitFactor(displays))}
              </span>
            ))}
          </div>
        </div>
      )}
    </>
  )
}

interface CaptionProps {
  readonly text: string
  readonly bars: readonly Bar[]
  readonly displays: Displays
}

/** What is shown, and what the patterns and lines mean that are there. */
function Caption({ text, bars, displays: { theme } }: CaptionProps) {
  const styles = useStyles2(getStyles)
  const some = (test: (bar: Bar) => boolean) => bars.some(test)
  const estimated = some(({ segments }) => segments.some((segment) => segment.estimated))
  const partly = some(({ segments }) => segments.some(({ missing }) => missing.length > 0))
  const open = some((bar) => bar.open.length > 0)
  const names = [...new Set(bars.flatMap(({ marks }) => marks.map(({ name }) => name)))]
  return (
    <div className={styles.caption}>
      <span>{text}</span>
      {estimated && (
        <span className={styles.key}>
          <span
            className={styles.swatch}
            style={{ backgroundColor: theme.colors.text.secondary, backgroundImage: estimatedPattern(theme) }}
          />
          estimated
        </span>
      )}
      {partly && (
        <span className={styles.key}>
          <span className={styles.swatch} style={{ backgroundColor: theme.colors.text.secondary }}>
            <span className={styles.partly} />
          </span>
          partly measured
        </span>
      )}
      {open && (
        <span className={styles.key}>
          <span className={cx(styles.swatch, styles.openSwatch)}>?</span>
          no figure
        </span>
      )}
      {names.map((name) => (
        <span key={name} className={styles.key}>
          <span className={cx(styles.keyLine, name === 'median' ? styles.median : styles.percentile)} />
          {name}
        </span>
      ))}
    </div>
  )
}

/** The number of queries comes first where there is one line: it must not be cut off. */
function Detail({ bar, lines }: { readonly bar: Bar; readonly lines: 1 | 2 }) {
  const styles = useStyles2(getStyles)
  const counted = countWords(bar)
  const texts = lines === 2 ? [bar.detail, counted] : [[counted, bar.detail].filter(Boolean).join(' · ')]
  return texts.filter(Boolean).map((text) => (
    <div key={text} className={cx(styles.quiet, styles.ellipsis)} title={text}>
      {text}
    </div>
  ))
}

/** Joules in one of the unit that is shown. */
const inUnitFactor = ({ total }: Displays): number => 1 / inUnit(1, total.unit)

const endOfAxis = (reach: number, max: number | undefined, displays: Displays): number =>
  max !== undefined && max > 0 ? max * inUnitFactor(displays) : reach * 1.02

const idOf = (bar: Bar, part: Part | undefined): string => `${bar.key}|${part ?? ''}`
const idsOf = (bar: Bar): readonly string[] =>
  [...bar.segments, ...bar.open].map(({ part }) => idOf(bar, part))

/** Where an arrow key leads: along a bar, or to the same part of the next one. */
export function neighbour(bars: readonly Bar[], from: string, key: string): string | undefined {
  const row = bars.findIndex((bar) => idsOf(bar).includes(from))
  const ids = (index: number) => (bars[index] ? idsOf(bars[index]) : [])
  const column = ids(row).indexOf(from)
  const clamp = (list: readonly string[]) => list[Math.min(column, list.length - 1)]
  switch (key) {
    case 'ArrowRight':
      return ids(row)[column + 1]
    case 'ArrowLeft':
      return ids(row)[column - 1]
    case 'ArrowDown':
      return clamp(ids(row + 1))
    case 'ArrowUp':
      return clamp(ids(row - 1))
    case 'Home':
      return ids(0)[0]
    case 'End':
      return ids(bars.length - 1)[0]
    default:
      return undefined
  }
}

function Total({
  bar,
  displays,
  narrow,
}: {
  readonly bar: Bar
  readonly displays: Displays
  readonly narrow: boolean
}) {
  const styles = useStyles2(getStyles)
  const value = bar.joules === undefined ? undefined : displays.total.value(bar.joules)
  const coloured = displays.thresholds ? value?.color : undefined
  const difference = differenceWords(bar, displays)
  return (
    <div className={cx(styles.total, narrow && styles.narrowTotal)}>
      <div className={cx(styles.figure, styles.ellipsis)}>
        {coloured !== undefined && (
          <span className={styles.threshold} style={{ backgroundColor: coloured }} />
        )}
        {bar.joules === undefined ? displays.noFigure : displays.total.text(bar.joules)}
        {difference !== '' && (
          <span
            className={bar.difference && bar.difference.joules > 0 ? styles.more : styles.less}
            title={difference}
          >
            {' '}
            {difference.replace(/ \(.*/, '')}
          </span>
        )}
      </div>
      <div className={cx(styles.quiet, styles.ellipsis)} title={bar.scope}>
        {bar.joules === undefined ? '' : bar.scope}
      </div>
    </div>
  )
}

interface TrackProps extends Omit<Props, 'bars'> {
  readonly bar: Bar
  readonly end: number
  readonly openRoom: number
  /** Of the bar, in pixels. */
  readonly tall: number
  readonly gridAt: readonly number[]
  readonly current: string | undefined
  readonly isPointed: boolean
  readonly onActive: (id: string) => void
}

function Track(props: TrackProps) {
  const { bar, end, openRoom, tall, gridAt, displays, isPointed, onPoint } = props
  const styles = useStyles2(getStyles)
  const room = (share: number) => `calc((100% - ${openRoom}px) * ${Math.min(1, share)})`
  return (
    <div
      className={styles.track}
      style={{ height: tall + 6 }}
      onMouseMove={(event) => onPoint({ bar, part: undefined, at: { x: event.clientX, y: event.clientY } })}
      onMouseLeave={() => onPoint(undefined)}
    >
      {gridAt.map((at) => (
        <span key={at} className={styles.gridline} style={{ left: room(at) }} aria-hidden />
      ))}
      <div className={cx(styles.bar, isPointed && styles.pointedBar)}>
        {bar.segments.map((segment) => (
          <Piece
            {...props}
            key={segment.part}
            part={segment.part}
            style={{
              width: room(end > 0 ? segment.joules / end : 0),
              backgroundColor: displays.colour(segment.part),
              ...(segment.estimated ? { backgroundImage: estimatedPattern(displays.theme) } : {}),
            }}
            className={styles.segment}
          >
            {segment.missing.length > 0 && <Partly segment={segment} />}
          </Piece>
        ))}
        {bar.open.map((one) => (
          <Piece
            {...props}
            key={one.part}
            part={one.part}
            style={{
              width: OPEN_WIDTH,
              backgroundImage: openPattern(displays.theme),
              borderColor: displays.colour(one.part),
            }}
            className={styles.open}
          >
            <span aria-hidden title={`${one.part}: ${openText(one)}`}>
              ?
            </span>
          </Piece>
        ))}
      </div>
      {bar.marks.map(({ name, joules }) => (
        <span
          key={name}
          data-mark={name}
          className={cx(styles.mark, name === 'median' ? styles.median : styles.percentile)}
          style={{ left: room(end > 0 ? joules / end : 0) }}
          title={`${name}: ${displays.total.text(joules)}`}
        />
      ))}
    </div>
  )
}

/** A part that lacks some of its components ends open. */
function Partly({ segment }: { readonly segment: Segment }) {
  const styles = useStyles2(getStyles)
  return <span className={styles.partly} aria-hidden title={`missing: ${segment.missing.join(', ')}`} />
}

interface PieceProps extends TrackProps {
  readonly part: Part
  readonly style: React.CSSProperties
  readonly className: string
  readonly children?: React.ReactNode
}

function Piece({ bar, part, style, className, children, displays, current, onPoint, onActive }: PieceProps) {
  const element = useRef<HTMLElement>(null)
  const id = idOf(bar, part)
  return (
    <Linked
      links={linksOf(bar.row.cells[part])}
      elementRef={element}
      className={className}
      style={style}
      tabIndex={id === current ? 0 : -1}
      data-id={id}
      aria-label={spoken(tooltipOf(bar, part, true, displays))}
      onFocus={() => {
        onActive(id)
        const rect = element.current?.getBoundingClientRect()
        // a click points already
        if (rect && element.current?.matches(':focus-visible'))
          onPoint({ bar, part, at: { x: rect.left + rect.width / 2, y: rect.bottom } })
      }}
      onBlur={() => onPoint(undefined)}
      onMouseMove={(event) => {
        event.stopPropagation()
        onPoint({ bar, part, at: { x: event.clientX, y: event.clientY } })
      }}
      onMouseLeave={() => onPoint(undefined)}
    >
      {children}
    </Linked>
  )
}

const getStyles = (theme: GrafanaTheme2) => {
  const row = {
    display: 'grid',
    alignItems: 'center',
    columnGap: theme.spacing(1),
    padding: theme.spacing(0.25, 0.5),
  }
  const focus = {
    '&:focus-visible': { outline: `2px solid ${theme.colors.text.maxContrast}`, outlineOffset: 1, zIndex: 1 },
  }
  const piece = {
    position: 'relative',
    height: '100%',
    padding: 0,
    border: 0,
    minWidth: 0,
    flexShrink: 0,
    ...focus,
  } as const
  return {
    caption: css({
      ...theme.typography.bodySmall,
      flexShrink: 0,
      color: theme.colors.text.secondary,
      padding: theme.spacing(0, 0.5),
      display: 'flex',
      flexWrap: 'wrap',
      columnGap: theme.spacing(2),
    }),
    key: css({ display: 'inline-flex', alignItems: 'center', gap: theme.spacing(0.5), whiteSpace: 'nowrap' }),
    keyLine: css({ height: 14, width: 0 }),
    swatch: css({ position: 'relative', width: 18, height: 12, borderRadius: 2 }),
    openSwatch: css({
      border: `1px dashed ${theme.colors.text.secondary}`,
      textAlign: 'center',
      lineHeight: '10px',
    }),
    list: css({ listStyle: 'none', margin: 0, padding: 0, flex: '0 1 auto', minHeight: 0, overflow: 'auto' }),
    row: css(row),
    narrowRow: css({
      ...row,
      gridTemplateColumns: 'minmax(0, 1fr) auto',
      '& > :last-child': { gridColumn: '1 / -1' },
    }),
    name: css({ ...theme.typography.bodySmall, minWidth: 0, lineHeight: 1.3 }),
    ellipsis: css({ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }),
    quiet: css({ color: theme.colors.text.secondary }),
    total: css({
      ...theme.typography.bodySmall,
      gridColumn: 3,
      gridRow: 1,
      minWidth: 0,
      lineHeight: 1.3,
      fontVariantNumeric: 'tabular-nums',
    }),
    narrowTotal: css({ gridColumn: 2, textAlign: 'right' }),
    threshold: css({
      display: 'inline-block',
      width: 8,
      height: 8,
      borderRadius: '50%',
      marginRight: theme.spacing(0.5),
    }),
    figure: css({ fontWeight: theme.typography.fontWeightMedium }),
    more: css({ color: theme.colors.error.text }),
    less: css({ color: theme.colors.success.text }),
    track: css({ position: 'relative', gridColumn: 2, minWidth: 0 }),
    bar: css({
      position: 'relative',
      display: 'flex',
      alignItems: 'stretch',
      gap: 1,
      height: 'calc(100% - 6px)',
      top: 3,
    }),
    pointedBar: css({ filter: 'brightness(1.08)' }),
    segment: css({ ...piece, '&:first-of-type': { borderRadius: '2px 0 0 2px' } }),
    open: css({
      ...piece,
      marginLeft: 2,
      border: '1px dashed',
      borderRadius: 2,
      background: 'transparent',
      color: theme.colors.text.primary,
      fontSize: theme.typography.bodySmall.fontSize,
      lineHeight: 1,
      textDecoration: 'none',
    }),
    partly: css({
      position: 'absolute',
      inset: '0 0 0 auto',
      width: 6,
      background: `repeating-linear-gradient(180deg, ${theme.colors.background.primary} 0 3px, transparent 3px 6px)`,
    }),
    mark: css({ position: 'absolute', top: 0, bottom: 0, width: 0, pointerEvents: 'none' }),
    median: css({ borderLeft: `2px solid ${theme.colors.text.maxContrast}` }),
    percentile: css({ borderLeft: `2px dashed ${theme.colors.text.maxContrast}` }),
    gridline: css({
      position: 'absolute',
      top: -3,
      bottom: -3,
      width: 1,
      background: theme.colors.border.weak,
    }),
    axis: css({ position: 'relative', height: 18, minWidth: 0 }),
    tick: css({
      ...theme.typography.bodySmall,
      position: 'absolute',
      transform: 'translateX(-50%)',
      color: theme.colors.text.secondary,
      whiteSpace: 'nowrap',
      '&:first-of-type': { transform: 'none' },
    }),
  }
}
