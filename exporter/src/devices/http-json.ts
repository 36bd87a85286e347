/** Smart plugs and meters that answer in JSON over HTTP: Shelly, Tasmota, and others by a mapping. */
import { DeviceError, type DeviceAnswer, type DeviceClient } from './device.ts'
import { getText, type HttpTarget } from './http-get.ts'
import { numberAt, type Json } from './json-values.ts'
import { Figures, type Mapping } from './quantity.ts'
import { shellyAnswer, tasmotaAnswer } from './smart-plugs.ts'

export const HTTP_KINDS = ['shelly', 'tasmota', 'json'] as const

export interface HttpJsonSettings extends HttpTarget {
  readonly kind: (typeof HTTP_KINDS)[number]
  /** Of the kind `json`: where its document is, with the query. */
  readonly path: string
  readonly values: readonly (Mapping & { readonly path: string })[]
}

/** No plug has more to say. */
const LIMIT = 1 << 20

export function httpJsonClient(settings: HttpJsonSettings): DeviceClient {
  return { ask: async (signal) => answered(await askKind(settings, signal), settings) }
}

function answered(answer: DeviceAnswer, { url, kind }: HttpJsonSettings): DeviceAnswer {
  if (answer.meters.length + answer.gauges.length > 0) return answer
  throw new DeviceError(
    `${new URL(url).host} answers, and says nothing of power or energy`,
    kind === 'json' ? 'correct the paths of `values`' : `see whether it is a ${kind} that measures`,
  )
}

async function askKind(settings: HttpJsonSettings, signal: AbortSignal): Promise<DeviceAnswer> {
  switch (settings.kind) {
    case 'shelly':
      return shellyAnswer(await document(settings, '/rpc/Shelly.GetStatus', signal))
    case 'tasmota':
      return await askTasmota(settings, signal)
    case 'json':
      return mapped(await document(settings, settings.path, signal), settings.values)
  }
}

/** Newer ones tell of energy in `Status 10`, older ones in `Status 8`. */
async function askTasmota(settings: HttpJsonSettings, signal: AbortSignal): Promise<DeviceAnswer> {
  const { login, ...open } = settings
  const who =
    login === undefined
      ? ''
      : `user=${encodeURIComponent(login.username)}&password=${encodeURIComponent(await login.secret())}&`
  for (const command of ['Status%2010', 'Status%208']) {
    const answer = tasmotaAnswer(await document(open, `/cm?${who}cmnd=${command}`, signal))
    if (answer.meters.length > 0) return answer
  }
  return { meters: [], gauges: [] }
}

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

async function document(target: HttpTarget, path: string, signal: AbortSignal): Promise<Json> {
  const text = await getText(target, path, signal, LIMIT)
  try {
    return JSON.parse(text) as Json
  } catch {
    throw new DeviceError(
      `${new URL(target.url).host} does not answer in JSON`,
      'see whether `url` and the kind of device are right',
    )
  }
}
