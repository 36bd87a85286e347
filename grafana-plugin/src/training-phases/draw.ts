/** Draws lanes on the canvas of a plot. Positions are physical pixels. */
import type { GrafanaTheme2 } from '@grafana/data'
import type { Edge } from './edges'
import type { Lane, LaneBlock } from './lanes'
import { certain, fitting, type Layout } from './layout'

export interface Canvas {
  readonly ctx: CanvasRenderingContext2D
  /** Physical pixels per CSS pixel. */
  readonly ratio: number
  readonly left: number
  readonly top: number
  readonly width: number
  /** Unix milliseconds to pixels. */
  readonly x: (at: number) => number
}

export interface Pen {
  readonly theme: GrafanaTheme2
  readonly colour: (phase: string) => string
  readonly isHidden: (phase: string | undefined) => boolean
  /** Texts for a block, the fullest first. */
  readonly labels: (block: LaneBlock) => readonly string[]
  /** Names of a lane, the fullest first. */
  readonly laneNames: (lane: Lane) => readonly string[]
  /** Of the line of its power, where there are several. */
  readonly powerColour: (index: number) => string | undefined
}

export function drawLanes(canvas: Canvas, lanes: readonly Lane[], layout: Layout, pen: Pen): void {
  const { ctx, left, top, width, ratio } = canvas
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, top, width, layout.lanesHeight * ratio)
  ctx.clip()
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'left'
  for (const [index, lane] of lanes.entries()) {
    const box = layout.lanes[index]
    if (box === undefined) continue
    const y = (css: number) => top + css * ratio
    ctx.font = `${12 * ratio}px ${pen.theme.typography.fontFamily}`
    const line = pen.powerColour(index)
    if (line !== undefined) {
      ctx.fillStyle = line
      ctx.fillRect(left + 4 * ratio, y(box.nameTop + 8), 12 * ratio, 3 * ratio)
    }
    const indent = (line === undefined ? 4 : 22) * ratio
    ctx.fillStyle = pen.theme.colors.text.primary
    const measure = (text: string) => ctx.measureText(text).width / ratio
    const names = pen.laneNames(lane)
    const name = fitting(names, (width - indent) / ratio, measure) ?? names[names.length - 1] ?? ''
    ctx.fillText(name, left + indent, y(box.nameTop + 9))
    for (const block of lane.blocks) {
      if (!pen.isHidden(block.phase)) drawBlock(canvas, block, y(box.blockTop), box.blockHeight * ratio, pen)
    }
    if (box.stripeHeight > 0) drawStripes(canvas, lane, y(box.stripeTop), box.stripeHeight * ratio, pen)
  }
  ctx.restore()
}

function drawBlock(canvas: Canvas, block: LaneBlock, y: number, height: number, pen: Pen): void {
  const { ctx, x, ratio } = canvas
  const from = x(block.from.at)
  const to = x(block.to.at)
  if (block.phase === undefined) {
    hatch(canvas, from, y, to - from, height, pen)
  } else {
    const colour = pen.colour(block.phase)
    ctx.fillStyle = faded(canvas, block, colour)
    const begin = x(block.from.at - block.from.uncertaintyMs)
    const end = x(block.to.at + block.to.uncertaintyMs)
    ctx.fillRect(begin, y, Math.max(ratio, end - begin), height)
  }
  if (block.open) arrow(canvas, to, y, height, pen)
  const inside = certain(block)
  const width = (x(inside.to) - x(inside.from)) / ratio - (block.open ? 10 : 0)
  const text = fitting(pen.labels(block), width, (one) => ctx.measureText(one).width / ratio)
  if (text === undefined) return
  ctx.fillStyle =
    block.phase === undefined
      ? pen.theme.colors.text.secondary
      : pen.theme.colors.getContrastText(pen.colour(block.phase))
  ctx.fillText(text, x(inside.from) + 4 * ratio, y + height / 2)
}

/** A colour that comes and goes over the time in which it is not known where the edge is. */
function faded(canvas: Canvas, block: LaneBlock, colour: string): CanvasGradient | string {
  const { ctx, x } = canvas
  const begin = x(block.from.at - block.from.uncertaintyMs)
  const end = x(block.to.at + block.to.uncertaintyMs)
  if (end - begin <= 1) return colour
  const clear = transparent(colour)
  const gradient = ctx.createLinearGradient(begin, 0, end, 0)
  const at = (edge: Edge, side: 1 | -1) =>
    Math.min(1, Math.max(0, (x(edge.at + side * edge.uncertaintyMs) - begin) / (end - begin)))
  const known = Math.max(at(block.from, 1), 0)
  const lost = Math.max(at(block.to, -1), known)
  gradient.addColorStop(0, block.from.uncertaintyMs > 0 ? clear : colour)
  gradient.addColorStop(known, colour)
  gradient.addColorStop(lost, colour)
  gradient.addColorStop(1, block.to.uncertaintyMs > 0 ? clear : colour)
  return gradient
}

/** The same colour, transparent; Grafana's palette is in hexadecimal. */
const transparent = (colour: string): string =>
  /^#[0-9a-f]{6}$/i.test(colour) ? `${colour}00` : 'transparent'

function drawStripes(canvas: Canvas, lane: Lane, y: number, height: number, pen: Pen): void {
  const { ctx, x, ratio } = canvas
  for (const { from, to, shares } of lane.stripes) {
    const left = Math.floor(x(from))
    const width = Math.max(ratio, Math.ceil(x(to)) - left)
    let used = 0
    for (const { phase, fraction } of shares) {
      const tall = Math.min(fraction, 1 - used) * (height - ratio)
      if (tall <= 0) break
      if (!pen.isHidden(phase)) {
        ctx.fillStyle = phase === undefined ? pen.theme.colors.border.medium : pen.colour(phase)
        ctx.fillRect(left, y + ratio + used * (height - ratio), width, tall)
      }
      used += fraction
    }
  }
}

function hatch(
  { ctx, ratio }: Canvas,
  left: number,
  y: number,
  width: number,
  height: number,
  pen: Pen,
): void {
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, y, width, height)
  ctx.clip()
  ctx.strokeStyle = pen.theme.colors.border.medium
  ctx.lineWidth = ratio
  ctx.beginPath()
  for (let x = left - height; x < left + width; x += 7 * ratio) {
    ctx.moveTo(x, y)
    ctx.lineTo(x + height, y + height)
  }
  ctx.rect(left, y, width, height)
  ctx.stroke()
  ctx.restore()
}

/** It goes on. */
function arrow({ ctx, ratio }: Canvas, right: number, y: number, height: number, pen: Pen): void {
  ctx.fillStyle = pen.theme.colors.text.maxContrast
  ctx.beginPath()
  ctx.moveTo(right - 7 * ratio, y + height / 4)
  ctx.lineTo(right - ratio, y + height / 2)
  ctx.lineTo(right - 7 * ratio, y + (height * 3) / 4)
  ctx.fill()
}
