/** Whether anybody answers at the target of a proxy: one request of its own, and any answer will do. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { reasonOf } from './exchange.ts'

const PATIENCE_MILLISECONDS = 3000

/** @returns why it does not answer, as a part of a sentence; empty where it does */
export function whySilent(target: string, patienceMilliseconds = PATIENCE_MILLISECONDS): Promise<string> {
  return new Promise((resolve) => {
    const open = target.startsWith('https:') ? httpsRequest : httpRequest
    const asking = open(target, { method: 'HEAD', agent: false })
    const end = (reason: string): void => {
      clearTimeout(timer)
      resolve(reason)
      asking.destroy()
    }
    const timer = setTimeout(
      () => end(`it has not answered within ${patienceMilliseconds / 1000} s`),
      patienceMilliseconds,
    )
    asking.on('response', () => end(''))
    asking.on('error', (cause: NodeJS.ErrnoException) => end(reasonOf(cause)))
    asking.end()
  })
}
