/** The fixed colours of parts and phases, out of Grafana's palette; told apart without red and green as well. */
import { colorManipulator, type GrafanaTheme2 } from '@grafana/data'
import type { Part } from '../model/parts'

/** Each has a contrast of 3 to the panel's ground and differs from the others in lightness. */
export function partColour(part: Part, theme: GrafanaTheme2): string {
  const colour = (name: string) => theme.visualization.getColorByName(name)
  switch (part) {
    case 'accelerator':
      return colour('semi-dark-blue')
    case 'host':
      return theme.isDark ? colour('orange') : colour('dark-orange')
    case 'idle':
      return theme.isDark ? '#9fa7b3' : '#7b8087'
    case 'overhead':
      return theme.isDark ? colour('super-light-yellow') : colorManipulator.darken(colour('dark-yellow'), 0.6)
  }
}

const PHASE_COLOURS: Readonly<Record<string, string>> = {
  train: 'semi-dark-blue',
  eval: 'orange',
  checkpoint: 'purple',
  load: 'dark-yellow',
}
const OTHER_COLOURS = [
  'green',
  'light-blue',
  'light-orange',
  'dark-purple',
  'super-light-yellow',
  'dark-green',
]

/** A phase keeps its colour whatever else is there; a finer one has a lighter or darker shade of its phase's. */
export function phaseColour(phase: string, theme: GrafanaTheme2): string {
  const [root = '', ...finer] = phase.split('/')
  const name = PHASE_COLOURS[root] ?? OTHER_COLOURS[hash(root) % OTHER_COLOURS.length] ?? 'green'
  const colour = theme.visualization.getColorByName(name)
  if (finer.length === 0) return colour
  const amount = SHADES[hash(finer.join('/')) % SHADES.length] ?? 0
  return amount > 0 ? colorManipulator.lighten(colour, amount) : colorManipulator.darken(colour, -amount)
}

/** Lighter by so much, or darker. */
const SHADES = [0.3, -0.25, 0.55, -0.4]

function hash(text: string): number {
  let value = 0
  for (const character of text) value = (value * 31 + (character.codePointAt(0) ?? 0)) >>> 0
  return value
}

/** Stripes over the colour of a figure that is estimated. */
export function estimatedPattern(theme: GrafanaTheme2): string {
  const line = theme.isDark ? 'rgba(0, 0, 0, 0.55)' : 'rgba(255, 255, 255, 0.75)'
  return `repeating-linear-gradient(45deg, transparent 0 4px, ${line} 4px 6px)`
}

/** The outline of a part without a figure, or of time in no phase. */
export const openPattern = (theme: GrafanaTheme2): string =>
  `repeating-linear-gradient(-45deg, transparent 0 5px, ${theme.colors.border.medium} 5px 6px)`
