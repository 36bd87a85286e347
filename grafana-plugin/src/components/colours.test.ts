import { createTheme } from '@grafana/data'
import { PARTS } from '../model/parts'
import { partColour, phaseColour } from './colours'

type Rgb = readonly [number, number, number]

/** Linear light of a colour in hexadecimal or as `rgb()`. */
function linear(colour: string): Rgb {
  const parts = colour.startsWith('#')
    ? [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16))
    : (colour.match(/\d+(\.\d+)?/g) ?? []).slice(0, 3).map(Number)
  const [r = 0, g = 0, b = 0] = parts.map((part) => {
    const value = part / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return [r, g, b]
}

const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b

/** WCAG 2.2, relative luminance. */
function contrast(a: string, b: string): number {
  const [one, other] = [luminance(linear(a)) + 0.05, luminance(linear(b)) + 0.05]
  return Math.max(one, other) / Math.min(one, other)
}

/** Machado, Oliveira and Fernandes 2009, severity 1. */
const SIGHT: Readonly<Record<string, readonly Rgb[]>> = {
  full: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

function lab(colour: string, sight: readonly Rgb[]): Rgb {
  const light = linear(colour)
  const [r = 0, g = 0, b = 0] = sight.map(([x, y, z]) =>
    Math.min(1, Math.max(0, x * light[0] + y * light[1] + z * light[2])),
  )
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047)
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b)
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

const distance = (a: Rgb, b: Rgb) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])

describe.each(['dark', 'light'] as const)('in the %s theme', (mode) => {
  const theme = createTheme({ colors: { mode } })
  const colours = PARTS.map((part) => partColour(part, theme))

  test.each(Object.keys(SIGHT))('parts are told apart with %s sight', (name) => {
    const seen = colours.map((colour) => lab(colour, SIGHT[name] ?? []))
    for (const [index, one] of seen.entries()) {
      for (const other of seen.slice(index + 1)) expect(distance(one, other)).toBeGreaterThan(24)
    }
  })

  test('parts stand out from the panel', () => {
    for (const colour of colours) {
      expect(contrast(colour, theme.colors.background.primary)).toBeGreaterThanOrEqual(3)
    }
  })

  test('a phase has its colour wherever it is, finer ones have others', () => {
    expect(phaseColour('train', theme)).toBe(phaseColour('train', theme))
    expect(phaseColour('warm-up', theme)).toBe(phaseColour('warm-up', theme))
    expect(phaseColour('train/forward', theme)).not.toBe(phaseColour('train', theme))
  })
})
