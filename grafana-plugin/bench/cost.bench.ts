/** What drawing 10,000 points costs in scripting, in Chromium: `npm run bench`. Printed, and never a gate. */
import { openHarness } from '../harness/browser'
import { sceneOf, trainingPhases } from '../harness/examples'
import { VERSIONS } from '../harness/versions'

test('scripting of 10,000 points', async () => {
  const [newest] = VERSIONS
  if (newest === undefined) throw new Error('no version')
  const harness = await openHarness(newest)
  const client = await harness.page.context().newCDPSession(harness.page)
  await client.send('Performance.enable')
  const scripting = async () => {
    const { metrics } = await client.send('Performance.getMetrics')
    return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? 0) * 1000
  }
  const series = trainingPhases(1.75)
  const points = series.reduce((sum, { fields }) => sum + (fields[1]?.values.length ?? 0), 0)
  const small = sceneOf(trainingPhases(0.02), { width: 1200, height: 640 })
  const large = sceneOf(series, { width: 1200, height: 640 })
  await harness.show(small)
  const measure = async (scene: typeof large) => {
    const before = await scripting()
    await harness.show(scene)
    return (await scripting()) - before
  }
  const runs: number[] = []
  for (let run = 0; run < 7; run++) runs.push(await measure(large))
  const hoverBefore = await scripting()
  for (let x = 100; x < 1100; x += 10) await harness.page.mouse.move(x, 120)
  const hover = ((await scripting()) - hoverBefore) / 100
  runs.sort((a, b) => a - b)
  process.stdout.write(
    `${points} points: ${runs[3]?.toFixed(0) ?? ''} ms of scripting (median of 7, ${runs[0]?.toFixed(0) ?? ''} to ${runs[6]?.toFixed(0) ?? ''}), with Grafana's frame and field overrides; a move of the pointer ${hover.toFixed(1)} ms\n`,
  )
  await harness.close()
  expect(points).toBeGreaterThanOrEqual(10_000)
})
