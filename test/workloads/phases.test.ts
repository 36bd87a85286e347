import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Consumer, Names } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import type { Phases } from '../../exporter/src/workloads/phases.ts'
import { PhasePlay, POLICY, processIn, serviceGroup, START, START_WALL } from './phase-play.ts'

const TRAIN = serviceGroup('train.service')
const rank0 = processIn(TRAIN, 100)
const rank1 = processIn(TRAIN, 101)
const loader = processIn(TRAIN, 102)
const exited: Consumer = { kind: 'exited', group: TRAIN }
const other = processIn(serviceGroup('web.service'), 200)

let play: PhasePlay

beforeEach(() => {
  play = new PhasePlay()
  play.born(rank0, rank1, loader, other)
})

describe('a mark', () => {
  test('covers its sender and all of its workload, and nobody else', () => {
    play.say(rank0, 'phase=train')
    const activity = play.tick(1, [rank0, loader, exited, other])
    expect(activity.cpu.map(({ consumer }) => consumer.doing?.phase ?? '')).toEqual([
      'train',
      'train',
      'train',
      '',
    ])
    expect(activity.cpu.at(-1)?.consumer).toBe(other)
  })

  test('gives one object for each consumer in a phase', () => {
    play.say(rank0, 'phase=train')
    const [one] = play.tick(1, [rank0]).cpu
    const [two] = play.tick(1, [rank0]).cpu
    expect(one?.consumer).toBe(two?.consumer)
    expect(one?.consumer.doing?.of).toBe(rank0)
    expect(play.namingOf(one?.consumer as Consumer)).toBe(play.namingOf(two?.consumer as Consumer))
  })

  test('with scope=process covers its sender alone', () => {
    play.say(rank0, 'phase=train scope=process')
    expect(play.cpuByPhase(play.tick(1, [rank0, loader]))).toEqual({ train: 1, '': 1 })
  })

  test('of another process of the workload leaves those alone that have one of their own', () => {
    play.say(rank0, 'phase=train')
    play.say(rank1, 'phase=eval')
    expect(play.cpuByPhase(play.tick(1, [rank0, rank1]))).toEqual({ train: 1, eval: 1 })
  })

  test('that is the newest says what those do that have none', () => {
    play.say(rank0, 'phase=train')
    play.tick(1, [])
    play.say(rank1, 'phase=eval')
    expect(play.cpuByPhase(play.tick(1, [loader]))).toEqual({ eval: 1 })
    play.say(rank1, 'end')
    play.tick(1, [])
    expect(play.cpuByPhase(play.tick(1, [loader]))).toEqual({ train: 1 })
  })

  test('does not cover what another user calls the same', () => {
    const ofUser = (user: string): Consumer => {
      const group = { ...TRAIN, path: `/user-${user}`, identity: { ...TRAIN.identity, userId: user } }
      return processIn(group, Number(user))
    }
    const [alice, bob] = [ofUser('1000'), ofUser('1001')]
    play.born(alice, bob)
    for (const one of [alice, bob]) {
      const names = play.namesOf(one) as Names
      play.callIt(one, { ...names, facts: { ...names.facts, user: `user ${one.group.identity.userId}` } })
    }
    play.say(alice, 'phase=train')
    expect(play.cpuByPhase(play.tick(1, [alice, bob]))).toEqual({ train: 1, '': 1 })
  })

  test('in what nobody has told apart covers its sender alone', () => {
    const group = { ...TRAIN, path: '/', identity: { ...TRAIN.identity, unit: '', slice: '' } }
    const [one, two] = [processIn(group, 7), processIn(group, 8)]
    play.born(one, two)
    play.say(one, 'phase=train')
    expect(play.cpuByPhase(play.tick(1, [one, two]))).toEqual({ train: 1, '': 1 })
  })

  test('splits the tick that it is in by time', () => {
    play.say(rank0, 'phase=train', 0.25)
    play.say(rank0, 'phase=eval', 0.75)
    expect(play.cpuByPhase(play.tick(1, [rank0, loader]))).toEqual({ '': 0.5, train: 1, eval: 0.5 })
    expect(play.figures('marked')).toEqual({ train: 0.5, eval: 0.25 })
  })

  test('splits by the activity on each side where the tick was cut', () => {
    play.tick(0.25, [])
    play.say(rank0, 'phase=train')
    expect(play.cpuByPhase(play.tick(0.75, [rank0]))).toEqual({ train: 0.75 })
  })

  test('that came while a tick was made belongs to the next one', () => {
    play.say(rank0, 'phase=train', 1.2)
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ '': 1 })
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({
      '': expect.closeTo(0.2),
      train: expect.closeTo(0.8),
    })
  })

  test('of a time that is booked already begins with the open tick', () => {
    play.tick(1, [])
    play.say(rank0, 'phase=train', -0.5)
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ train: 1 })
    expect(play.figures('marked')).toEqual({ train: 1 })
  })

  test('covers accelerators, too: who used, who held, whose part is a guess', () => {
    play.say(rank0, 'phase=train', 0.25)
    const { accelerators } = play.tick(
      1,
      [],
      new Map([
        [
          'gpu-0',
          {
            use: [
              { to: rank0, weight: 4 },
              { to: 'unresolved_pid' as const, weight: 1 },
            ],
            guessed: new Set([rank0]),
            holders: [{ to: rank0, share: 1 }],
          },
        ],
      ]),
    )
    const gpu = accelerators.get('gpu-0')
    const inTrain = gpu?.use[1]?.to as Consumer
    expect(gpu?.use).toEqual([
      { to: rank0, weight: 1 },
      { to: inTrain, weight: 3 },
      { to: 'unresolved_pid', weight: 1 },
    ])
    expect(inTrain.doing).toEqual({ of: rank0, phase: 'train' })
    expect(gpu?.guessed).toEqual(new Set([rank0, inTrain]))
    expect(gpu?.holders).toEqual([
      { to: rank0, share: 0.25 },
      { to: inTrain, share: 0.75 },
    ])
  })

  test('counts while its workload has no name yet, and its seconds are not lost', () => {
    for (const one of [rank0, rank1, loader]) play.nameless.add(one)
    play.say(rank0, 'phase=init step=3')
    const activity = play.tick(1, [rank0, loader])
    expect(activity.cpu.map(({ consumer }) => consumer.doing?.phase)).toEqual(['init', 'init'])
    expect(play.figures('marked')).toEqual({})
    play.nameless.clear()
    play.tick(1, [rank0])
    expect(play.figures('marked')).toEqual({ init: 2 })
    expect(play.figures('steps')).toEqual({ init: 3 })
  })
})

