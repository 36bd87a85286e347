import { describe, expect, test } from '@jest/globals'
import { identityOf } from '../../exporter/src/activity/identity.ts'
import { workloadFindings, workloadsText, type NamedProcess } from '../../exporter/src/doctor/workloads.ts'

const about = { version: 'VERSION', host: 'gpu-07', seconds: 2 }

const process = (pid: number, given: Partial<NamedProcess>): NamedProcess => ({
  pid,
  comm: 'python3',
  identity: identityOf('/system.slice/x.service'),
  labels: { workload: 'x.service', namespace: '', kind: 'system', model: '', variant: '' },
  rule: undefined,
  labelled: [],
  recognised: undefined,
  verdict: 'plain',
  ...given,
})

const chat = { workload: 'chat', namespace: 'prod', kind: 'inference', model: 'x/y', variant: 'fp8' } as const
const DOCKER = identityOf(`/docker/${'a'.repeat(64)}`)

describe('the doctor explains who is called what', () => {
  test('AI first, each with its reasons', () => {
    const text = workloadsText(
      workloadFindings(
        [
          process(7, {}),
          process(30, {
            comm: 'VLLM::EngineCor',
            identity: DOCKER,
            labels: chat,
            rule: { number: 2, line: 14, says: ['workload', 'namespace'] },
            labelled: ['variant'],
            recognised: { reason: 'arguments of vllm', pid: 20 },
            verdict: 'recognised',
          }),
          process(20, {
            comm: 'vllm',
            identity: DOCKER,
            labels: chat,
            recognised: { reason: 'arguments of vllm', pid: 20 },
            verdict: 'recognised',
          }),
          process(40, {
            comm: 'sh',
            identity: DOCKER,
            labels: chat,
            recognised: { reason: 'arguments of vllm', pid: 20 },
          }),
          process(50, {
            verdict: 'unsure',
            labels: { ...chat, workload: 'job', kind: 'unknown', model: '' },
          }),
          process(60, { labels: undefined }),
        ],
        about,
      ),
    )
    expect(text).toBe(`wattribute doctor VERSION: workloads of gpu-07; watched for 2.0 s

chat: inference, model x/y, variant fp8, namespace prod
  rule 2 of the configuration, line 14: workload, namespace
  labels of its container or pod: variant
  recognised: arguments of vllm, of its ancestor or server, process 20
  name: container of docker
  processes: VLLM::EngineCor (30)

chat: inference, model x/y, variant fp8, namespace prod
  recognised: arguments of vllm
  name: container of docker
  processes: vllm (20)

chat: inference, model x/y, variant fp8, namespace prod
  recognised: arguments of vllm, of what it lives with, process 20
  name: container of docker
  processes: sh (40)

(no name yet): unknown
  its container is still being looked up
  processes: python3 (60)

job: unknown, variant fp8, namespace prod
  not recognised: it may be AI, and nothing says what it does; a rule of the configuration can
  name: unit x.service
  processes: python3 (50)

x.service: system
  not recognised: nothing speaks for AI
  name: unit x.service
  processes: python3 (7)
`)
  })

  test('many alike are one entry, and many entries are cut', () => {
    const alike = Array.from({ length: 100 }, (_, pid) => process(pid, {}))
    const [only] = workloadFindings(alike, about).workloads
    expect(only).toMatchObject({ processCount: 100, processes: { length: 20 } })
    const different = alike.flatMap((_, one) =>
      ['a', 'b', 'c'].map((name) => process(one, { labels: { ...chat, workload: `${name}-${one}` } })),
    )
    const findings = workloadFindings(different, about)
    expect([findings.workloads.length, findings.omitted]).toEqual([200, 100])
    expect(workloadsText(findings)).toContain('100 more are not shown.')
  })

  test('what a process calls itself cannot command a terminal', () => {
    const text = workloadsText(workloadFindings([process(1, { comm: '\u001b[2Jx\u009b' })], about))
    expect(text).toContain('?[2Jx? (1)')
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })

  test('where nothing was at work it says so', () => {
    expect(workloadsText(workloadFindings([], about))).toContain('No process was seen at work.')
  })
})
