/** Patterns of users, in which `*` stands for any characters. The time they take grows with the text only. */

/** @returns a test for whole texts */
export function globOf(pattern: string): (text: string) => boolean {
  const [first = '', ...others] = pattern.split(/\*+/)
  const last = others.pop()
  if (last === undefined) return (text) => text === first
  return (text) => {
    if (!text.startsWith(first)) return false
    let from = first.length
    for (const part of others) {
      const found = text.indexOf(part, from)
      if (found < 0) return false
      from = found + part.length
    }
    return text.length - last.length >= from && text.endsWith(last)
  }
}
