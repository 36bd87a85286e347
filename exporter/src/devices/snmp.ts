/**
 * Devices that speak SNMP version 2c or 3 over UDP. A session is made for each question, so that one that was restarted
 * in between is met as it is. https://www.rfc-editor.org/rfc/rfc3416, https://www.rfc-editor.org/rfc/rfc3414
 */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import snmp, { type Session, type SessionOptions, type SnmpError, type User, type Varbind } from 'net-snmp'
import type { AUTH_PROTOCOLS, PRIVACY_PROTOCOLS } from './choices.ts'
import { passwordOf, type Credentials } from './credentials.ts'
import { DeviceError, type DeviceAnswer, type DeviceClient } from './device.ts'
import { Figures, type Mapping } from './quantity.ts'
import { addPreset, type Columns, type Rows } from './snmp-figures.ts'
import { columnsToWalk, SNMP_PRESETS, type SnmpPresetName } from './snmp-presets.ts'

export type SnmpSecurity =
  | { readonly version: '2c'; readonly community: Credentials }
  | {
      readonly version: '3'
      readonly authProtocol: (typeof AUTH_PROTOCOLS)[number]
      readonly authentication: Credentials
      readonly privacyProtocol: (typeof PRIVACY_PROTOCOLS)[number]
      readonly privacy: Credentials
    }

export interface SnmpSettings {
  readonly host: string
  readonly port: number
  readonly security: SnmpSecurity
  readonly preset: SnmpPresetName | undefined
  /** Single objects, with the index at the end of their OID. */
  readonly objects: readonly (Mapping & { readonly oid: string })[]
}

/** Rows of one column, and of all columns together. */
const MOST_ROWS = 2000
const MOST_ROWS_IN_ALL = 8000
const ROWS_PER_QUESTION = 25
const OBJECTS_PER_QUESTION = 10
/** Milliseconds; UDP loses packets. */
const REPEAT_AFTER = 1500
const RETRIES = 2

export const snmpClient = (settings: SnmpSettings): DeviceClient => ({
  ask: (signal) => askSnmp(settings, signal),
})

/** @throws DeviceError */
export async function askSnmp(settings: SnmpSettings, signal: AbortSignal): Promise<DeviceAnswer> {
  const session = await open(settings)
  const conversation = new Conversation(session, settings, signal)
  try {
    const figures = new Figures()
    const complaints: { why: string; advice: string }[] = []
    for (const { object, value } of await conversation.values(settings.objects)) {
      if (value === undefined)
        complaints.push({ why: `it has no number at ${object.oid}`, advice: OBJECT_ADVICE })
      else figures.add(object, value)
    }
    if (settings.preset !== undefined) {
      const preset = SNMP_PRESETS[settings.preset]
      addPreset(figures, preset, await conversation.columns(columnsToWalk(preset)))
    }
    const { meters, gauges } = figures.answer
    if (meters.length + gauges.length === 0) throw nothingFound(settings)
    return { meters, gauges, complaints }
  } finally {
    conversation.close()
  }
}

const OBJECT_ADVICE = 'correct `objects`: "snmpget" shows what the device has at an OID'

const nothingFound = ({ host, preset }: SnmpSettings): DeviceError =>
  new DeviceError(
    `${host} answers, and has nothing of what ${preset === undefined ? '`objects` name' : `the preset ${preset} reads`}`,
    'choose another `preset`, or name OIDs under `objects`; see whether the user may see that part of the tree',
  )

/** Whatever was sent, a message that the library cannot take is no message. */
function deafToNonsense(type: 'udp4' | 'udp6'): Socket {
  const socket = createSocket(type)
  const listen = socket.on.bind(socket) as (event: string, listener: (...words: never[]) => void) => Socket
  socket.on = ((event: string, listener: (...words: never[]) => void) =>
    listen(
      event,
      event !== 'message'
        ? listener
        : (...words) => {
            try {
              listener(...words)
            } catch {
              return // the question is repeated, and given up in time
            }
          },
    )) as Socket['on']
  return socket
}

/** Of devices that are read by everybody. */
const USUAL_COMMUNITY = 'public'

async function open({ host, port, security }: SnmpSettings): Promise<Session> {
  const options: Omit<SessionOptions, 'version'> = {
    port,
    transport: isIPv6(host) ? 'udp6' : 'udp4',
    timeout: REPEAT_AFTER,
    retries: RETRIES,
    reportOidMismatchErrors: true,
    dgramModule: { createSocket: deafToNonsense },
  }
  if (security.version === '2c') {
    const community = (await passwordOf(security.community)) || USUAL_COMMUNITY
    return snmp.createSession(host, community, { ...options, version: snmp.Version2c })
  }
  const user: User = {
    name: security.authentication.username,
    level: snmp.SecurityLevel.authPriv,
    authProtocol: snmp.AuthProtocols[security.authProtocol] ?? '',
    authKey: await passwordOf(security.authentication),
    privProtocol: snmp.PrivProtocols[security.privacyProtocol] ?? '',
    privKey: await passwordOf(security.privacy),
  }
  return snmp.createV3Session(host, user, { ...options, version: snmp.Version3 })
}

class Conversation {
  readonly #session: Session
  readonly #settings: SnmpSettings
  readonly #signal: AbortSignal
  #rows = 0
  #isOpen = true
  /** Settles no question, but ends them all. */
  readonly #end: Promise<never>

