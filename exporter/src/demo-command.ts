/** `wattribute demo`: a simulated machine, served or written down as days of history. */
import { createWriteStream } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type { DemoHistory, DemoRecording } from './config/demo-flags.ts'
import type { Flags } from './config/flags.ts'
import { parseConfig, type Config } from './config/load.ts'
import { simulatedMachine } from './demo/machine.ts'
import { openSurroundings, type Surroundings } from './demo/pages.ts'
import { SimulatedConversation } from './demo/conversation.ts'
import { recordHistory } from './demo/recorded-history.ts'
import { remoteWrite } from './demo/remote-write.ts'
import { converse } from './demo/requests.ts'
import { phaseAt, SERVERS } from './demo/scenario.ts'
import { SteppedClock } from './demo/stepped-clock.ts'
import { simulatedSettings } from './demo/settings.ts'
import { Simulation } from './demo/simulation.ts'
import { SimulatedWork } from './demo/work.ts'
import { Engine } from './engine.ts'
import { PageWriter } from './exposition/page.ts'
import { SelfMetrics } from './exposition/self.ts'
import { serve, type Exporter } from './main.ts'
import { ruleFiles } from './rules/rule-files.ts'
import { isAlert } from './rules/rule.ts'
import { seconds, type Seconds } from './units.ts'
import { version } from './version.ts'
import { linuxClock } from './world.ts'

const HOST = 'a simulated machine: none of these figures is measured'

/** Nothing is kept, and nobody of this machine can mark phases of the simulated one. */
export async function serveDemo(flags: Flags): Promise<Exporter> {
  const since = linuxClock.now()
  const surroundings = await openSurroundings(new Simulation(), () => linuxClock.now() - since)
  const proxyPort = await freePort()
  const config = configOf(surroundings, proxyPort)
  const own = { ...flags, storagePath: undefined, marksSocket: undefined, jobDirectory: undefined }
  const exporter = await serve(own, { since, config, host: HOST }).catch(async (cause: unknown) => {
    await surroundings.close()
    throw cause
  })
  const stopTalking = converse(`http://127.0.0.1:${proxyPort}`, SERVERS[0]?.model ?? '')
  return {
    ...exporter,
    close: async () => {
      stopTalking()
      const hasEnded = await exporter.close()
      await surroundings.close()
      return hasEnded
    },
  }
}

/** Nobody listens there: what a proxy would tell is told without one. */
const UNUSED_PROXY_PORT = 11_435
/** How far apart the samples of the history are. */
const STEP_SECONDS = 60
const SAY_EVERY_SECONDS = 6 * 3600

/**
 * What a Prometheus that scrapes every minute would have taken in, up to now, for
 * `promtool tsdb create-blocks-from openmetrics`.
 * @param say is told how far it is
 */
export async function writeDemoHistory(
  { historyPath: path, historySeconds: length }: DemoHistory,
  say: (text: string) => void,
): Promise<void> {
  const simulation = new Simulation()
  const end = Math.floor(linuxClock.wall())
  const clock = new SteppedClock(end - length)
  const surroundings = await openSurroundings(simulation, () => clock.now())
  const config = configOf(surroundings, UNUSED_PROXY_PORT)
  const engine = new Engine(simulatedMachine(simulation, clock, seconds(0)), config)
  const self = new SelfMetrics(version)
  self.configLoaded(clock.wall(), config.zone)
  const work = new SimulatedWork()
  const conversation = new SimulatedConversation(`127.0.0.1:${UNUSED_PROXY_PORT}`, SERVERS[0]?.model ?? '')
  const out = createWriteStream(path)
  for (const time of instantsUpTo(length)) {
    clock.advanceTo(time)
    await surroundings.quiet()
    engine.takeIn(work.at(time, clock.now()))
    engine.takeRequests(conversation.until(clock.now()))
    const writer = new PageWriter()
    const before = performance.now()
    await engine.tick(writer)
    self.tickTook(seconds((performance.now() - before) / 1000))
    if (time % STEP_SECONDS !== 0) continue
    const page = `${writer.finish().text.toString()}${(await self.render()).text}`
    if (!out.write(samplesOf(page, clock.wall()))) await once(out, 'drain')
    if (time > 0 && time % SAY_EVERY_SECONDS === 0)
      say(`${time / 3600} of ${length / 3600} hours are written`)
  }
  out.end('# EOF\n')
  await finished(out)
  await engine.close()
  await surroundings.close()
  say(`next: promtool tsdb create-blocks-from openmetrics ${path} <data folder of Prometheus>`)
}

/** Every step, and whenever the training run goes into another phase: as with a marking run, a mark cuts a tick short. */
function* instantsUpTo(length: number): Generator<number> {
  for (let time = 0; time <= length;) {
    yield time
    time = Math.min((Math.floor(time / STEP_SECONDS) + 1) * STEP_SECONDS, phaseAt(time).until)
  }
}

/**
 * For a Prometheus that has the blocks of the history: dashboards stand on recorded series, and rules look at now alone.
 * @param say is told what was done
 * @throws Error when Prometheus does not answer, or takes no late samples
 */
export async function recordDemoHistory(
  { url, historySeconds: length }: DemoRecording,
  say: (text: string) => void,
): Promise<void> {
  const response = await fetch(`${url}/api/v1/status/runtimeinfo`)
  const { data } = (await response.json()) as { data: { startTime: string } }
  const end = STEP_SECONDS * Math.floor(Date.parse(data.startTime) / 1000 / STEP_SECONDS)
  await hasScraped(url)
  const rules = ruleFiles
    .filter(({ path }) => !path.includes('optional'))
    .flatMap(({ groups }) => groups.flatMap((group) => group.rules))
    .flatMap((rule) => (isAlert(rule) ? [] : rule))
  const recorded = await recordHistory({ url, start: end - length, end }, rules, (series) =>
    remoteWrite(url, series),
  )
  const samples = Array.from(recorded.values()).reduce((sum, count) => sum + count, 0)
  say(`${recorded.size} rules have recorded ${samples} samples up to ${data.startTime}`)
}

/** Before the first sample of now, Prometheus would take the past for its present. */
async function hasScraped(url: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/status/tsdb`)
  const { data } = (await response.json()) as { data: { headStats: { numSeries: number } } }
  if (data.headStats.numSeries === 0) {
    throw new Error(`${url} has scraped nothing yet: try again when its first target is up`)
  }
}

/** Each line with its time; who scraped it is told by the labels that Prometheus gives. */
const samplesOf = (page: string, wall: Seconds): string =>
  page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => `${withTarget(line)} ${wall}\n`)
    .join('')

const TARGET = 'job="wattribute",instance="simulated-node:10451"'

function withTarget(line: string): string {
  const brace = line.indexOf('{')
  const space = line.lastIndexOf(' ')
  return brace < 0
    ? `${line.slice(0, space)}{${TARGET}}${line.slice(space)}`
    : `${line.slice(0, brace + 1)}${TARGET},${line.slice(brace + 1)}`
}

const configOf = (surroundings: Surroundings, proxyPort: number | undefined): Config =>
  parseConfig(simulatedSettings(surroundings, proxyPort), 'the demo')

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
