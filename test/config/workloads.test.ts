import { afterAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig, type Config } from '../../exporter/src/config/load.ts'

const folder = mkdtempSync(join(tmpdir(), 'wattribute-workloads-'))
const file = join(folder, 'wattribute.yml')

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function load(text: string): Config {
  writeFileSync(file, text)
  return loadConfig(file, () => 'Asia/Kathmandu')
}

function problemsOf(text: string): readonly string[] {
  try {
    load(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

/** One rule in braces on line 1; it begins at column 13. */
const rule = (keys: string): string => `workloads: [{${keys}}]`

describe('a rule that says who is what', () => {
  test('has what is given, and the line on which it stands', () => {
    const text = [
      'workloads:',
      '  - match: { unit: vllm.service }',
      '    workload: chat',
      '',
      '  - match:',
      '      command: "*/train.py *"',
      '      environment: { PROJECT: "a*" }',
      '      container_labels: { team: ml }',
      '      pod_labels: { app: x }',
      "      slurm_job: '7'",
      '    namespace: ""',
      '    kind: training',
      '    model: Qwen/Qwen3-8B',
      '    variant: bf16',
    ]
    expect(load(text.join('\n')).workloads).toEqual([
      { line: 2, match: { unit: 'vllm.service' }, says: { workload: 'chat' } },
      {
        line: 5,
        match: {
          command: '*/train.py *',
          environment: { PROJECT: 'a*' },
          containerLabels: { team: 'ml' },
          podLabels: { app: 'x' },
          slurmJob: '7',
        },
        says: { namespace: '', kind: 'training', model: 'Qwen/Qwen3-8B', variant: 'bf16' },
      },
    ])
  })

  test('is not there unless it is given', () => {
    expect(loadConfig(undefined, () => 'UTC').workloads).toEqual([])
  })

  test('crosses to another thread as it is', () => {
    const { workloads } = load(rule('match: {user: alice}, kind: training'))
    expect(structuredClone(workloads)).toEqual(workloads)
  })
})

describe('one line says what is wrong with', () => {
  test.each([
    [
      'no condition',
      rule('match: {}, workload: w'),
      '`workloads[0].match` (line 1, column 21) needs a condition, such as `command`',
    ],
    ['no match', rule('workload: w'), '`workloads[0].match` (line 1, column 13) is missing'],
    [
      'nothing to say',
      rule('match: {user: a}'),
      '`workloads[0]` (line 1, column 13) says nothing: give `workload`, `namespace`, `kind`, `model` or `variant`',
    ],
    [
      'a kind that does not exist',
      rule('match: {user: a}, kind: traning'),
      '`workloads[0].kind` (line 1, column 38) must be one of training, inference, interactive, other, system, unknown',
    ],
    [
      'an unknown condition',
      rule('match: {comand: a}, workload: w'),
      'unknown key `workloads[0].match.comand` (line 1, column 22): did you mean `workloads[0].match.command`?',
    ],
    [
      'a name of several lines',
      rule('match: {user: a}, workload: "a\\nb"'),
      '`workloads[0].workload` (line 1, column 42) must be one line',
    ],
    [
      'a long name',
      rule(`match: {user: a}, model: ${'m'.repeat(129)}`),
      '`workloads[0].model` (line 1, column 39) must have at most 128 characters',
    ],
    [
      'a number for a text',
      rule('match: {slurm_job: 7}, workload: w'),
      '`workloads[0].match.slurm_job` (line 1, column 33) must be text, not a number',
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)).toContain(problem)
  })
})
