/** What a site on limited power has left: arithmetic on what its UPS, battery, inverter and meters say. Pure. */
import type { DeviceAnswer, DeviceClient, GaugeFigure } from './device.ts'

/** What people know of a supply and its device does not say. */
export interface Supply {
  /** Energy of the full battery that may be used. */
  readonly capacityWattHours?: number | undefined
  /** The most power that it can give. */
  readonly limitWatts?: number | undefined
  /** Name of the device's meter that is the load; empty: its main one. */
  readonly loadFigure: string
}

/**
 * How long a battery lasts at a load.
 * @param chargeRatio from 0 to 1
 * @returns undefined where nothing is drawn: it lasts for ever, or is being charged
 */
export function runtimeSeconds(
  capacityWattHours: number,
  chargeRatio: number,
  loadWatts: number,
): number | undefined {
  return loadWatts > 0 ? (capacityWattHours * chargeRatio * 3600) / loadWatts : undefined
}

/** @returns undefined where the most is not known to be above 0 */
export const loadRatio = (loadWatts: number, limitWatts: number): number | undefined =>
  limitWatts > 0 ? loadWatts / limitWatts : undefined

/**
 * Adds run time and load to what a device says, where it does not say them itself.
 * @param supply.loadFigure the meter that is the load; empty: the main one
 */
export function supplied(answer: DeviceAnswer, supply: Supply): DeviceAnswer {
  const { capacityWattHours: capacity, limitWatts: limit, loadFigure } = supply
  const meter = loadFigure === '' ? answer.meters[0] : answer.meters.find(({ id }) => id === loadFigure)
  const charge = gaugeOf(answer, 'battery_charge_ratio')
  if (meter?.watts === undefined) return answer
  const runtime =
    capacity === undefined || charge === undefined || gaugeOf(answer, 'battery_runtime_seconds') !== undefined
      ? undefined
      : runtimeSeconds(capacity, charge.value, meter.watts)
  const ratio =
    limit === undefined || gaugeOf(answer, 'ups_load_ratio') !== undefined
      ? undefined
      : loadRatio(meter.watts, limit)
  const added: GaugeFigure[] = [
    ...named(charge?.id, 'battery_runtime_seconds', runtime),
    ...named(meter.id, 'ups_load_ratio', ratio),
  ]
  return { ...answer, gauges: [...answer.gauges, ...added] }
}

/** A device of which people know more than it says. */
export const withSupply = (client: DeviceClient, supply: Supply): DeviceClient => ({
  ask: async (signal) => supplied(await client.ask(signal), supply),
  async close() {
    await client.close?.()
  },
})

const gaugeOf = (answer: DeviceAnswer, quantity: GaugeFigure['quantity']): GaugeFigure | undefined =>
  answer.gauges.find((gauge) => gauge.quantity === quantity)

const named = (
  id: string | undefined,
  quantity: GaugeFigure['quantity'],
  value: number | undefined,
): GaugeFigure[] => (id === undefined || value === undefined ? [] : [{ id, quantity, value }])
