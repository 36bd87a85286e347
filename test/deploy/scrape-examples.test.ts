/** The examples in deploy/prometheus/scrape: valid, alike where they must be, and the ones that speak to others do. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { ExporterProcess } from '../e2e/exporter-process.ts'
import { PodNode } from '../e2e/pod-node.ts'
import { freePort, PrometheusServer } from '../e2e/prometheus-server.ts'
import { SCRAPE_EXAMPLES } from '../e2e/scrape-examples.ts'
import { everyRuleOfSeconds } from '../e2e/shipped-rules.ts'
import { selfSigned } from '../exposition/tls-files.ts'
import { requireProgram, withProgram } from '../programs.ts'

jest.setTimeout(120_000)

interface Example {
  readonly global?: { readonly external_labels?: Readonly<Record<string, string>> }
  readonly rule_files?: readonly string[]
  readonly scrape_configs: readonly (Record<string, unknown> & {
    readonly job_name: string
    readonly honor_labels?: boolean
    readonly relabel_configs?: readonly Record<string, unknown>[]
  })[]
  readonly remote_write?: readonly Record<string, unknown>[]
}

/** @param replaced words of the example, by what stands there in a test */
function example(name: string, replaced: Readonly<Record<string, string>> = {}): Example {
  let text = readFileSync(join(SCRAPE_EXAMPLES, `${name}.yaml`), 'utf8')
  for (const [word, other] of Object.entries(replaced)) {
    if (!text.includes(word)) throw new Error(`${name}.yaml does not speak of ${word}`)
    text = text.replaceAll(word, other)
  }
  return parse(text) as Example
}

/** The other half of tls.yaml is no configuration of Prometheus. */
const NAMES = readdirSync(SCRAPE_EXAMPLES)
  .filter((name) => name.endsWith('.yaml') && name !== 'web-config.yaml')
  .map((name) => name.replace('.yaml', ''))

const folder = mkdtempSync(join(tmpdir(), 'wattribute-examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(NAMES)('%s.yaml', (name) => {
  test('keeps the labels of the exporter, and sets none of their names', () => {
    for (const job of example(name).scrape_configs) {
      expect(job.honor_labels).toBe(true)
      const targetLabels = (job.relabel_configs ?? []).map((rule) => rule['target_label'])
      for (const ours of ['namespace', 'pod', 'container', 'workload'])
        expect(targetLabels).not.toContain(ours)
      expect(JSON.stringify(job)).not.toContain('labelmap')
    }
  })

  test('names its job so that the alerts find it, and its targets after machines', () => {
    for (const job of example(name).scrape_configs) {
      expect(job.job_name).toContain('wattribute')
      const targetLabels = (job.relabel_configs ?? []).map((rule) => rule['target_label'])
      if (name !== 'federation') expect(targetLabels).toContain('instance')
    }
  })

  withProgram('promtool', 'is taken by promtool', (run) => {
    // Debian builds Prometheus without Kubernetes: pods come from a file there.
    const { scrape_configs: jobs, ...rest } = example(name)
    const file = join(folder, `${name}.yaml`)
    const taken = jobs.map(({ kubernetes_sd_configs: pods, ...job }) =>
      pods === undefined ? job : { ...job, file_sd_configs: [{ files: [join(folder, 'pods.json')] }] },
    )
    writeFileSync(file, stringify({ ...rest, scrape_configs: taken }))
    const words = ['check', 'config', ...(name === 'agent' ? ['--agent'] : []), file]
    const { status, output } = run(words, '')
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')])
  })
})

