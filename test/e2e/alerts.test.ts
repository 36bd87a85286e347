/**
 * A budget that is overrun under load, from the counter of a sensor to the telephone of somebody: the exporter, the
 * rules that it writes for its configuration, a real Prometheus, a real Alertmanager with the shipped example.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { parsePage } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { AlertmanagerServer, WebhookReceiver } from './alertmanager-server.ts'
import { CLI, ExporterProcess } from './exporter-process.ts'
import { PrometheusServer } from './prometheus-server.ts'
import { RaplTree } from './rapl-tree.ts'

jest.setTimeout(240_000)

const PACKAGE = 'intel-rapl:0'
const ZONES = [{ folder: PACKAGE, name: 'package-0', start: 7n, range: 262_143_328_850n }]
const WATTS = 100
const LIMIT_JOULES = 300
const EVALUATION_SECONDS = 5

const dateAt = (offsetDays: number): string =>
  new Date(Date.now() + offsetDays * 86_400_000).toISOString().slice(0, 10)

/** In the middle of it at any time of the day, so that all alerts of the budget are at work. */
const [FROM, TO] = [dateAt(-1), dateAt(1)]

const configWith = (limitJoules: number): string => `
power_model: {enabled: false}
budgets:
  - name: lab
    limit_joules: ${limitJoules}
    period: dates
    from: ${FROM}
    to: ${TO}
    time_zone: UTC
`

interface Route {
  group_wait?: string
  group_interval?: string
  routes?: Route[]
}

interface AlertmanagerConfig {
  route: Route
  receivers: { name: string; webhook_configs: { url: string }[] }[]
}

const EXAMPLE = fileURLToPath(new URL('../../deploy/alertmanager/alertmanager.yaml', import.meta.url))

/** The shipped example: its routes and inhibitions as they are, its waits in seconds, its receivers here. */
function exampleFor(webhook: string): AlertmanagerConfig {
  const config = parse(readFileSync(EXAMPLE, 'utf8')) as AlertmanagerConfig
  config.route.group_wait = '15s'
  config.route.group_interval = '1s'
  for (const { webhook_configs: hooks } of config.receivers) for (const hook of hooks) hook.url = webhook
  return config
}

requireProgram('prometheus-alertmanager', 'a budget that is overrun under load', (alertmanagerProgram) => {
  requireProgram('prometheus', 'with a real Prometheus and a real Alertmanager', (prometheusProgram) => {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-alerts-'))
    const configFile = join(folder, 'config.yaml')
    const ruleFile = join(folder, 'rules.yaml')
    const tree = new RaplTree(ZONES)
    let webhook: WebhookReceiver
    let alertmanager: AlertmanagerServer
    let exporter: ExporterProcess
    let prometheus: PrometheusServer
    let burner: ChildProcess | undefined
    let injection: NodeJS.Timeout | undefined

    const usedOn = (page: string): number =>
      Number(parsePage(page).get('wattribute_budget_used_joules')?.[0]?.value)

    /** Whoever works now draws this power. */
    const startLoad = (): void => {
      burner = spawn('timeout', ['200', 'sh', '-c', 'while :; do :; done'], {
        stdio: 'ignore',
        detached: true,
      })
      injection = setInterval(() => tree.spend(PACKAGE, WATTS * 100_000), 100)
    }

    /** Unix time of the newest evaluation of the rules. */
    const EVALUATED = 'timestamp(budget:wattribute_budget_limit_joules:max)'

    beforeAll(async () => {
      writeFileSync(configFile, configWith(LIMIT_JOULES))
      const written = spawnSync(
        process.execPath,
        [CLI, 'rules', `--config.file=${configFile}`, '--burn-rate=10%/1h', `--output=${ruleFile}`],
        { encoding: 'utf8', timeout: 20_000 },
      )
      expect(written).toMatchObject({ status: 0 })
      // A test has no quarter of an hour: what waits for one is due at once, which makes more alerts, not fewer.
      const rules = readFileSync(ruleFile, 'utf8')
      expect(rules).toContain('for: 15m')
      writeFileSync(ruleFile, rules.replace(/for: \d+[mh]/g, 'for: 0s'))

      webhook = await WebhookReceiver.start()
      alertmanager = await AlertmanagerServer.start(alertmanagerProgram, exampleFor(webhook.url))
      exporter = await ExporterProcess.start([`--path.sysfs=${tree.sysfs}`, `--config.file=${configFile}`])
      prometheus = await PrometheusServer.start(prometheusProgram, [new URL(exporter.url).host], {
        alerting: {
          ruleFile,
          evaluationSeconds: EVALUATION_SECONDS,
          alertmanager: alertmanager.address,
        },
      })
    })

    afterAll(async () => {
      clearInterval(injection)
      if (burner?.pid !== undefined) process.kill(-burner.pid, 'SIGKILL')
      await prometheus.stop()
      await exporter.stop()
      await alertmanager.stop()
      await webhook.stop()
      tree.remove()
      rmSync(folder, { recursive: true, force: true })
    })

    test('is told within two evaluations, once, and its consequences are not', async () => {
      await prometheus.until('wattribute_budget_used_joules == 0', (samples) => samples.length === 1)
      await prometheus.until('budget:wattribute_budget_limit_joules:max', (samples) => samples.length === 1)
      expect(webhook.received).toEqual([])

      startLoad()
      await exporter.page((page) => usedOn(page) > LIMIT_JOULES, 60)
      const overrunAt = Date.now()
      const { notification, at } = await webhook.first(({ status }) => status === 'firing', 60)
      expect((at - overrunAt) / 1000).toBeLessThan(2 * EVALUATION_SECONDS)
      expect(notification.receiver).toBe('on-call')
      expect(notification.alerts).toHaveLength(1)
      expect(notification.alerts[0]).toMatchObject({
        labels: { alertname: 'WattributeBudgetOverrun', budget: 'lab', severity: 'critical', scope: 'node' },
        annotations: {
          summary: expect.stringMatching(/^Energy budget lab is overrun on 127\.0\.0\.1:\d+$/),
          runbook_url: expect.stringMatching(/\/docs\/runbooks\/WattributeBudgetOverrun\.md$/),
        },
      })

      // The pace is far too high as well, which Alertmanager knows and keeps for itself.
      await alertmanager.until(
        (alerts) =>
          alerts.some(
            ({ labels, status }) =>
              labels['alertname'] === 'WattributeBudgetBurnRate' &&
              status.state === 'suppressed' &&
              status.inhibitedBy.length === 1,
          ),
        60,
      )
      // The wait of every route is over after so many evaluations: nothing more has come.
      const [before] = await prometheus.query(EVALUATED)
      await prometheus.until(
        EVALUATED,
        ([newest]) => Number(newest?.value[1]) >= Number(before?.value[1]) + 5 * EVALUATION_SECONDS,
        60,
      )
      expect(webhook.received).toHaveLength(1)
    })

    test('a higher limit ends it, once', async () => {
      writeFileSync(configFile, configWith(1e9))
      exporter.child.kill('SIGHUP')
      const { notification } = await webhook.first(({ status }) => status === 'resolved', 60)
      expect(notification.alerts.map(({ labels }) => labels['alertname'])).toEqual([
        'WattributeBudgetOverrun',
      ])
      expect(usedOn((await exporter.get()).body)).toBeGreaterThan(LIMIT_JOULES)
      expect(webhook.received).toHaveLength(2)
    })
  })
})
