/**
 * Saying who asks over HTTP. A password goes out in the clear only where `basic` is chosen; with `digest` only the
 * answer to the device's own challenge does.
 */
import type { HTTP_SCHEMES } from './choices.ts'
import { passwordOf, type Credentials } from './credentials.ts'
import { DeviceError } from './device.ts'
import { digestAnswer } from './digest.ts'
import type { HttpAnswer, HttpDevice, HttpQuestion } from './http.ts'

/** Of a bearer token the password is the token. */
export interface HttpLogin extends Credentials {
  readonly scheme: (typeof HTTP_SCHEMES)[number]
}

export const hasLogin = ({ passwordFile, passwordEnv }: HttpLogin): boolean =>
  passwordFile !== '' || passwordEnv !== ''

/**
 * @returns an answer with status 200
 * @throws DeviceError for any other
 */
export async function askAs(
  device: HttpDevice,
  login: HttpLogin,
  question: HttpQuestion,
): Promise<HttpAnswer> {
  const { method = 'GET', path } = question
  const say = (authorization: string | undefined): Promise<HttpAnswer> =>
    device.ask({ ...question, headers: { ...question.headers, ...(authorization && { authorization }) } })
  let answer = await say(await inAdvance(login))
  if (answer.status === 401 && login.scheme === 'digest' && hasLogin(login)) {
    const { username } = login
    const challenge = answer.headers['www-authenticate'] ?? ''
    const response = digestAnswer(challenge, { method, path, username, password: await passwordOf(login) })
    if (response === undefined)
      throw new DeviceError('asks for the password in a way that is not understood', DIGEST_ADVICE)
    answer = await say(response)
  }
  if (answer.status !== 200) throw refusal(answer.status)
  return answer
}

const DIGEST_ADVICE =
  'digest authentication with SHA-256 or MD5 is understood; a device that only knows basic needs `auth: basic`'

async function inAdvance(login: HttpLogin): Promise<string | undefined> {
  if (login.scheme === 'digest' || !hasLogin(login)) return undefined
  const password = await passwordOf(login)
  if (login.scheme === 'bearer') return `Bearer ${password.trim()}`
  return `Basic ${Buffer.from(`${login.username}:${password}`).toString('base64')}`
}

function refusal(status: number): DeviceError {
  if (status === 401 || status === 403)
    return new DeviceError(`refuses with HTTP status ${status}`, 'check `username`, the password and `auth`')
  if (status >= 300 && status < 400)
    return new DeviceError(
      `sends elsewhere (HTTP status ${status}), which is not followed`,
      'use the address that it sends to',
    )
  return new DeviceError(
    `answers with HTTP status ${status}`,
    'see whether it is the device and kind that are configured',
  )
}
