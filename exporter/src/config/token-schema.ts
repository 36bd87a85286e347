/** Keys of the configuration about those who may write over HTTP. */
import { z } from 'zod'

const RIGHTS = ['marks', 'queries', 'reload'] as const

const token = z
  .strictObject({
    name: z.string().min(1).describe('What the log calls it.'),
    token_file: z
      .string()
      .default('')
      .describe('File that holds the token, of at least 16 characters; it is read at each request.'),
    sha256: z
      .string()
      .regex(/^(?:[0-9a-fA-F]{64})?$/, 'must be 64 hex digits, as of `printf %s "$TOKEN" | sha256sum`')
      .default('')
      .describe('SHA-256 of the token in hex, in place of a file.'),
    allow: z
      .array(z.enum(RIGHTS))
      .min(1, 'must name what it is good for')
      .default(['marks', 'queries'])
      .describe('What it is good for.'),
  })
  .refine((one) => (one.token_file === '') !== (one.sha256 === ''), {
    path: ['token_file'],
    error: 'either `token_file` or `sha256` is needed',
    when: () => true, // also beside other problems, so that all are listed at once
  })

export const tokens = z
  .array(token)
  .check(({ value, issues }) => {
    const seen = new Set<string>()
    value.forEach(({ name }, index) => {
      if (seen.has(name)) {
        issues.push({
          code: 'custom',
          input: value,
          path: [index, 'name'],
          message: 'names a token that is there already',
        })
      }
      seen.add(name)
    })
  })
  .default([])
  .describe(
    'Bearer tokens for `POST /api/v1/marks`, `POST /api/v1/queries` and `POST /-/reload`. Whoever has one may speak for any container, pod, job or process of this machine. Without one nobody can write over HTTP.',
  )

export interface TokenConfig {
  readonly name: string
  /** Empty: the hash is given. */
  readonly tokenFile: string
  /** In hex; empty: the file is given. */
  readonly sha256: string
  readonly allow: readonly (typeof RIGHTS)[number][]
}

export const tokenConfigOf = (content: z.output<typeof tokens>): readonly TokenConfig[] =>
  content.map(({ name, token_file: tokenFile, sha256, allow }) => ({ name, tokenFile, sha256, allow }))
