/** The keys of the inference servers whose queries are counted. */
import { z } from 'zod'
import { seconds, type Seconds } from '../units.ts'
import { PRESET_NAMES } from '../workloads/server-presets.ts'

export interface QueryServerConfig {
  readonly url: string
  /** Empty: told from its page. */
  readonly preset: string
  readonly workload: string
  readonly namespace: string
  /** Empty: as the server says. */
  readonly model: string
  /** Empty: as the preset says. */
  readonly path: string
  readonly tokenFile: string
  readonly headersFile: string
  readonly caFile: string
  readonly isVerified: boolean
}

export interface QueriesConfig {
  readonly discovery: boolean
  readonly period: Seconds
  readonly timeout: Seconds
  /** Each address once. */
  readonly servers: readonly QueryServerConfig[]
}

const MOST_SERVERS = 64

const server = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an URL such as http://127.0.0.1:8000' })
    .refine((url) => /^(?!https?:)|^https?:\/\/[^/?#@]+\/?$/.test(url), {
      error: 'must end with the port: what follows is the key `path`, and secrets belong in `token_file`',
    })
    .describe('Where the server answers, without a path.'),
  preset: z.enum(PRESET_NAMES).optional().describe('What it is. Without it, that is told from its page.'),
  workload: z
    .string()
    .min(1, 'must not be empty')
    .describe('Whose queries they are: the workload to which its energy is booked, on whichever machine.'),
  namespace: z.string().default('').describe('Namespace of that workload.'),
  model: z.string().default('').describe('What its model is called, instead of what the server says.'),
  path: z
    .string()
    .regex(/^(?:\/\S*)?$/, 'must begin with a slash')
    .default('')
    .describe('Where its metrics are. Without it, where the preset says, mostly `/metrics`.'),
  token_file: z
    .string()
    .default('')
    .describe('File with a token that is sent as `Authorization: Bearer`; read anew each time.'),
  headers_file: z.string().default('').describe('File with further headers, in lines `Name: value`.'),
  ca_file: z
    .string()
    .default('')
    .describe('Authority that has signed its certificate. Without it, the usual ones.'),
  insecure_skip_verify: z
    .boolean()
    .default(false)
    .describe('Whether a certificate is taken that nobody vouches for.'),
})

export const queries = z
  .strictObject({
    discovery: z
      .boolean()
      .default(true)
      .describe(
        'Whether the ports of recognised inference servers are asked for metrics: at loopback and at the address of their own container, nowhere else.',
      ),
    period_seconds: z
      .number()
      .min(1, 'must be from 1 to 300')
      .max(300, 'must be from 1 to 300')
      .default(10)
      .describe('How often each server is asked.'),
    timeout_seconds: z
      .number()
      .min(0.1, 'must be from 0.1 to 60')
      .max(60, 'must be from 0.1 to 60')
      .default(3)
      .describe('How long an answer may take in all. A server is never asked twice at once.'),
    servers: z
      .array(server)
      .max(MOST_SERVERS, `must be ${MOST_SERVERS} at most`)
      .superRefine(
        (servers, context) => {
          const seen = new Set<string>()
          servers.forEach(({ url, path }, index) => {
            const key = `${url.replace(/\/$/, '')} ${path}`
            if (seen.has(key)) {
              context.addIssue({
                code: 'custom',
                input: servers,
                path: [index, 'url'],
                message: 'is the address of a server above: its queries would count twice',
              })
            }
            seen.add(key)
          })
        },
        { when: ({ issues }) => issues.length === 0 },
      )
      .default([])
      .describe('Inference servers that discovery does not find, or whose workload it cannot know.'),
  })
  .prefault({})
  .describe('Inference servers whose queries and tokens are counted from their own metrics.')

export const queriesConfigOf = (all: z.output<typeof queries>): QueriesConfig => ({
  discovery: all.discovery,
  period: seconds(all.period_seconds),
  timeout: seconds(all.timeout_seconds),
  servers: all.servers.map(({ url, preset = '', workload, namespace, model, path, ...access }) => ({
    url: url.replace(/\/$/, ''),
    preset,
    workload,
    namespace,
    model,
    path,
    tokenFile: access.token_file,
    headersFile: access.headers_file,
    caFile: access.ca_file,
    isVerified: !access.insecure_skip_verify,
  })),
})
