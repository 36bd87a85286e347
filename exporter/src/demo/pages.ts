/** What the simulated machine's surroundings say over HTTP: its inference servers, and the meters of its room. */
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { answerChat } from './requests.ts'
import { SERVERS, type Server } from './scenario.ts'
import type { Simulation } from './simulation.ts'

/** Usable energy of the simulated UPS, and how much it gives at most. */
const BATTERY = { watts: 12_000, runtimeSeconds: 540 }

/** An inverter on the roof gives a part of what the machine draws. */
const SUN = { ratio: 0.3 }

/** In the shape of vLLM 0.28: docs/design/metrics.md of vllm-project/vllm. */
function vllmPage({ model, tokensPerRequest }: Server, requests: number): string {
  const { input, cachedInput, output } = tokensPerRequest
  const of = `engine="0",model_name="${model}"`
  return `# TYPE vllm:request_success_total counter
vllm:request_success_total{${of},finished_reason="stop"} ${requests}
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{${of}} ${requests * (input + cachedInput)}
# TYPE vllm:prompt_tokens_by_source_total counter
vllm:prompt_tokens_by_source_total{${of},source="local_compute"} ${requests * input}
vllm:prompt_tokens_by_source_total{${of},source="local_cache_hit"} ${requests * cachedInput}
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{${of}} ${requests * output}
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{${of}} 4
`
}

/** In the shape of SGLang 0.5: docs/references/production_metrics.md of sgl-project/sglang. */
function sglangPage({ model, tokensPerRequest }: Server, requests: number): string {
  const { input, cachedInput, output } = tokensPerRequest
  const of = `model_name="${model}"`
  return `# TYPE sglang:num_requests_total counter
sglang:num_requests_total{${of}} ${requests}
# TYPE sglang:prompt_tokens_total counter
sglang:prompt_tokens_total{${of}} ${requests * (input + cachedInput)}
# TYPE sglang:cached_tokens_total counter
sglang:cached_tokens_total{${of}} ${requests * cachedInput}
# TYPE sglang:generation_tokens_total counter
sglang:generation_tokens_total{${of}} ${requests * output}
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{${of}} 2
`
}

function roomPage(simulation: Simulation): string {
  const { node, cooling, upsLoss } = simulation.counters
  return `# TYPE room_energy_joules_total counter
room_energy_joules_total{meter="total"} ${node + cooling + upsLoss}
room_energy_joules_total{meter="it"} ${node}
room_energy_joules_total{meter="cooling"} ${cooling}
room_energy_joules_total{meter="power"} ${upsLoss}
room_energy_joules_total{meter="solar"} ${SUN.ratio * node}
# TYPE room_battery_charge_percent gauge
room_battery_charge_percent 100
# TYPE room_battery_runtime_seconds gauge
room_battery_runtime_seconds ${Math.round((BATTERY.runtimeSeconds * BATTERY.watts) / Math.max(1, simulation.nodeWatts))}
# TYPE room_ups_load_percent gauge
room_ups_load_percent ${((100 * simulation.nodeWatts) / BATTERY.watts).toFixed(1)}
# TYPE room_ups_on_battery gauge
room_ups_on_battery 0
# TYPE room_supply_air_celsius gauge
room_supply_air_celsius 21.5
# TYPE room_heat_removed_watts gauge
room_heat_removed_watts ${simulation.nodeWatts.toFixed(1)}
# TYPE room_pump_rpm gauge
room_pump_rpm 2900
# TYPE room_fan_rpm gauge
room_fan_rpm 7200
`
}

/** Turns of the event loop in which a connection is made and an answer is read. */
const QUIET_TURNS = 20

export interface Surroundings {
  /** Of the room's meters. */
  readonly roomUrl: string
  /** Of the metrics of each server, by its workload. */
  readonly serverUrls: ReadonlyMap<string, string>
  /** Resolves when nobody has asked for a moment and all answers are read. */
  quiet(): Promise<void>
  close(): Promise<void>
}

/** @param now seconds since the simulation began */
export async function openSurroundings(simulation: Simulation, now: () => number): Promise<Surroundings> {
  let open = 0
  const serve = async (
    page: () => string,
    model = '',
  ): Promise<{ readonly http: HttpServer; readonly url: string }> => {
    const http = createServer((request, response) => {
      open += 1
      response.once('close', () => (open -= 1))
      if (request.method === 'POST') {
        request.resume()
        answerChat(model, response)
        return
      }
      simulation.advance(now())
      response.setHeader('content-type', 'text/plain; version=0.0.4').end(page())
    })
    await new Promise<void>((resolve, reject) => http.once('error', reject).listen(0, '127.0.0.1', resolve))
    return { http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }
  }
  const room = await serve(() => roomPage(simulation))
  const servers = await Promise.all(
    SERVERS.map(async (server) => {
      const write = server.style === 'vllm' ? vllmPage : sglangPage
      return { server, ...(await serve(() => write(server, simulation.answeredBy(server)), server.model)) }
    }),
  )
  return {
    roomUrl: room.url,
    serverUrls: new Map(servers.map(({ server, url }) => [server.workload, url])),
    quiet: async () => {
      do {
        await setImmediate()
        for (let turn = 0; turn < QUIET_TURNS; turn += 1) await setImmediate()
      } while (open > 0)
      for (let turn = 0; turn < QUIET_TURNS; turn += 1) await setImmediate()
    },
    close: async () => {
      for (const { http } of [room, ...servers]) {
        http.closeAllConnections()
        await new Promise((resolve) => http.close(resolve))
      }
    },
  }
}
