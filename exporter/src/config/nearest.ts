/** Which known word was probably meant. */

/**
 * The known word that a mistyped one is nearest to: with the same parts and more (`listen-address` for
 * `web.listen-address`), or at most one slip in three letters away.
 * @returns nothing when none is near
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const wanted = word.toLowerCase()
  const withMore = known.find((candidate) => hasParts(candidate.toLowerCase(), partsOf(wanted)))
  if (withMore !== undefined) return withMore
  let best: { readonly candidate: string; readonly slips: number } | undefined
  for (const candidate of known) {
    const slips = slipsBetween(wanted, candidate.toLowerCase())
    if (slips <= allowedSlips(wanted, candidate) && (best === undefined || slips < best.slips)) {
      best = { candidate, slips }
    }
  }
  return best?.candidate
}

const allowedSlips = (wanted: string, candidate: string): number =>
  Math.floor(Math.max(wanted.length, candidate.length) / 3)

const partsOf = (word: string): readonly string[] => word.split(/[_.-]/).filter((part) => part !== '')

const hasParts = (candidate: string, parts: readonly string[]): boolean =>
  parts.length > 0 && parts.every((part) => partsOf(candidate).includes(part))

/** Letters to insert, drop, replace or swap with their neighbour until one word becomes the other. */
function slipsBetween(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(last, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const swapped = isSwap ? at(beforeLast, column - 2) + 1 : Infinity
      current.push(Math.min(at(last, column) + 1, at(current, column - 1) + 1, replaced, swapped))
    }
    beforeLast = last
    last = current
  }
  return at(last, to.length)
}

const at = (row: readonly number[], column: number): number => row[column] ?? Infinity