requireProgram('prometheus', 'the examples that speak to others', (program) => {
  let node: PodNode
  let receiver: PrometheusServer
  let sender: PrometheusServer
  let beat: NodeJS.Timeout | undefined
  const rules = everyRuleOfSeconds()

  beforeAll(async () => {
    node = await PodNode.start([
      { namespace: 'team-a', workload: 'llama-chat', pod: 'llama-chat-0', container: 'vllm' },
    ])
    node.second()
    beat = setInterval(() => node.second(), 1000)
    receiver = await PrometheusServer.start(program, [], {
      scrapes: [],
      flags: ['--web.enable-remote-write-receiver'],
    })
    const {
      global,
      scrape_configs: scrapes,
      ...sections
    } = example('remote-write', {
      'gpu-1:10451, gpu-2:10451': node.server.address,
      'http://mimir:8080/api/v1/push': `${receiver.url}/api/v1/write`,
      '/etc/prometheus/wattribute/rules/*.yaml': rules.file,
    })
    sender = await PrometheusServer.start(program, [], {
      scrapes,
      sections: {
        ...sections,
        global: { ...global, scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      },
    })
  })

  afterAll(async () => {
    clearInterval(beat)
    await sender.stop()
    await receiver.stop()
    await node.server.stop()
    rules.remove()
  })

  const PER_QUERY = 'workload_boundary:wattribute_energy_per_query_joules:ratio_rate5m{boundary="facility"}'

  test('remote-write.yaml sends counters and what the rules record of them, without single processes', async () => {
    const [sample] = await receiver.until(PER_QUERY, (all) => all.length === 1, 60)
    expect(sample?.metric).toMatchObject({ cluster: 'lab', namespace: 'team-a', workload: 'llama-chat' })
    const energy = await receiver.query('wattribute_container_energy_joules_total')
    expect(energy[0]?.metric).toMatchObject({ cluster: 'lab', instance: '127.0.0.1', pod: 'llama-chat-0' })
    const [there, here] = [await sender.names(), await receiver.names()]
    const kept = there.filter((name) => /^wattribute_process_energy|^nodejs_/.test(name))
    expect(kept).toContain('wattribute_process_energy_joules_total')
    expect(here.filter((name) => kept.includes(name))).toEqual([])
  })

  test('federation.yaml takes what rules have added up, and no single node', async () => {
    const { scrape_configs: jobs } = example('federation', {
      'prometheus-lab:9090, prometheus-hall:9090': new URL(sender.url).host,
    })
    const recorded = (await sender.names()).filter((name) =>
      /^(zone|workload)\w*:wattribute_.*5m$/.test(name),
    )
    expect(recorded).toContain('workload_boundary:wattribute_energy_per_query_joules:ratio_rate5m')
    const above = await PrometheusServer.start(program, [], { scrapes: jobs })
    try {
      const [sample] = await above.until(PER_QUERY, (all) => all.length === 1, 60)
      expect(sample?.metric).toMatchObject({ cluster: 'lab', namespace: 'team-a', workload: 'llama-chat' })
      const own = /^(up|scrape_)/
      const taken = (await above.names()).filter((name) => !own.test(name))
      expect(taken.filter((name) => !/^(zone|workload|cluster|budget)\w*:wattribute_/.test(name))).toEqual([])
      expect(taken).toEqual(expect.arrayContaining(recorded))
    } finally {
      await above.stop()
    }
  })

  test('tls.yaml is let in by an exporter with web-config.yaml', async () => {
    const pair = selfSigned(folder, 'localhost')
    mkdirSync(join(folder, 'etc'))
    const [password, web] = [join(folder, 'etc/password'), join(folder, 'etc/web-config.yaml')]
    writeFileSync(password, 'change-me')
    writeFileSync(
      web,
      stringify(
        example('web-config', {
          '/etc/wattribute/node.crt': pair.certFile,
          '/etc/wattribute/node.key': pair.keyFile,
        }),
      ),
    )
    const port = await freePort()
    const exporter = ExporterProcess.begin([
      `--web.listen-address=localhost:${port}`,
      `--web.config.file=${web}`,
    ])
    await exporter.line(/wattribute is serving/)
    const { scrape_configs: jobs } = example('tls', {
      'gpu-1:10451, gpu-2:10451': `localhost:${port}`,
      '/etc/prometheus/wattribute-ca.crt': pair.certFile,
      '/etc/prometheus/wattribute-password': password,
    })
    const prometheus = await PrometheusServer.start(program, [], { scrapes: jobs })
    try {
      const [up] = await prometheus.until('up', (all) => all[0]?.value[1] === '1')
      expect(up?.metric).toEqual({ __name__: 'up', cluster: 'lab', instance: 'localhost', job: 'wattribute' })
    } finally {
      await prometheus.stop()
      await exporter.stop()
    }
  })
})
