/** The keys of counting proxies. */
import { z } from 'zod'

/** A counting proxy in front of one inference server. */
export interface ProxyConfig {
  /** As it is written; its name. */
  readonly listen: string
  readonly host: string
  readonly port: number
  /** `http://host:port`, without a path. */
  readonly target: string
  /** Empty: that of the process which listens at the target. */
  readonly workload: string
  readonly namespace: string
  /** Empty: as its answers look. */
  readonly server: string
}

const MOST_PROXIES = 32

const LISTEN = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<name>[\w.-]+)):(?<port>\d{1,5})$/

/** @returns undefined where the text is no address with a port; one that is not named would be all of them */
export function listenOf(text: string): { readonly host: string; readonly port: number } | undefined {
  const { ipv6, name, port } = LISTEN.exec(text)?.groups ?? {}
  const host = ipv6 ?? name
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) }
}

export const LISTEN_FORM =
  'must be an address with a port, such as 127.0.0.1:11435; 0.0.0.0:11435 for all addresses of the machine'

/** Paths and secrets come from the clients. */
export const isTarget = (url: string): boolean =>
  URL.canParse(url) && /^https?:\/\/(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?\/?$/.test(url)

export const TARGET_FORM =
  'must be an address such as http://127.0.0.1:11434, without a path: paths are those of the requests'

export const isItself = ({ listen, target }: { readonly listen: string; readonly target: string }): boolean =>
  target
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '')
    .replace(/^localhost:/, '127.0.0.1:') === listen.replace(/^(?:localhost|0\.0\.0\.0):/, '127.0.0.1:')

const proxy = z
  .strictObject({
    listen: z
      .string()
      .refine((text) => listenOf(text) !== undefined, { error: LISTEN_FORM })
      .describe(
        'Where clients reach the proxy, such as `127.0.0.1:11435`. Beyond loopback whoever reaches it reaches the server, and the log warns.',
      ),
    target: z
      .string()
      .refine(isTarget, { error: TARGET_FORM })
      .describe('The server behind it, such as `http://127.0.0.1:11434`.'),
    workload: z
      .string()
      .default('')
      .describe(
        'Whose queries they are. Without it, the workload of the process that listens at the target; needed where that is in a container behind a published port, or on another machine.',
      ),
    namespace: z.string().default('').describe('Namespace of that workload, where `workload` is given.'),
    server: z
      .string()
      .regex(/^[\w.+-]{0,40}$/, 'must be one word')
      .default('')
      .describe(
        'What the server is, for the label `server`. Without it, `ollama` or `openai`, as it answers.',
      ),
  })
  .refine((one) => !isItself(one), { path: ['target'], error: 'is the proxy itself' })

export const proxies = z
  .array(proxy)
  .max(MOST_PROXIES, `must be ${MOST_PROXIES} at most`)
  .superRefine(
    (all, context) => {
      const seen = new Set<string>()
      all.forEach(({ listen }, index) => {
        if (seen.has(listen)) {
          context.addIssue({
            code: 'custom',
            input: all,
            path: [index, 'listen'],
            message: 'is the address of a proxy above',
          })
        }
        seen.add(listen)
      })
    },
    { when: ({ issues }) => issues.length === 0 },
  )
  .default([])
  .describe('Counting proxies, for inference servers without counters such as Ollama.')

export const proxiesConfigOf = (all: z.output<typeof proxies>): ProxyConfig[] =>
  all.map((one) => ({
    ...one,
    ...(listenOf(one.listen) ?? { host: '', port: 0 }),
    target: one.target.replace(/\/$/, ''),
  }))
