/** One GET with an answer in JSON, bounded in time and size. */
import { request as requestPlain, type RequestOptions } from 'node:http'
import { request as requestTls, type RequestOptions as TlsRequestOptions } from 'node:https'
import type { Json } from './json.ts'
import { NoAnswer, SILENCE_MILLISECONDS } from './source.ts'

export type Target =
  ({ readonly protocol: 'http' } & RequestOptions) | ({ readonly protocol: 'https' } & TlsRequestOptions)

/**
 * @param limit of the answer in bytes
 * @returns undefined when there is no such thing (404)
 * @throws NoAnswer
 */
export function getJson({ protocol, ...options }: Target, limit: number): Promise<Json> {
  return new Promise((resolve, reject) => {
    const request = (protocol === 'https' ? requestTls : requestPlain)({ ...options, agent: false })
    const fail = (reason: string): void => {
      reject(new NoAnswer(reason))
      request.destroy()
    }
    const timer = setTimeout(() => fail('it did not answer in time'), SILENCE_MILLISECONDS)
    request.on('close', () => {
      clearTimeout(timer)
      fail('it hung up')
    })
    request.on('error', (cause: NodeJS.ErrnoException) => fail(cause.code ?? 'it does not speak HTTP'))
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('error', () => fail('it hung up'))
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > limit) fail('its answer is too long')
        else chunks.push(chunk)
      })
      response.on('end', () => {
        if (response.statusCode === 404) resolve(undefined)
        else if (response.statusCode !== 200) fail(`HTTP status ${response.statusCode ?? 'missing'}`)
        else {
          const json = parsed(Buffer.concat(chunks).toString())
          if (json === undefined) fail('its answer is no JSON')
          else resolve(json)
        }
      })
    })
    request.end()
  })
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
