import { expect, test } from '@jest/globals'
import type { WorkloadFacts } from '../../exporter/src/model.ts'
import { pushedReport } from '../../exporter/src/workloads/query-push.ts'
import { facts } from './bookings.ts'

const chat: WorkloadFacts = facts({
  workload: 'chat',
  namespace: 'prod',
  model: 'llama3.1:8b',
  variant: 'q4_k_m',
})

const counted = {
  model: '',
  queries: 3,
  inputTokens: 120,
  cachedInputTokens: 20,
  outputTokens: 400,
}

test('a client speaks for its own workload; what the cache gave is taken off its prompts', () => {
  expect(pushedReport(counted, chat)).toEqual({
    workload: 'chat',
    namespace: 'prod',
    model: 'llama3.1:8b',
    variant: 'q4_k_m',
    server: '',
    source: 'client',
    isEstimated: false,
    queries: 3,
    inputTokens: 100,
    cachedInputTokens: 20,
    outputTokens: 400,
  })
})

test.each([
  ['llama3.1:8b', 'llama3.1:8b', 'q4_k_m'],
  ['Qwen/Qwen3-8B-FP8', 'Qwen/Qwen3-8B', 'fp8'],
  ['mistral', 'mistral', ''],
])('of the model %s it is %s with %j', (said, model, variant) => {
  expect(pushedReport({ ...counted, model: said }, chat)).toMatchObject({ model, variant })
})

test('more tokens from the cache than there were are no debt', () => {
  expect(pushedReport({ ...counted, cachedInputTokens: 200 }, chat)).toMatchObject({ inputTokens: 0 })
})