describe('phases inside phases', () => {
  test('each instant has the innermost', () => {
    play.say(rank0, 'phase=train')
    play.say(rank0, 'begin=eval', 1)
    play.say(rank0, 'begin=checkpoint', 2)
    play.say(rank0, 'end', 3)
    play.say(rank0, 'end', 4)
    expect(play.cpuByPhase(play.tick(10, [rank0]))).toEqual({ train: 7, eval: 2, checkpoint: 1 })
  })

  test('the end of an outer one ends those inside', () => {
    play.say(rank0, 'begin=train')
    play.say(rank0, 'begin=eval', 1)
    play.say(rank0, 'end=train', 2)
    expect(play.cpuByPhase(play.tick(4, [rank0]))).toEqual({ train: 1, eval: 1, '': 2 })
  })

  test('an end whose beginning was lost ends nothing', () => {
    play.say(rank0, 'begin=train')
    play.say(rank0, 'end=eval', 1)
    expect(play.cpuByPhase(play.tick(2, [rank0]))).toEqual({ train: 2 })
  })

  test('phase= takes the place of all that are open', () => {
    play.say(rank0, 'begin=train')
    play.say(rank0, 'begin=eval')
    play.say(rank0, 'phase=idle', 1)
    play.say(rank0, 'end', 2)
    expect(play.cpuByPhase(play.tick(4, [rank0]))).toEqual({ eval: 1, idle: 1, '': 2 })
  })

  test('a flood of changes keeps its newest', () => {
    for (let index = 0; index < 2000; index += 1) play.say(rank0, 'begin=eval', index / 4000)
    for (let index = 0; index < 2000; index += 1) play.say(rank0, 'end', 0.5 + index / 4000)
    play.say(rank0, 'phase=train', 1)
    const sums = play.cpuByPhase(play.tick(1, [rank0]))
    expect(Object.values(sums).reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 9)
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ train: 1 })
  })
})

