import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Consumer, Names } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import type { Claim, PushedCounts } from '../../exporter/src/workloads/marks.ts'
import { namesByPath } from '../../exporter/src/workloads/naming.ts'
import { PushedQueue } from '../../exporter/src/workloads/pushed-counts.ts'
import { claimOf, processIn, serviceGroup } from './phase-play.ts'

const chat = processIn(serviceGroup('chat.service'), 7)
const job = {
  path: '/slurm/job_42',
  identity: { ...serviceGroup('x.service').identity, unit: '', slice: '', slurmJob: '42' },
}

const counts = (who: Claim, queries: number): PushedCounts => ({
  who,
  wall: seconds(0),
  model: '',
  queries,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
})

let queue: PushedQueue
let alive: Consumer[]
let hasNames: boolean
let counted: string[]

beforeEach(() => {
  queue = new PushedQueue()
  alive = [chat]
  hasNames = true
  counted = []
})

const processOf = (pid: number): Consumer | undefined =>
  alive.find((one) => one.kind === 'process' && one.process.pid === pid)

const settle = (at: number, groups = [chat.group]): string[] => {
  const namesOf = ({ group }: Consumer): Names | undefined =>
    hasNames ? namesByPath(group.identity) : undefined
  queue.settle({ at: seconds(at), groups, processOf, namesOf }, ({ queries }, { workload }) =>
    counted.push(`${workload} ${queries}`),
  )
  return counted
}

describe('counts that are pushed', () => {
  test('are of the workload of their sender, once', () => {
    queue.take([counts(claimOf(chat), 3)], seconds(0), processOf)
    expect(settle(1)).toEqual(['chat.service 3'])
    expect(settle(2)).toEqual(['chat.service 3'])
  })

  test('count although their sender has ended meanwhile', () => {
    hasNames = false
    queue.take([counts(claimOf(chat), 3)], seconds(0), processOf)
    expect(settle(1)).toEqual([])
    alive = []
    hasNames = true
    expect(settle(2)).toEqual(['chat.service 3'])
  })

  test('of one that had ended before, or never has a name, are lost', () => {
    hasNames = false
    queue.take(
      [counts({ kind: 'process', pid: 99, startTicks: 1 }, 3), counts(claimOf(chat), 4)],
      seconds(0),
      processOf,
    )
    settle(14)
    settle(15)
    hasNames = true
    expect(settle(16)).toEqual([])
  })

  test('for a job are of the job, once it is there', () => {
    queue.take([counts({ kind: 'slurm_job', slurmJob: '42' }, 5)], seconds(0), processOf)
    expect(settle(1)).toEqual([])
    expect(settle(2, [chat.group, job])).toEqual(['job_42 5'])
  })
})
