/** A Redfish service as a device: the tree is walked once, then only what is wanted is read. */
import {
  DeviceError,
  type DeviceAnswer,
  type DeviceClient,
  type GaugeFigure,
  type MeterFigure,
} from '../device.ts'
import { RedfishSession, type RedfishSettings, type Turn } from './session.ts'
import { treeOf, type GaugePlace, type MeterPlace, type Tree } from './tree.ts'
import type { Json } from './json.ts'

export type { RedfishSettings } from './session.ts'

/** Sensors come and go with hardware and firmware. */
const WALK_AGAIN_AFTER = 360

type Complaint = NonNullable<DeviceAnswer['complaints']>[number]

export function redfishClient(settings: RedfishSettings): DeviceClient {
  const session = new RedfishSession(settings)
  const wanted = new Set(settings.wanted)
  let tree: Tree | undefined
  /** Of a walk that was not finished in time: the next one goes on from there. */
  let walked = new Map<string, Json>()
  let questions = 0
  let gauges: readonly GaugeFigure[] = []
  let complaints: readonly Complaint[] = []

  const read = async (turn: Turn, { id, source, paths, powerIn }: MeterPlace): Promise<MeterFigure> => {
    const resources: Json[] = []
    for (const path of paths) resources.push(await turn.get(path))
    return { id, source, ...powerIn(resources) }
  }

  const meters = async (turn: Turn, { meters: places }: Tree): Promise<MeterFigure[]> => {
    const figures: MeterFigure[] = []
    for (const [index, place] of places.entries()) {
      const isWanted = wanted.has(place.id) || (index === 0 && wanted.has(''))
      figures.push(isWanted ? await read(turn, place) : { id: place.id, source: place.source })
      if (isWanted && figures.at(-1)?.watts === undefined && figures.at(-1)?.joules === undefined)
        tree = undefined
    }
    return figures
  }

  const readGauges = async (places: readonly GaugePlace[], signal: AbortSignal): Promise<void> => {
    const turn = session.turn(
      AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(settings.gaugesSeconds * 1000))]),
    )
    const found: GaugeFigure[] = []
    const problems: Complaint[] = []
    for (const { path, gaugesIn } of places) {
      try {
        found.push(...gaugesIn(await turn.get(path)))
      } catch (cause) {
        if (!(cause instanceof DeviceError)) throw cause
        problems.push({ why: `fans and temperatures: ${cause.message}`, advice: cause.advice })
        break // the service is busy or slow: its energy matters more
      }
    }
    gauges = found
    complaints = problems
  }

  return {
    async ask(signal) {
      if (tree === undefined || questions % WALK_AGAIN_AFTER === WALK_AGAIN_AFTER - 1) {
        tree = await treeOf(session.turn(signal, walked))
        walked = new Map()
      }
      const { gauges: places } = tree
      const figures = await meters(session.turn(signal), tree)
      if (questions % settings.gaugesEvery === 0) await readGauges(places, signal)
      questions += 1
      return { meters: figures, gauges, complaints }
    },
    close: () => session.close(),
  }
}