describe('many ranks', () => {
  test('seconds are the time in which at least one was in the phase', () => {
    play.say(rank0, 'phase=train', 0)
    play.say(rank1, 'phase=train', 2)
    play.say(rank0, 'end', 3)
    play.say(rank1, 'end', 6)
    play.tick(10, [])
    expect(play.figures('marked')).toEqual({ train: 6 })
  })

  test('steps are those of the one that has done the most, samples those of all', () => {
    for (const rank of [rank0, rank1]) play.say(rank, 'phase=train')
    for (let index = 0; index < 5; index += 1) {
      play.say(rank0, 'step samples=16')
      if (index < 3) play.say(rank1, 'step samples=16')
      play.tick(1, [])
    }
    expect(play.figures('steps')).toEqual({ train: 5 })
    expect(play.figures('samples')).toEqual({ train: 8 * 16 })
  })

  test('a rank that comes in place of another goes on counting', () => {
    play.say(rank0, 'phase=train step=10')
    play.tick(1, [])
    play.alive.delete(rank0)
    play.tick(1, [])
    const next = processIn(TRAIN, 100, 5000)
    play.born(next)
    play.say(next, 'phase=train step=7')
    play.tick(1, [])
    expect(play.figures('steps')).toEqual({ train: 17 })
  })
})

describe('the end of a mark', () => {
  test('a process that has gone ends its phases, its last tick included', () => {
    play.say(rank0, 'phase=train')
    play.tick(1, [rank0])
    play.alive.delete(rank0)
    expect(play.cpuByPhase(play.tick(1, [exited]))).toEqual({ train: 1 })
    expect(play.cpuByPhase(play.tick(1, [loader]))).toEqual({ '': 1 })
    expect(play.phases.openMarks).toBe(0)
  })

  test('another process with its pid is another', () => {
    play.say(rank0, 'phase=train')
    play.tick(1, [rank0])
    play.alive.delete(rank0)
    const next = processIn(TRAIN, 100, 7)
    play.born(next)
    play.tick(1, [next])
    expect(play.cpuByPhase(play.tick(1, [next]))).toEqual({ '': 1 })
  })

  test('after ten minutes without a line nobody knows', () => {
    play.say(rank0, 'phase=train')
    play.tick(599, [])
    expect(play.cpuByPhase(play.tick(2, [rank0]))).toEqual({ train: 1, unknown: 1 })
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ unknown: 1 })
    play.say(rank0, 'phase=train')
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ train: 1 })
  })

  test.each(['refresh', 'step', 'phase=train', 'phase=train/forward dur=0'])('%s renews it', (line) => {
    play.say(rank0, 'phase=train')
    play.tick(599, [])
    play.say(rank0, line)
    const sums = play.cpuByPhase(play.tick(500, [exited]))
    expect(sums).toEqual({ train: 500 })
  })

  test('a mark may ask for a longer lease', () => {
    play.say(rank0, 'phase=train lease=3600')
    play.tick(3000, [])
    expect(play.cpuByPhase(play.tick(1000, [rank0]))).toEqual({ train: 600, unknown: 400 })
  })
})

