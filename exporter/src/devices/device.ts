/**
 * What devices beside this machine's own drivers say: BMCs, PDUs, UPSs, plugs, chillers, inverters. A client speaks
 * one protocol and turns one answer into figures; periods, patience and disbelief are the polling frame's.
 */
import type { GaugeQuantity } from '../model.ts'

/** One meter of a device. Give all that it says: which of the two is counted is decided in one place. */
export interface MeterFigure {
  /** Stable within the device and fit for a label, such as `outlet-7`. The first is the device's main meter. */
  readonly id: string
  /** Power of now, not below 0. */
  readonly watts?: number
  /** The power is a mean over this long before the answer; 0 where nothing is said. */
  readonly averagedOverSeconds?: number
  /** Lifetime energy; may begin anew. */
  readonly joules?: number
  /** The smallest step of `joules`; 1 where nothing is said. A meter of 0.1 kWh has 360,000. */
  readonly stepJoules?: number
  /** Where `joules` come round to 0; without it a fall is a new beginning. */
  readonly wrapsAtJoules?: number
  /** It is not measured but computed from something else, such as load × nominal power. */
  readonly isEstimated?: boolean
  /** Where in the device it was found, where there are several places; shown by the doctor. */
  readonly source?: string
}

export interface GaugeFigure {
  /** Stable within the device and fit for a label, such as `Fan 1`. */
  readonly id: string
  readonly quantity: GaugeQuantity
  readonly value: number
}

export interface DeviceAnswer {
  readonly meters: readonly MeterFigure[]
  readonly gauges: readonly GaugeFigure[]
  /** What is not as it should be although there is an answer, in sentences with what to do about it. */
  readonly complaints?: readonly { readonly why: string; readonly advice: string }[]
}

/** One device and how to ask it. */
export interface DeviceClient {
  /**
   * Never called again before it has settled.
   * @param signal when it fires the time is over: let go of everything and settle at once
   * @throws DeviceError
   */
  ask(signal: AbortSignal): Promise<DeviceAnswer>
  /** Ends sessions; may be called more than once, with or without a question under way. */
  close?(): Promise<void>
}

/** Why a device gave no answer. Neither sentence may hold a credential. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError'
  readonly advice: string
  /** The device itself asks to be left alone for this long. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    why: string,
    advice: string,
    options: { readonly retryAfterSeconds?: number | undefined } = {},
  ) {
    super(why)
    this.advice = advice
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** The most that is read of one device at one time, in bytes. */
export const ANSWER_LIMIT = 4 << 20
