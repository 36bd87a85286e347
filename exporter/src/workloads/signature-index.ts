/** Finds the signature of a call without trying them all. */
import { headsOf, type Invocation } from './command-line.ts'
import type { Signature } from './signature.ts'
import { SIGNATURES } from './signatures.ts'

interface Entry {
  readonly signature: Signature
  /** Words that follow the program or module. */
  readonly first: readonly string[]
}

const BY_HEAD = new Map<string, Entry[]>()
for (const signature of SIGNATURES) {
  for (const call of signature.calls) {
    const [head = '', ...first] = call.split(' ')
    BY_HEAD.set(head, [...(BY_HEAD.get(head) ?? []), { signature, first }])
  }
}

export function signatureOf(invocation: Invocation): Signature | undefined {
  for (const head of headsOf(invocation)) {
    const entry = BY_HEAD.get(head)?.find(({ first }) =>
      first.every((word, index) => invocation.words[index] === word),
    )
    if (entry !== undefined) return entry.signature
  }
  return undefined
}
