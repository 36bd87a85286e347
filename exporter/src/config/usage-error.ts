/** What is wrong with a command line, and how one setting of it is read. */

/** A command line that cannot be followed. The message is one sentence that names the flag or variable. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Setting {
  readonly text: string
  /** The flag, or the variable that it comes from. */
  readonly from: string
}

/** @throws UsageError */
export function oneOf<Word extends string>(words: readonly Word[], { text, from }: Setting): Word {
  const word = words.find((one) => one === text)
  if (word === undefined) throw new UsageError(`${from}: ${text} is not one of ${words.join(', ')}`)
  return word
}
