/** What may stand in the bodies of `POST /api/v1/marks` and `POST /api/v1/queries`. */
import { z } from 'zod'
import { LONGEST_LINE } from '../workloads/mark-grammar.ts'
import type { QueryCountsLine } from '../workloads/marks.ts'

const MOST_LINES = 1000
const MOST_COUNTS = 100
const whole = (most: number): z.ZodDefault<z.ZodInt> => z.int().min(0).max(most).default(0)

/** Exactly one of them. */
const consumer = {
  container_id: z
    .string()
    .regex(/^[\w.-]{1,256}$/, 'is no container id')
    .optional(),
  pod_uid: z
    .string()
    .regex(/^[0-9a-f-]{32,36}$/, 'is no uid of a pod')
    .optional(),
  slurm_job: z
    .union([z.string().regex(/^\d{1,12}$/, 'is no number of a job'), z.int().min(1).transform(String)])
    .optional(),
  pid: z.int().min(1).max(4_194_304).optional(),
}

const CONSUMER_KEYS = ['container_id', 'pod_uid', 'slurm_job', 'pid'] as const

const namesOne = (body: Partial<Record<(typeof CONSUMER_KEYS)[number], unknown>>): boolean =>
  CONSUMER_KEYS.filter((key) => body[key] !== undefined).length === 1

const NAMES_ONE = `one of ${CONSUMER_KEYS.join(', ')} is needed, and only one`

const marksBody = z
  .strictObject({
    ...consumer,
    lines: z.array(z.string().max(LONGEST_LINE)).min(1).max(MOST_LINES),
  })
  .refine(namesOne, NAMES_ONE)

const queriesBody = z
  .strictObject({
    ...consumer,
    counts: z
      .array(
        z
          .strictObject({
            model: z
              .string()
              .regex(/^[\x21-\x7e]{0,128}$/, 'is no name of a model')
              .default(''),
            queries: whole(1e9),
            input_tokens: whole(1e12),
            cached_input_tokens: whole(1e12),
            output_tokens: whole(1e12),
          })
          .refine((count) => count.cached_input_tokens <= count.input_tokens, {
            path: ['cached_input_tokens'],
            error: 'is a part of input_tokens and cannot be more',
          }),
      )
      .min(1)
      .max(MOST_COUNTS),
  })
  .refine(namesOne, NAMES_ONE)

/** The body is not as it has to be. The message says where and why. */
export class BodyError extends Error {
  override readonly name = 'BodyError'
}

/** Whom a body is about. */
export type NamedConsumer =
  | { readonly kind: 'container'; readonly containerId: string }
  | { readonly kind: 'pod'; readonly podUid: string }
  | { readonly kind: 'slurm_job'; readonly slurmJob: string }
  | { readonly kind: 'pid'; readonly pid: number }

/** @throws BodyError */
export function marksIn(body: unknown): {
  readonly consumer: NamedConsumer
  readonly lines: readonly string[]
} {
  const { lines, ...named } = checked(marksBody, body)
  return { consumer: consumerOf(named), lines }
}

/** @throws BodyError */
export function queriesIn(body: unknown): {
  readonly consumer: NamedConsumer
  readonly counts: readonly QueryCountsLine[]
} {
  const { counts, ...named } = checked(queriesBody, body)
  return {
    consumer: consumerOf(named),
    counts: counts.map((count) => ({
      model: count.model,
      queries: count.queries,
      inputTokens: count.input_tokens,
      cachedInputTokens: count.cached_input_tokens,
      outputTokens: count.output_tokens,
    })),
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.')
  throw new BodyError(`${where}: ${(issue?.message ?? 'is not as it has to be').slice(0, 200)}`)
}

function consumerOf(named: {
  readonly container_id?: string | undefined
  readonly pod_uid?: string | undefined
  readonly slurm_job?: string | undefined
  readonly pid?: number | undefined
}): NamedConsumer {
  if (named.container_id !== undefined) return { kind: 'container', containerId: named.container_id }
  if (named.pod_uid !== undefined) return { kind: 'pod', podUid: named.pod_uid }
  if (named.slurm_job !== undefined) return { kind: 'slurm_job', slurmJob: named.slurm_job }
  return { kind: 'pid', pid: named.pid ?? 0 }
}
