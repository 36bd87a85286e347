/** The additive parts of energy, the boundaries that they make up, and the components that each part can have. */

export const PARTS = ['accelerator', 'host', 'idle', 'overhead'] as const
export type Part = (typeof PARTS)[number]

/** Each is the running sum of the parts up to the one at the same place. */
export const BOUNDARIES = ['accelerator', 'host', 'provisioned', 'facility'] as const
export type Boundary = (typeof BOUNDARIES)[number]

const COMPONENTS: Record<Part, readonly string[]> = {
  accelerator: ['accelerator'],
  host: ['cpu', 'memory', 'board'],
  idle: ['accelerator', 'cpu', 'memory', 'board'],
  overhead: ['cooling', 'power', 'network'],
}

/** What a part contains, in words. */
export const PART_MEANING: Record<Part, string> = {
  accelerator: 'active energy of accelerators',
  host: 'active energy of CPU, memory and board',
  idle: 'idle energy of accelerators, CPU, memory and board',
  overhead: 'cooling, power conversion and network',
}

export const isPart = (word: string): word is Part => (PARTS as readonly string[]).includes(word)

/** The parts within a boundary. */
export const partsWithin = (boundary: Boundary): readonly Part[] =>
  PARTS.slice(0, BOUNDARIES.indexOf(boundary) + 1)

/**
 * The components of a part that no figure is there for. An accelerator that has no active energy either is told of by
 * its own part, not again by the idle one.
 */
export function missingComponents(
  part: Part,
  present: ReadonlySet<string>,
  hasAccelerator: boolean,
): readonly string[] {
  const expected = COMPONENTS[part].filter(
    (component) => component !== 'accelerator' || part === 'accelerator' || hasAccelerator,
  )
  return expected.filter((component) => !present.has(component))
}

/** How much of the world a sum of parts includes: the widest boundary that it reaches, and what is missing within it. */
export function scopeWords(known: readonly Part[], partly: boolean): string {
  const reached = Math.max(-1, ...known.map((part) => PARTS.indexOf(part)))
  const boundary = BOUNDARIES[reached]
  if (boundary === undefined) return 'nothing'
  const without = PARTS.slice(0, reached).filter((part) => !known.includes(part))
  return (
    boundary + (without.length > 0 ? ` without ${without.join(' and ')}` : '') + (partly ? ', partly' : '')
  )
}
