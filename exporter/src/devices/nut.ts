/**
 * One UPS of a Network UPS Tools server: TCP port 3493, lines of text, all variables of the UPS at once.
 * https://networkupstools.org/docs/developer-guide.chunked/net-protocol.html
 */
import { Connection } from './connection.ts'
import { passwordOf, type Credentials } from './credentials.ts'
import { DeviceError, type DeviceAnswer, type DeviceClient } from './device.ts'
import { nutAnswer } from './nut-figures.ts'

export interface NutSettings {
  readonly host: string
  readonly port: number
  /** As the server calls it (`upsc -l`); without space or quote. */
  readonly ups: string
  /** Most servers let everybody read: without a user name nobody logs in. */
  readonly credentials: Credentials
}

const LINE_LIMIT = 4096
const MOST_VARIABLES = 2000

export const nutClient = (settings: NutSettings): DeviceClient => ({
  ask: (signal) => askNut(settings, signal),
})

/** @throws DeviceError */
export async function askNut(settings: NutSettings, signal: AbortSignal): Promise<DeviceAnswer> {
  const { host, port, ups, credentials } = settings
  const advice = `check with "upsc ${ups}@${host}:${port}"; upsd listens where upsd.conf says (LISTEN)`
  const connection = await Connection.open({ host, port, advice }, signal)
  try {
    if (credentials.username !== '') {
      await command(connection, `USERNAME ${inQuotes(credentials.username)}`, settings)
      await command(connection, `PASSWORD ${inQuotes(await passwordOf(credentials))}`, settings)
    }
    const variables = await list(connection, settings)
    connection.write('LOGOUT\n')
    const answer = nutAnswer(variables)
    if (answer.meters.length + answer.gauges.length === 0) throw nothingSaid(settings)
    return answer
  } finally {
    connection.close()
  }
}

const nothingSaid = ({ ups }: NutSettings): DeviceError =>
  new DeviceError(
    `${ups}: says nothing of power, load or battery`,
    'a driver that has just been started says more a little later; "upsc" shows all that it says',
  )

async function command(connection: Connection, line: string, settings: NutSettings): Promise<void> {
  connection.write(`${line}\n`)
  const answer = await connection.line(LINE_LIMIT)
  if (!answer.startsWith('OK')) throw refusal(answer, settings)
}

async function list(connection: Connection, settings: NutSettings): Promise<ReadonlyMap<string, string>> {
  connection.write(`LIST VAR ${settings.ups}\n`)
  const first = await connection.line(LINE_LIMIT)
  if (!first.startsWith('BEGIN LIST VAR')) throw refusal(first, settings)
  const variables = new Map<string, string>()
  for (let lines = 0; lines <= MOST_VARIABLES; lines += 1) {
    const line = await connection.line(LINE_LIMIT)
    if (line.startsWith('END LIST VAR')) return variables
    if (line.startsWith('ERR ')) throw refusal(line, settings)
    const [, name, value] = /^VAR \S+ (\S+) "((?:[^"\\]|\\.)*)"$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) variables.set(name, value.replaceAll(/\\(.)/g, '$1'))
  }
  throw new DeviceError(
    `${settings.ups} has more than ${MOST_VARIABLES} variables`,
    'this is no Network UPS Tools server, or a broken one',
  )
}

/** A line must not end within. */
const inQuotes = (text: string): string => `"${text.replaceAll(/[\r\n]/g, '').replaceAll(/["\\]/g, '\\$&')}"`

/** Only known words of an error are repeated: what else a server says may hold what it was told. */
function refusal(line: string, { ups, host, port }: NutSettings): DeviceError {
  const code = /^ERR ([A-Z-]{1,40})/.exec(line)?.[1] ?? ''
  const known = REFUSALS[code]
  if (known !== undefined) return new DeviceError(`${ups}: ${known.why} (${code})`, known.advice)
  return new DeviceError(
    `${host}:${port} does not answer as a Network UPS Tools server does`,
    'check host and port; the protocol is that of upsd, not of the UPS itself',
  )
}

interface Refusal {
  readonly why: string
  readonly advice: string
}

const DRIVER: string =
  'see the log of its driver and of upsd; "upsdrvctl start" starts a driver that has died'
const LOGIN: string = 'check `username` and `password_file` against upsd.users on the server'

const REFUSALS: Readonly<Record<string, Refusal>> = {
  'DATA-STALE': { why: 'its driver gets no answer from the UPS', advice: DRIVER },
  'DRIVER-NOT-CONNECTED': { why: 'its driver does not run', advice: DRIVER },
  'UNKNOWN-UPS': { why: 'the server knows no UPS of that name', advice: 'list the names with "upsc -l"' },
  'ACCESS-DENIED': { why: 'the server refuses this host or user', advice: LOGIN },
  'USERNAME-REQUIRED': { why: 'the server wants a user name', advice: LOGIN },
  'PASSWORD-REQUIRED': { why: 'the server wants a password', advice: LOGIN },
  'INVALID-USERNAME': { why: 'the server refuses the user name', advice: LOGIN },
  'INVALID-PASSWORD': { why: 'the server refuses the password', advice: LOGIN },
}