  constructor(session: Session, settings: SnmpSettings, signal: AbortSignal) {
    this.#session = session
    this.#settings = settings
    this.#signal = signal
    this.#end = new Promise((_, reject) => {
      session.on('error', () => reject(this.#failure('sent what is not SNMP')))
      signal.addEventListener('abort', () => reject(this.#failure('did not answer in time')), { once: true })
      if (signal.aborted) reject(this.#failure('did not answer in time'))
    })
    this.#end.catch(() => this.close())
  }

  close(): void {
    if (this.#isOpen) this.#session.close()
    this.#isOpen = false
  }

  async values<T extends { readonly oid: string }>(
    objects: readonly T[],
  ): Promise<{ object: T; value: number | undefined }[]> {
    const found: { object: T; value: number | undefined }[] = []
    for (let start = 0; start < objects.length; start += OBJECTS_PER_QUESTION) {
      const asked = objects.slice(start, start + OBJECTS_PER_QUESTION)
      const answer = await this.#question<readonly Varbind[]>((done) =>
        this.#session.get(
          asked.map(({ oid }) => oid),
          done,
        ),
      )
      asked.forEach((object, index) => {
        const varbind = answer[index]
        found.push({ object, value: varbind?.oid === object.oid ? numberIn(varbind) : undefined })
      })
    }
    return found
  }

  async columns(oids: readonly string[]): Promise<Columns> {
    const columns = new Map<string, Rows>()
    for (const oid of oids) columns.set(oid, await this.#column(oid))
    return columns
  }

  async #column(base: string): Promise<Rows> {
    const rows = new Map<string, number>()
    let newest = base
    for (;;) {
      const asked = newest
      const [found = []] = await this.#question<readonly (readonly Varbind[])[]>((done) =>
        this.#session.getBulk([asked], 0, ROWS_PER_QUESTION, done),
      )
      for (const varbind of found) {
        if (!varbind.oid.startsWith(`${base}.`) || varbind.type === END_OF_VIEW) return rows
        if (!isAfter(varbind.oid, newest)) throw this.#failure('counts its rows backwards')
        newest = varbind.oid
        this.#rows += 1
        if (rows.size >= MOST_ROWS || this.#rows > MOST_ROWS_IN_ALL)
          throw this.#failure(`has more than ${MOST_ROWS} rows below ${base}`)
        const value = numberIn(varbind)
        if (value !== undefined) rows.set(varbind.oid.slice(base.length + 1), value)
      }
      if (newest === asked) return rows
    }
  }

  #question<T>(ask: (done: (error: SnmpError | null, found?: T) => void) => void): Promise<T> {
    const answer = new Promise<T>((resolve, reject) => {
      ask((error, found) => {
        if (error === null && found !== undefined) resolve(found)
        else reject(this.#failure(error === null ? 'sent no answer' : reasonOf(error)))
      })
    })
    return Promise.race([answer, this.#end])
  }

  #failure(why: string): DeviceError {
    const { host, port, security } = this.#settings
    const how =
      security.version === '2c'
        ? 'a wrong community gets no answer at all: check `community_file` and from where the device lets itself be asked'
        : 'check the user, the protocols and both passwords: "snmpget -v3 -l authPriv" does the same'
    return new DeviceError(
      this.#signal.aborted ? `${host}:${port} did not answer in time` : `${host}:${port} ${why}`,
      how,
    )
  }
}

/** In words of ours: those of the library may hold the community. */
function reasonOf({ name, code, message }: SnmpError): string {
  if (name === 'RequestTimedOutError') return 'did not answer'
  if (name === 'RequestFailedError') return 'refuses the question'
  if (name !== 'ResponseInvalidError')
    return typeof code === 'string' ? `cannot be reached: ${code}` : 'cannot be asked'
  const { EAuthFailure, ECouldNotDecrypt, ENotInTimeWindow } = snmp.ResponseInvalidCode
  if (code === EAuthFailure)
    return USM_REASONS.find(([words]) => message.startsWith(words))?.[1] ?? 'refuses the user'
  if (code === ECouldNotDecrypt)
    return 'sent what cannot be decrypted: the privacy protocol or password is another'
  if (code === ENotInTimeWindow) return 'has another idea of the time since it started'
  return 'sent an answer that is none to the question'
}

const USM_REASONS: readonly (readonly [words: string, reason: string])[] = [
  ['Unknown User Name', 'does not know the user'],
  ['Wrong Digest', 'refuses the password of the user, or the authentication protocol'],
  ['Decryption Error', 'cannot decrypt the question: the privacy protocol or password is another'],
  ['Unsupported Security Level', 'wants another security level of the user'],
]

const INTEGER = 2
const OCTET_STRING = 4
const COUNTER = 65
const GAUGE = 66
const TIME_TICKS = 67
const COUNTER_64 = 70
const END_OF_VIEW = 130

/** @returns undefined for what is no number, also where the device says that it has no such thing */
function numberIn({ type, value }: Varbind): number | undefined {
  switch (type) {
    case INTEGER:
    case COUNTER:
    case GAUGE:
    case TIME_TICKS:
      return typeof value === 'number' ? value : undefined
    case COUNTER_64:
      return Buffer.isBuffer(value) && value.length <= 9
        ? Number(BigInt(`0x${value.toString('hex') || '0'}`))
        : undefined
    case OCTET_STRING: {
      const text = Buffer.isBuffer(value) && value.length <= 32 ? value.toString('latin1').trim() : ''
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
    }
    default:
      return undefined
  }
}

/** In the order of the tree: numbers, not letters. */
function isAfter(oid: string, before: string): boolean {
  const [one, other] = [oid.split('.'), before.split('.')]
  for (let index = 0; index < one.length; index += 1) {
    const difference = Number(one[index]) - Number(other[index] ?? -1)
    if (difference !== 0) return difference > 0
  }
  return false
}
