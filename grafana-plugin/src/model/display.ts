/** Figures as text, by the field configuration that users chose. */
import {
  type DisplayValue,
  type FieldConfig,
  FieldType,
  formattedValueToString,
  getDisplayProcessor,
  getValueFormat,
  type GrafanaTheme2,
} from '@grafana/data'
import type { TimeZone } from '@grafana/schema'
import { inUnit } from './quantity'

export interface JoulesDisplay {
  readonly unit: string
  /** Joules in the unit that is shown. */
  readonly figure: (joules: number) => number
  readonly value: (joules: number) => DisplayValue
  readonly text: (joules: number) => string
}

/** How a field shows energy: in the unit that its configuration names, else in the one given. */
export function joulesDisplay(
  config: FieldConfig,
  unit: string,
  theme: GrafanaTheme2,
  timeZone: TimeZone,
): JoulesDisplay {
  const chosen = config.unit ?? unit
  const process = getDisplayProcessor({
    field: { type: FieldType.number, config: { ...config, unit: chosen } },
    theme,
    timeZone,
  })
  const figure = (joules: number) => inUnit(joules, chosen)
  const value = (joules: number) => process(figure(joules))
  return { unit: chosen, figure, value, text: (joules) => formattedValueToString(value(joules)) }
}

export function wattsText(config: FieldConfig, watts: number): string {
  return formattedValueToString(getValueFormat(config.unit ?? 'watt')(watts, config.decimals ?? undefined))
}

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** `1.25K`. Counts are extrapolated by Prometheus: fractions of a query are of no interest. */
export const countText = (count: number): string => COMPACT.format(count >= 10 ? Math.round(count) : count)

export const percentText = (ratio: number, digits = 0): string => `${(ratio * 100).toFixed(digits)} %`

/** With a sign that is read as one. */
export const signed = (text: string, figure: number): string =>
  figure > 0 ? `+${text}` : figure < 0 ? text.replace(/^[-−]?/, '−') : text

export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const whole = Math.round(seconds)
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ]
  const two = (figure: number) => String(figure).padStart(2, '0')
  return `${days > 0 ? `${days} d ` : ''}${two(hours)}:${two(minutes)}:${two(whole % 60)}`
}
