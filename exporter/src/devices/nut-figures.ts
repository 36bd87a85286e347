/**
 * What the variables of a UPS mean: https://networkupstools.org/docs/developer-guide.chunked/apas01.html. Pure.
 * `ups.realpower` is what the UPS gives to its loads. Many know only their load in percent.
 */
import type { DeviceAnswer, GaugeFigure, MeterFigure } from './device.ts'
import type { GaugeQuantity } from '../model.ts'

type Variables = ReadonlyMap<string, string>

export function nutAnswer(variables: Variables): DeviceAnswer {
  const output = outputOf(variables)
  const input = firstNumber(variables, INPUT)
  return {
    meters: [
      ...(output === undefined ? [] : [output]),
      ...(input === undefined ? [] : [{ id: 'input', watts: input }]),
    ],
    gauges: [...gaugesOf(variables), ...onBattery(variables)],
    complaints: complaintsOf(variables),
  }
}

const OUTPUT = ['ups.realpower', 'output.realpower']
const INPUT = ['input.realpower']
const NOMINAL = ['ups.realpower.nominal', 'output.realpower.nominal']

function outputOf(variables: Variables): MeterFigure | undefined {
  const measured = firstNumber(variables, OUTPUT)
  if (measured !== undefined) return { id: 'output', watts: measured }
  const load = firstNumber(variables, ['ups.load', 'output.load'])
  const nominal = firstNumber(variables, NOMINAL)
  if (load === undefined || nominal === undefined) return undefined
  return {
    id: 'output',
    watts: (load / 100) * nominal,
    isEstimated: true,
    source: 'ups.load × nominal power',
  }
}

interface GaugeVariable {
  readonly variable: string
  readonly quantity: GaugeQuantity
  readonly per: number
}

const GAUGES: readonly GaugeVariable[] = [
  { variable: 'battery.charge', quantity: 'battery_charge_ratio', per: 100 },
  { variable: 'battery.runtime', quantity: 'battery_runtime_seconds', per: 1 },
  { variable: 'ups.load', quantity: 'ups_load_ratio', per: 100 },
  { variable: 'battery.temperature', quantity: 'temperature_celsius', per: 1 },
  { variable: 'ups.temperature', quantity: 'temperature_celsius', per: 1 },
  { variable: 'ambient.temperature', quantity: 'temperature_celsius', per: 1 },
]

const gaugesOf = (variables: Variables): GaugeFigure[] =>
  GAUGES.flatMap(({ variable, quantity, per }) => {
    const value = number(variables.get(variable))
    return value === undefined ? [] : [{ id: variable.split('.')[0] ?? '', quantity, value: value / per }]
  })

/** Flags of `ups.status`: OL on line, OB on battery, LB low battery, RB replace battery, ... */
const flagsOf = (variables: Variables): ReadonlySet<string> =>
  new Set((variables.get('ups.status') ?? '').split(/\s+/))

function onBattery(variables: Variables): GaugeFigure[] {
  const flags = flagsOf(variables)
  if (!flags.has('OB') && !flags.has('OL')) return []
  return [{ id: 'ups', quantity: 'ups_on_battery', value: flags.has('OB') ? 1 : 0 }]
}

const CARE = 'look at the UPS; "upsc" shows all that it says'

const COMPLAINTS: Readonly<Record<string, string>> = {
  LB: 'the UPS says that its battery is low (LB)',
  RB: 'the UPS says that its battery needs to be replaced (RB)',
  OVER: 'the UPS says that it is overloaded (OVER)',
}

const complaintsOf = (variables: Variables): { why: string; advice: string }[] =>
  Array.from(flagsOf(variables)).flatMap((flag) => {
    const why = COMPLAINTS[flag]
    return why === undefined ? [] : [{ why, advice: CARE }]
  })

function firstNumber(variables: Variables, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = number(variables.get(name))
    if (value !== undefined && value >= 0) return value
  }
  return undefined
}

/** Drivers fill up with zeros and blanks: `0085.0`. */
const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*-?\d{1,12}(\.\d{1,9})?\s*$/.test(text) ? Number(text) : undefined
