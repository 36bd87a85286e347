/** Where lanes, labels and the power below them stand, in CSS pixels from the top of the plot. */
import type { Lane, LaneBlock } from './lanes'

export interface LaneBox {
  readonly nameTop: number
  readonly blockTop: number
  readonly blockHeight: number
  readonly stripeTop: number
  /** 0 where no lane has anything beside its blocks. */
  readonly stripeHeight: number
  readonly bottom: number
}

export interface Layout {
  readonly lanes: readonly LaneBox[]
  /** Where the power begins; the plot ends there when there is none. */
  readonly lanesHeight: number
  readonly powerHeight: number
  /** Lanes and power, without the axis of time. */
  readonly plotHeight: number
}

const NAME = 18
const BLOCK = 22
const STRIPE = 10
const GAP = 8
const LEAST_POWER = 70
const MOST_POWER = 220

/** Lanes get what they need; power takes what is left of the height, within reason. */
export function layOut(lanes: readonly Lane[], height: number): Layout {
  const stripeHeight = lanes.some(({ stripes }) => stripes.length > 0) ? STRIPE : 0
  const laneHeight = NAME + BLOCK + stripeHeight + GAP
  const boxes = lanes.map((_, index): LaneBox => {
    const nameTop = index * laneHeight
    const blockTop = nameTop + NAME
    const stripeTop = blockTop + BLOCK
    return {
      nameTop,
      blockTop,
      blockHeight: BLOCK,
      stripeTop,
      stripeHeight,
      bottom: stripeTop + stripeHeight,
    }
  })
  const lanesHeight = lanes.length * laneHeight
  const hasPower = lanes.some(({ power }) => power.some(({ watts }) => watts !== null))
  const powerHeight = hasPower ? Math.min(MOST_POWER, Math.max(LEAST_POWER, height - lanesHeight)) : 0
  return { lanes: boxes, lanesHeight, powerHeight, plotHeight: lanesHeight + powerHeight }
}

/** The first text that fits into a width; none where no one does. Labels stand in their own block and cannot overlap. */
export function fitting(
  texts: readonly string[],
  width: number,
  measure: (text: string) => number,
): string | undefined {
  return texts.find((text) => measure(text) + 8 <= width)
}

/** What of a block is certain: labels stand there. */
export function certain(block: LaneBlock): { readonly from: number; readonly to: number } {
  return { from: block.from.at + block.from.uncertaintyMs, to: block.to.at - block.to.uncertaintyMs }
}

/** The block at a time. */
export function blockAt(lane: Lane, at: number): number {
  return lane.blocks.findIndex((block) => at >= block.from.at && at < block.to.at)
}

/** The lane at a height. */
export function laneAt(layout: Layout, y: number): number {
  return layout.lanes.findIndex((box) => y >= box.nameTop && y < box.bottom + GAP)
}
