/** Figures that others have published, from what sensors and servers say through the books, a real Prometheus and the rules. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { requireProgram } from '../programs.ts'
import { published } from '../rules/published.ts'
import { PrometheusServer } from './prometheus-server.ts'
import { ServedMachine } from './served-machine.ts'
import { rulesOfSeconds, WINDOW_SECONDS } from './shipped-rules.ts'

jest.setTimeout(240_000)

/** Queries are whole: in a window of the fewest, one more or less. */
const A_QUERY = 1e-3

requireProgram('prometheus', 'published figures under a real Prometheus', (program) => {
  const rules = rulesOfSeconds()
  const machines: ServedMachine[] = []
  let prometheus: PrometheusServer
  let timer: NodeJS.Timeout

  beforeAll(async () => {
    for (const [index, { served }] of published.entries())
      machines.push(await ServedMachine.start(`published-${index}`, served))
    const step = (): void => machines.forEach((machine) => machine.step())
    step()
    timer = setInterval(step, 1000)
    prometheus = await PrometheusServer.start(
      program,
      machines.map(({ server }) => server.address),
      { alerting: { ruleFile: rules.file, evaluationSeconds: 1 } },
    )
    const up = `count(count_over_time(up[${2 * WINDOW_SECONDS}s]) > ${WINDOW_SECONDS + 5}) == ${machines.length}`
    await prometheus.until(up, (samples) => samples.length === 1, 120)
  })

  afterAll(async () => {
    clearInterval(timer)
    await prometheus.stop()
    for (const { server } of machines) await server.stop()
    rules.remove()
  })

  describe.each(published.map((one, index) => ({ ...one, index })))('$name', ({ source, figures, index }) => {
    test.each(figures)(`figure %# (${source})`, async (expression, value, roundedTo) => {
      const [sample] = await prometheus.query(expression(`published-${index}`))
      const off = Math.abs(Number(sample?.value[1]) - value)
      expect(off).toBeLessThanOrEqual(roundedTo / 2 + value * A_QUERY)
    })
  })
})
