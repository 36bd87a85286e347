/** Fixed colours, those of the panel plugin, so that a part has the same colour everywhere. */

export const PART_COLOURS = {
  accelerator: 'semi-dark-blue',
  host: 'orange',
  idle: '#9fa7b3',
  overhead: 'super-light-yellow',
} as const

/** A component has the colour of the part that it mostly makes up; components of one part differ in lightness. */
export const COMPONENT_COLOURS = {
  accelerator: 'semi-dark-blue',
  cpu: 'orange',
  memory: 'light-orange',
  board: 'dark-orange',
  cooling: 'super-light-yellow',
  power: 'dark-yellow',
  network: 'yellow',
} as const

/** Energy that belongs to nobody. */
export const UNATTRIBUTED_COLOUR = '#7b8087'

/** The line that should not be crossed. */
export const LIMIT_COLOUR = 'red'
/** What a figure is compared with. */
export const EARLIER_COLOUR = '#9fa7b3'
/** One series alone. */
export const PLAIN_COLOUR = 'semi-dark-blue'