describe('reports', () => {
  test('what a process did waits for its report, and is split by it, the rest to the phase that it marked', () => {
    play.say(rank0, 'phase=train')
    play.say(rank0, 'phase=train/forward dur=0.3', 1)
    play.tick(1, [rank0])
    const waiting = play.tick(1, [rank0])
    expect(play.cpuByPhase(waiting)).toEqual({ '?': 1 })
    play.say(rank0, 'phase=train/forward dur=0.6 n=2', 1)
    play.say(rank0, 'phase=train/backward dur=1.2 n=2', 1)
    const reported = play.tick(1, [rank0])
    for (const activity of [waiting, reported]) {
      expect(play.cpuByPhase(activity)).toEqual({
        'train/forward': expect.closeTo(0.3),
        'train/backward': expect.closeTo(0.6),
        train: expect.closeTo(0.1),
      })
    }
    expect(play.figures('reported')).toEqual({ 'train/forward': 0.9, 'train/backward': 1.2 })
    expect(play.figures('marked')).toEqual({ train: 0.9 })
    expect(play.figures('steps')).toEqual({ 'train/forward': 3, 'train/backward': 2 })
  })

  test('cover what was done up to them, and not what comes after in the same tick', () => {
    play.say(rank0, 'phase=train')
    play.say(rank0, 'phase=train/forward dur=0.4', 0.5)
    const activity = play.tick(1, [rank0])
    expect(play.cpuByPhase(activity)).toEqual({
      'train/forward': expect.closeTo(0.4),
      train: expect.closeTo(0.1),
      '?': 0.5,
    })
  })

  test('are waited for ten seconds', () => {
    play.say(rank0, 'phase=train')
    play.say(rank0, 'phase=train/forward dur=1', 1)
    play.tick(1, [rank0])
    const ticks = Array.from({ length: 10 }, () => play.tick(1, [rank0]))
    for (const activity of ticks) expect(play.cpuByPhase(activity)).toEqual({ train: 1 })
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ train: 1 }) // it reports no longer
    expect(play.figures('marked')).toEqual({ train: 11 })
  })

  test('of more time than there was split what there was', () => {
    play.say(rank0, 'phase=train')
    play.say(rank0, 'phase=train/forward dur=30', 1)
    play.say(rank0, 'phase=train/backward dur=10', 1)
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ 'train/forward': 0.75, 'train/backward': 0.25 })
    expect(play.figures('reported')).toEqual({ 'train/forward': 0.75, 'train/backward': 0.25 })
  })

  test('of a process that has gone will not come', () => {
    play.say(rank0, 'phase=train')
    play.say(rank0, 'phase=train/forward dur=0.5', 1)
    play.tick(1, [rank0])
    const waiting = play.tick(1, [rank0])
    play.alive.delete(rank0)
    play.tick(1, [])
    expect(play.cpuByPhase(waiting)).toEqual({ train: 1 })
  })

  test('speak for the process that reports, not for the others of its workload', () => {
    play.say(rank0, 'phase=train')
    play.say(rank0, 'phase=train/forward dur=1', 1)
    expect(play.cpuByPhase(play.tick(1, [loader]))).toEqual({ train: 1 })
  })

  test('of many ranks that do the same count once', () => {
    for (let tick = 0; tick < 5; tick += 1) {
      for (const rank of [rank0, rank1]) play.say(rank, 'phase=train/forward dur=0.5', 1)
      play.tick(1, [])
    }
    expect(play.figures('reported')).toEqual({ 'train/forward': 2.5 })
  })

  test('that stop and come again lose none of the time between', () => {
    play.say(rank0, 'phase=train')
    for (let tick = 0; tick < 3; tick += 1) {
      play.say(rank0, 'phase=train/forward dur=0.5', 1)
      play.tick(1, [])
    }
    play.tick(10, [])
    play.tick(100, [])
    for (let tick = 0; tick < 3; tick += 1) {
      play.say(rank0, 'phase=train/forward dur=0.5', 1)
      play.tick(1, [])
    }
    expect(play.figures('marked')).toEqual({ train: 113 })
    expect(play.figures('reported')).toEqual({ 'train/forward': 3 })
  })
})

describe('names of phases', () => {
  test('a workload has 16 of its own, and the others are other', () => {
    for (let index = 0; index < 20; index += 1) {
      play.say(rank0, `phase=custom-${index}`)
      play.tick(1, [rank0])
    }
    const phases = Object.keys(play.figures('marked'))
    expect(phases).toHaveLength(17)
    expect(play.figures('marked')['other']).toBe(4)
    expect(play.phases.counts.dropped).toBe(4)
    play.say(rank0, 'phase=checkpoint')
    expect(play.cpuByPhase(play.tick(1, [rank0]))).toEqual({ checkpoint: 1 })
  })
})

