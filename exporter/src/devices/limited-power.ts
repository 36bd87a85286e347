/** What a site on limited power has left: arithmetic on what its UPS, battery, inverter and meters say. Pure. */
import type { DeviceAnswer, GaugeFigure } from './device.ts'

/** What people know of a supply and its device does not say. */
export interface Supply {
  /** Energy of the full battery that may be used. */
  readonly capacityWattHours?: number | undefined
  /** The most power that it can give. */
  readonly limitWatts?: number | undefined
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

/** What goes in and does not come out, as heat; 0 where more comes out, as from a battery that supports the load. */
export const conversionLossWatts = (inputWatts: number, outputWatts: number): number =>
  Math.max(0, inputWatts - outputWatts)

/**
 * Adds run time and load to what a device says, where it does not say them itself. Its main meter is the load.
 */
export function withSupply(answer: DeviceAnswer, supply: Supply): DeviceAnswer {
  const load = answer.meters[0]?.watts
  const of = (quantity: GaugeFigure['quantity']): GaugeFigure | undefined =>
    answer.gauges.find((gauge) => gauge.quantity === quantity)
  if (load === undefined) return answer
  const charge = of('battery_charge_ratio')
  const runtime =
    of('battery_runtime_seconds') !== undefined || charge === undefined || supply.capacityWattHours === undefined
      ? undefined
      : runtimeSeconds(supply.capacityWattHours, charge.value, load)
  const ratio =
    of('ups_load_ratio') !== undefined || supply.limitWatts === undefined
      ? undefined
      : loadRatio(load, supply.limitWatts)
  const added: GaugeFigure[] = [
    ...(runtime === undefined
      ? []
      : [{ id: charge?.id ?? '', quantity: 'battery_runtime_seconds' as const, value: runtime }]),
    ...(ratio === undefined
      ? []
      : [{ id: answer.meters[0]?.id ?? '', quantity: 'ups_load_ratio' as const, value: ratio }]),
  ]
  return added.length === 0 ? answer : { ...answer, gauges: [...answer.gauges, ...added] }
}
