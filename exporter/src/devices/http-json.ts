/** Smart plugs and meters that answer in JSON over HTTP: Shelly, Tasmota, and others by a mapping. */
import type { HTTP_KINDS } from './choices.ts'
import { DeviceError, type DeviceAnswer, type DeviceClient } from './device.ts'
import { HttpDevice, type HttpSettings } from './http.ts'
import { askAs, hasLogin, type HttpLogin } from './http-login.ts'
import { passwordOf } from './credentials.ts'
import { numberAt, type Json } from './json-values.ts'
import { Figures, type Mapping } from './quantity.ts'
import { shellyAnswer, tasmotaAnswer } from './smart-plugs.ts'

export interface HttpJsonSettings extends HttpSettings {
  readonly kind: (typeof HTTP_KINDS)[number]
  readonly login: HttpLogin
  /** Of the kind `json`: where its document is, with the query. */
  readonly path: string
  readonly values: readonly (Mapping & { readonly path: string })[]
}

/** No plug has more to say. */
const LIMIT = 1 << 20

export function httpJsonClient(settings: HttpJsonSettings): DeviceClient {
  const device = new HttpDevice(settings)
  const document: Document = async (path, signal, login = settings.login) => {
    const { text } = await askAs(device, login, { path, signal, limit: LIMIT })
    try {
      return JSON.parse(text) as Json
    } catch {
      throw new DeviceError('does not answer in JSON', 'see whether `url` and the kind of device are right')
    }
  }
  return {
    ask: async (signal) => answered(await askKind(settings, document, signal), settings),
    async close() {
      device.close()
    },
  }
}

type Document = (path: string, signal: AbortSignal, login?: HttpLogin) => Promise<Json>

function answered(answer: DeviceAnswer, { kind }: HttpJsonSettings): DeviceAnswer {
  if (answer.meters.length + answer.gauges.length > 0) return answer
  throw new DeviceError(
    'answers, and says nothing of power or energy',
    kind === 'json' ? 'correct the paths of `values`' : `see whether it is a ${kind} that measures`,
  )
}

async function askKind(
  settings: HttpJsonSettings,
  document: Document,
  signal: AbortSignal,
): Promise<DeviceAnswer> {
  switch (settings.kind) {
    case 'shelly':
      return shellyAnswer(await document('/rpc/Shelly.GetStatus', signal))
    case 'tasmota':
      return await askTasmota(settings, document, signal)
    case 'json':
      return mapped(await document(settings.path, signal), settings.values)
  }
}

/** Newer ones tell of energy in `Status 10`, older ones in `Status 8`. It takes its password in the query. */
async function askTasmota(
  { login }: HttpJsonSettings,
  document: Document,
  signal: AbortSignal,
): Promise<DeviceAnswer> {
  const part = encodeURIComponent
  const who = hasLogin(login) ? `user=${part(login.username)}&password=${part(await passwordOf(login))}&` : ''
  for (const command of ['Status%2010', 'Status%208']) {
    const answer = tasmotaAnswer(await document(`/cm?${who}cmnd=${command}`, signal, NOBODY))
    if (answer.meters.length > 0) return answer
  }
  return { meters: [], gauges: [] }
}

const NOBODY: HttpLogin = { scheme: 'basic', username: '', passwordFile: '', passwordEnv: '' }

function mapped(content: Json, values: HttpJsonSettings['values']): DeviceAnswer {
  const figures = new Figures()
  const complaints: { why: string; advice: string }[] = []
  for (const value of values) {
    const raw = numberAt(content, value.path)
    if (raw === undefined)
      complaints.push({
        why: `its answer has no number at ${value.path}`,
        advice: 'correct `path`: names and places of lists, from 0, separated by points',
      })
    else figures.add(value, raw)
  }
  return { ...figures.answer, complaints }
}