describe('containers, pods and jobs that others speak for', () => {
  const job = {
    path: '/slurm/job_42/step_0',
    identity: { ...TRAIN.identity, unit: '', slice: '', slurmJob: '42' },
  }
  const inJob = processIn(job, 300)

  test('all in them are covered', () => {
    play.born(inJob)
    play.say({ kind: 'slurm_job', slurmJob: '42' }, 'phase=train')
    expect(play.cpuByPhase(play.tick(1, [inJob, rank0]))).toEqual({ train: 1, '': 1 })
  })

  test('a job may be spoken for before it begins', () => {
    play.say({ kind: 'slurm_job', slurmJob: '42' }, 'run=start phase=init')
    for (let tick = 0; tick < 30; tick += 1) play.tick(1, [])
    play.born(inJob)
    expect(play.cpuByPhase(play.tick(1, [inJob]))).toEqual({ init: 1 })
    expect(Array.from(play.phases.counts.runs(seconds(play.at)))).toMatchObject([{ wall: START_WALL }])
  })

  test('one that never comes is forgotten with its lease', () => {
    play.say({ kind: 'slurm_job', slurmJob: '43' }, 'phase=init')
    play.tick(601, [])
    play.tick(1, [])
    expect(play.phases.openMarks).toBe(0)
  })

  test('a process’s own mark comes before', () => {
    play.born(inJob)
    play.say({ kind: 'slurm_job', slurmJob: '42' }, 'phase=train')
    play.say(inJob, 'phase=eval')
    expect(play.cpuByPhase(play.tick(1, [inJob]))).toEqual({ eval: 1 })
  })

  test('what is marked within a job is what it does from then on, and the mark of the job rests', () => {
    const worker = processIn(job, 301)
    play.born(inJob)
    play.born(worker)
    play.say({ kind: 'slurm_job', slurmJob: '42' }, 'phase=init')
    expect(play.cpuByPhase(play.tick(2, [inJob, worker]))).toEqual({ init: 4 })
    play.say(inJob, 'phase=train', 1)
    play.tick(3, [inJob, worker])
    expect(play.cpuByPhase(play.tick(4, [inJob, worker]))).toEqual({ train: 8 })
    expect(play.counted('marked')).toEqual({ init: 3, train: 6 })
    play.say(inJob, 'end', 1)
    play.tick(2, [inJob, worker])
    expect(play.cpuByPhase(play.tick(1, [worker]))).toEqual({ init: 1 })
    expect(play.counted('marked')).toEqual({ init: 5, train: 7 })
  })

  test('a newer mark of the job is what those do who have none of their own', () => {
    const worker = processIn(job, 301)
    play.born(inJob)
    play.born(worker)
    play.say({ kind: 'slurm_job', slurmJob: '42' }, 'phase=init')
    play.say(inJob, 'phase=train', 0.5)
    play.tick(1, [inJob, worker])
    play.say({ kind: 'slurm_job', slurmJob: '42' }, 'phase=eval')
    expect(play.cpuByPhase(play.tick(1, [inJob, worker]))).toEqual({ train: 1, eval: 1 })
  })
})

test('a run that begins is told in Unix time', () => {
  play.tick(10, [])
  play.say(rank0, 'run=start', 0.5)
  play.tick(1, [])
  expect(Array.from(play.phases.counts.runs(seconds(play.at)))).toEqual([
    { workload: 'train.service', namespace: '', wall: START_WALL + 10.5 },
  ])
})

describe('series', () => {
  test('stand at 0 until scrapers have seen them, and where they were when they come back; their timeline goes on', () => {
    play = new PhasePlay({ ...POLICY, birthHold: seconds(30) })
    play.born(rank0)
    play.tick(60, [])
    play.say(rank0, 'phase=train lease=86400')
    play.tick(10, [])
    expect(play.figures('marked')).toEqual({ train: 0 })
    expect(play.counted('marked')).toEqual({ train: 10 })
    play.tick(21, [])
    play.tick(10, [])
    expect(play.figures('marked')).toEqual({ train: 41 })
    play.say(rank0, 'end')
    play.alive.delete(rank0)
    play.tick(1, [])
    play.tick(601, [])
    expect(play.figures('marked')).toEqual({})
    play.born(rank1)
    play.say(rank1, 'phase=train')
    play.tick(5, [])
    expect(play.figures('marked')).toEqual({ train: 41 })
    expect(play.counted('marked')).toEqual({ train: 46 })
    play.tick(31, [])
    play.tick(1, [])
    expect(play.figures('marked')).toEqual({ train: 78 })
  })
})

test('a later run goes on with the figures and the open phases of this one', () => {
  play.say(rank0, 'phase=train step=5 samples=10')
  play.say(rank1, 'phase=eval')
  play.tick(1, [])
  const state = JSON.parse(JSON.stringify(play.phases.state())) as ReturnType<Phases['state']>
  const changes = [() => play.say(rank1, 'end'), () => play.say(rank0, 'begin=checkpoint')].map((say) => {
    say()
    play.tick(1, [])
    return play.phases.changes()
  })
  const before = ['marked', 'reported', 'steps', 'samples'] as const
  const figures = before.map((figure) => play.figures(figure))
  const next = new PhasePlay()
  next.born(rank0, rank1)
  next.at = START + 100
  for (const one of [state, ...changes]) {
    if (one !== undefined)
      next.phases.restore(JSON.parse(JSON.stringify(one)) as typeof one, seconds(next.at))
  }
  expect(before.map((figure) => next.figures(figure))).toEqual(figures)
  expect(next.phases.openMarks).toBe(1)
  expect(next.cpuByPhase(next.tick(1, [rank0]))).toEqual({ checkpoint: 1 })
  next.say(rank0, 'end')
  expect(next.cpuByPhase(next.tick(1, [rank0]))).toEqual({ train: 1 })
})
