import { describe, expect, test } from '@jest/globals'
import type { Findings, JobFindings } from '../../exporter/src/model.ts'
import { nothingFound, Populated } from './populated.ts'

const ID = '0123456789abcdef'.repeat(4)
const DOCKER = `/system.slice/docker-${ID}.scope`
const SESSION = '/user.slice/user-1000.slice/session-4.scope'
const OLLAMA = '/system.slice/ollama.service'
const BLOB = (digit: string): string => `/root/.ollama/models/blobs/sha256-${digit.repeat(64)}`

const named = (name: string, labels: Record<string, string> = {}): Findings => ({
  ...nothingFound,
  container: { name, image: 'vllm/vllm-openai:v0.11', labels, pod: undefined },
})

const job = (found: Partial<JobFindings>): Findings => ({
  ...nothingFound,
  job: { name: 'pretrain', account: 'physics', user: 'alice', devices: [], ...found },
})

describe('one container, one workload', () => {
  test('what its server says holds for all in it, also for those that have exited', () => {
    const machine = new Populated()
    machine.findings.set(ID, named('llama-chat'))
    const server = machine.start(10, DOCKER, 'vllm serve Qwen/Qwen3-8B-FP8')
    const engine = machine.start(11, DOCKER, 'VLLM::EngineCore', 10)
    const shell = machine.start(12, DOCKER, 'sh -c date')
    machine.tick()
    const label = 'llama-chat | inference | Qwen/Qwen3-8B | fp8'
    const all = [server, engine, shell, machine.exited(DOCKER)]
    expect(all.map((one) => machine.labels(one))).toEqual([label, label, label, label])
    expect(new Set(all.map((one) => machine.names(one))).size).toBe(1) // one object: accounts are found by it
  })

  test('who has just ended is still called so, until another says something else', () => {
    const machine = new Populated()
    const server = machine.start(10, DOCKER, 'vllm serve Qwen/Qwen3-8B')
    machine.tick()
    machine.end(server)
    machine.tick([machine.exited(DOCKER)], { seconds: 10 })
    expect(machine.labels(machine.exited(DOCKER))).toBe('0123456789ab | inference | Qwen/Qwen3-8B | ')
    const next = machine.start(20, DOCKER, 'vllm serve microsoft/phi-4')
    machine.tick([next])
    expect(machine.labels(machine.exited(DOCKER))).toBe('0123456789ab | inference | microsoft/phi-4 | ')
    expect(machine.labels(server)).toBe('0123456789ab | inference | Qwen/Qwen3-8B | ') // its late energy
  })

  test('several models in one group: each process has its own, the others what they share', () => {
    const machine = new Populated()
    machine.folders.set(BLOB('a'), ['llama3.1:8b'])
    machine.folders.set(BLOB('b'), ['qwen3:4b-q8_0', 'qwen3:latest'])
    const serve = machine.start(1, OLLAMA, 'ollama serve')
    const one = machine.start(2, OLLAMA, `ollama runner --model ${BLOB('a')} --port 1`, 1)
    machine.tick()
    const only = 'ollama.service | inference | llama3.1:8b | '
    expect([serve, one].map((each) => machine.labels(each))).toEqual([only, only])
    const other = machine.start(3, OLLAMA, `ollama runner --model ${BLOB('b')} --port 2`, 1)
    machine.tick()
    expect([serve, one, other, machine.exited(OLLAMA)].map((each) => machine.labels(each))).toEqual([
      'ollama.service | inference |  | ',
      only,
      'ollama.service | inference | qwen3:4b | q8_0',
      'ollama.service | inference |  | ',
    ])
    machine.end(one)
    machine.tick([serve, other], { seconds: 6 })
    expect(machine.labels(serve)).toBe('ollama.service | inference | qwen3:4b | q8_0')
  })

  test('a launcher that does not tell the precision agrees with shards that do', () => {
    const machine = new Populated()
    const launcher = machine.start(1, DOCKER, 'text-generation-launcher --model-id x/y')
    const shards = [2, 3].map((pid) =>
      machine.start(pid, DOCKER, 'text-generation-server serve x/y --dtype float16', 1),
    )
    machine.tick()
    const label = '0123456789ab | inference | x/y | fp16'
    expect([launcher, ...shards, machine.exited(DOCKER)].map((one) => machine.labels(one))).toEqual([
      label,
      label,
      label,
      label,
    ])
  })

  test('workers of one launcher may tell more or less of its model', () => {
    const machine = new Populated()
    const launcher = machine.start(1, DOCKER, 'torchrun train.py')
    const trainer = machine.start(2, DOCKER, 'python train.py --model_name_or_path x/y --bf16', 1)
    const loader = machine.start(3, DOCKER, 'python -c spawn', 1)
    machine.tick([launcher])
    machine.tick([trainer])
    machine.tick([loader])
    const label = '0123456789ab | training | x/y | bf16'
    expect([launcher, trainer, loader].map((one) => machine.labels(one))).toEqual([label, label, label])
  })

  test('training and inference in one job: each is what it says, the rest is unknown', () => {
    const machine = new Populated()
    const path = '/system.slice/slurmstepd.scope/job_7/step_0/user/task_0'
    machine.findings.set('7', job({ name: 'grpo' }))
    const trainer = machine.start(1, path, 'torchrun train_grpo.py --model_name_or_path x/y')
    const server = machine.start(2, path, 'vllm serve x/y')
    const other = machine.start(3, path, 'rsync a b')
    machine.tick()
    expect([trainer, server, other].map((each) => machine.labels(each))).toEqual([
      'grpo | training | x/y | ',
      'grpo | inference | x/y | ',
      'grpo | unknown |  | ',
    ])
    expect(machine.names(other).facts).toMatchObject({
      namespace: 'physics',
      user: 'alice',
      account: 'physics',
    })
  })

  test('the steps of one job are one workload', () => {
    const machine = new Populated()
    machine.findings.set('7', job({}))
    const steps = ['step_0', 'step_1'].map(
      (step) => `/system.slice/slurmstepd.scope/job_7/${step}/user/task_0`,
    )
    const [launcher, worker] = steps.map((path, index) =>
      machine.start(index + 1, path, index === 0 ? 'torchrun train.py' : 'hostname'),
    )
    machine.tick()
    expect([launcher, worker].map((each) => each && machine.labels(each))).toEqual([
      'pretrain | training |  | ',
      'pretrain | training |  | ',
    ])
  })

  test('nothing of AI is `other`; what may be is `unknown`', () => {
    const machine = new Populated()
    const web = `/docker/${'1'.repeat(64)}`
    const script = `/docker/${'2'.repeat(64)}`
    const unseen = `/docker/${'3'.repeat(64)}`
    const nginx = machine.start(1, web, 'nginx: worker process')
    const python = machine.start(2, script, 'python train.py')
    machine.tick()
    const kindOf = (path: string): string => machine.names(machine.exited(path)).facts.kind
    expect([nginx, python].map((one) => machine.names(one).facts.kind)).toEqual(['other', 'unknown'])
    expect([web, script, unseen].map(kindOf)).toEqual(['other', 'unknown', 'unknown'])
  })

  test('who uses an accelerator and says nothing is `unknown`, also a service of the system', () => {
    const machine = new Populated()
    const service = machine.start(1, '/system.slice/render.service', 'blender -b')
    machine.tick()
    expect(machine.labels(service)).toBe('render.service | system |  | ')
    machine.tick([service], { holders: [service] })
    expect(machine.labels(service)).toBe('render.service | unknown |  | ')
  })
})

describe('where people start what they like', () => {
  test('model or launcher name the workload, session and user manager do not', () => {
    const machine = new Populated()
    const consumers = [
      machine.start(1, SESSION, 'vllm serve Qwen/Qwen3-8B'),
      machine.start(2, SESSION, 'VLLM::EngineCore', 1),
      machine.start(3, SESSION, 'torchrun train.py'),
      machine.start(4, '/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope', 'ollama serve'),
      machine.start(5, '/system.slice/cron.service', 'llama-server -m phi-4-Q4_K_M.gguf'),
      machine.start(6, '/system.slice/run-u12.service', 'jupyter-lab'),
      machine.start(7, '/', 'tritonserver --model-repository=/a --model-repository=/b'),
    ]
    machine.tick()
    expect(consumers.map((one) => machine.labels(one))).toEqual([
      'Qwen/Qwen3-8B | inference | Qwen/Qwen3-8B | ',
      'Qwen/Qwen3-8B | inference | Qwen/Qwen3-8B | ',
      'torchrun | training |  | ',
      'ollama | inference |  | ',
      'phi-4 | inference | phi-4 | q4_k_m',
      'jupyter | interactive |  | ',
      'triton | inference | multiple | ',
    ])
  })

  test('the others there keep their name', () => {
    const machine = new Populated()
    machine.start(1, SESSION, 'vllm serve Qwen/Qwen3-8B')
    const others = [
      machine.start(2, SESSION, 'make -j8'),
      machine.start(3, SESSION, 'python train.py'),
      machine.start(4, '/system.slice/cron.service', 'cron -f'),
    ]
    machine.tick()
    expect([...others, machine.exited(SESSION)].map((one) => machine.labels(one))).toEqual([
      'session-4.scope | other |  | ',
      'session-4.scope | unknown |  | ',
      'cron.service | system |  | ',
      'session-4.scope | other |  | ',
    ])
  })
})

describe('a process that changes', () => {
  test('after an exec it is another workload; the same object comes back with the same names', () => {
    const machine = new Populated()
    const process = machine.start(1, SESSION, 'python3 run.py')
    machine.tick()
    const before = machine.names(process)
    expect(before.facts.kind).toBe('unknown')
    machine.exec(process, 'python3 -m vllm.entrypoints.openai.api_server --model x/y') // its name stays
    machine.tick()
    expect(machine.labels(process)).toBe('x/y | inference | x/y | ')
    machine.exec(process, 'python3 run.py')
    machine.tick()
    expect(machine.names(process)).toBe(before)
  })

  test('it is looked at once, however long it runs', () => {
    const machine = new Populated()
    const process = machine.start(1, SESSION, 'vllm serve x/y')
    for (let tick = 0; tick < 200; tick += 1) {
      machine.tick([process])
      machine.names(process)
    }
    expect(machine.looks).toEqual([1])
  })

  test('a title is looked at after a while, those of threads of the kernel never', () => {
    const machine = new Populated()
    const engine = machine.start(1, SESSION, 'python3 -c spawn_main', 2)
    const thread = machine.start(9, '/', { command: [''], comm: 'kworker/0:1' })
    const { argumentsAt } = engine.process
    machine.tick()
    machine.exec(engine, 'VLLM::EngineCore')
    for (let tick = 0; tick < 10; tick += 1) {
      Object.assign(engine.process, { argumentsAt }) // written over the same arguments
      Object.assign(thread.process, { comm: `kworker/0:1-${tick}` })
      machine.tick()
    }
    expect(machine.looks).toEqual([1, 9, 1])
    expect(machine.names(engine).facts.kind).toBe('inference')
  })

  test('many at once are looked at bit by bit, the busiest first; who uses little does not wait', () => {
    const machine = new Populated()
    const busy = Array.from({ length: 292 }, (_, index) =>
      machine.start(index + 1, SESSION, 'vllm serve x/y'),
    )
    const idle = machine.start(5000, SESSION, 'vllm serve x/y')
    machine.tick(busy)
    const waiting = (): number => busy.filter((one) => machine.who.nameOf(one) === undefined).length
    expect(waiting()).toBe(36)
    machine.tick([idle], { milliseconds: 1 })
    machine.tick(busy)
    expect(waiting()).toBe(0)
    expect(machine.looks).toHaveLength(293)
  })

  test('nobody waits for ever: neither for its turn nor for a folder that does not answer', () => {
    const machine = new Populated()
    const runner = machine.start(1, SESSION, `ollama runner --model ${BLOB('c')}`)
    machine.tick()
    expect(machine.who.nameOf(runner)).toBeUndefined()
    for (let tick = 0; tick < 10; tick += 1) machine.tick()
    expect(machine.labels(runner)).toBe('ollama | inference |  | ')
  })

  test('while its container is being looked up, it has no name', () => {
    const machine = new Populated()
    machine.findings.set(ID, undefined)
    const process = machine.start(1, DOCKER, 'vllm serve x/y')
    machine.tick()
    expect(machine.who.nameOf(process)).toBeUndefined()
    machine.findings.set(ID, named('chat'))
    machine.tick()
    expect(machine.labels(process)).toBe('chat | inference | x/y | ')
  })

  test('one that is gone before it could be seen is called as those it lived with', () => {
    const machine = new Populated()
    const process = machine.start(1, DOCKER, 'vllm serve x/y')
    machine.end(process)
    machine.tick([process])
    expect(machine.labels(process)).toBe('0123456789ab | unknown |  | ')
    expect(machine.who.explanations()).toMatchObject([{ verdict: 'unseen' }])
  })
})

describe('rules and labels', () => {
  const rule = { line: 3, match: {}, says: {} }

  test('the first rule that fits, then labels, then what is recognised; each field for itself', () => {
    const machine = new Populated([
      { ...rule, match: { container: 'nobody' }, says: { workload: 'wrong' } },
      { ...rule, match: { container: 'llama-*' }, says: { workload: 'chat', namespace: 'prod' } },
      { ...rule, match: { container: 'llama-chat' }, says: { workload: 'too-late' } },
    ])
    machine.findings.set(
      ID,
      named('llama-chat', {
        'wattribute.io/workload': 'by-label',
        'wattribute.io/kind': 'training',
        'wattribute.io/model': 'me/mine-FP8',
      }),
    )
    const server = machine.start(1, DOCKER, 'vllm serve x/y --dtype bfloat16')
    machine.tick()
    expect(machine.labels(server)).toBe('chat | training | me/mine | fp8')
    expect(machine.names(server).facts.namespace).toBe('prod')
    expect(machine.labels(machine.exited(DOCKER))).toBe('chat | training | me/mine | fp8')
  })

  test('a label of a kind that does not exist says nothing', () => {
    const machine = new Populated()
    machine.findings.set(ID, named('c', { 'wattribute.io/kind': 'nonsense' }))
    const server = machine.start(1, DOCKER, 'vllm serve x/y')
    machine.tick()
    expect(machine.labels(server)).toBe('c | inference | x/y | ')
  })

  test('a rule about a command is about all that it starts', () => {
    const machine = new Populated([
      {
        ...rule,
        match: { command: '*/simulate.py *', environment: { PROJECT: 'cl*' } },
        says: { workload: 'climate', kind: 'other' },
      },
    ])
    const environment = { PROJECT: 'climate', SECRET: 'x' }
    const script = machine.start(1, SESSION, {
      command: 'python /home/a/simulate.py --api-key hidden',
      environment,
    })
    const child = machine.start(2, SESSION, 'gzip out', 1)
    const stranger = machine.start(3, SESSION, {
      command: 'python /home/a/simulate.py -x',
      environment: { PROJECT: 'x' },
    })
    machine.tick()
    expect([script, child, stranger].map((one) => machine.names(one).facts.workload)).toEqual([
      'climate',
      'climate',
      'session-4.scope',
    ])
    expect(JSON.stringify(machine.who.explanations())).not.toContain('hidden')
  })

  test('in a container it holds for all of it', () => {
    const machine = new Populated([
      {
        ...rule,
        match: { command: 'python serve_mine.py*' },
        says: { kind: 'inference', model: 'mine:7b-q8_0' },
      },
    ])
    machine.start(1, DOCKER, 'python serve_mine.py')
    machine.start(2, DOCKER, 'sh')
    machine.tick()
    expect(machine.labels(machine.exited(DOCKER))).toBe('0123456789ab | inference | mine:7b | q8_0')
  })

  test('new rules hold for processes that run already', () => {
    const machine = new Populated()
    const process = machine.start(1, SESSION, 'python mine.py')
    machine.tick()
    machine.who.reconfigure([{ ...rule, match: { command: '*mine.py' }, says: { workload: 'mine' } }])
    machine.tick()
    expect(machine.names(process).facts.workload).toBe('mine')
    machine.who.reconfigure([])
    machine.tick()
    expect(machine.names(process).facts.workload).toBe('session-4.scope')
  })

  test.each([
    ['cgroup', { cgroup: '/system.slice/docker-*' }],
    ['image', { image: 'vllm/*' }],
    ['container label', { containerLabels: { team: 'a*' } }],
    ['container id', { container: ID }],
    ['no namespace', { namespace: '' }],
    ['several', { image: 'vllm/*', containerLabels: { team: 'ab' } }],
  ])('match by %s', (_, match) => {
    const machine = new Populated([{ ...rule, match, says: { workload: 'found' } }])
    machine.findings.set(ID, named('c', { team: 'ab' }))
    expect(machine.names(machine.exited(DOCKER)).facts.workload).toBe('found')
  })

  test.each([
    ['a label that is not there', { containerLabels: { toString: '*' } }],
    ['any pod, where there is none', { pod: '*' }],
    ['one of two', { image: 'vllm/*', unit: 'x.service' }],
    ['a command, of one that has exited', { command: '*' }],
  ])('no match by %s', (_, match) => {
    const machine = new Populated([{ ...rule, match, says: { workload: 'found' } }])
    machine.findings.set(ID, named('c', { team: 'ab' }))
    expect(machine.names(machine.exited(DOCKER)).facts.workload).toBe('c')
  })

  test('match by Slurm job, user and account', () => {
    const path = '/system.slice/slurmstepd.scope/job_7/step_0/user/task_0'
    for (const match of [
      { slurmJob: '7' },
      { slurmJob: 'pre*' },
      { user: 'alice' },
      { namespace: 'physics' },
    ]) {
      const machine = new Populated([{ ...rule, match, says: { workload: 'found' } }])
      machine.findings.set('7', job({}))
      expect(machine.names(machine.exited(path)).facts.workload).toBe('found')
    }
  })
})

describe('servers that live', () => {
  test('with the models of their workers', () => {
    const machine = new Populated()
    machine.folders.set(BLOB('a'), ['llama3.1:8b'])
    const serve = machine.start(1, OLLAMA, 'ollama serve')
    const runner = machine.start(2, OLLAMA, `ollama runner --model ${BLOB('a')}`, 1)
    const vllm = machine.start(3, DOCKER, 'vllm serve x/y --port 8000')
    const engine = machine.start(4, DOCKER, 'VLLM::EngineCore', 3)
    machine.tick([runner, engine]) // the servers themselves do nothing
    const servers = machine.who
      .servers()
      .map(({ consumer, server, models }) => [consumer.process.pid, server, models])
    expect(servers).toEqual([
      [1, 'ollama', ['llama3.1:8b']],
      [3, 'vllm', ['x/y']],
    ])
    expect(machine.who.servers()[1]?.names).toBe(machine.names(vllm))
    machine.end(serve)
    machine.end(runner)
    machine.tick([engine], { seconds: 6 })
    expect(machine.who.servers().map(({ server }) => server)).toEqual(['vllm'])
  })

  test('called as a rule calls them', () => {
    const rule = { line: 1, match: { command: 'vllm *' }, says: { workload: 'chat', namespace: 'prod' } }
    const machine = new Populated([rule])
    machine.start(3, SESSION, 'vllm serve x/y --port 8000')
    const engine = machine.start(4, SESSION, 'VLLM::EngineCore', 3)
    machine.tick([engine])
    const [server] = machine.who.servers()
    expect(server?.names.facts).toMatchObject({ workload: 'chat', namespace: 'prod', model: 'x/y' })
    expect(server?.names).toBe(machine.names(engine))
    machine.who.reconfigure([])
    machine.tick([engine])
    expect(machine.who.servers()[0]?.names.facts.workload).toBe('x/y')
  })
})

describe('explanations', () => {
  test('say what named each process', () => {
    const machine = new Populated([{ line: 12, match: { unit: 'mine.service' }, says: { workload: 'mine' } }])
    machine.start(1, SESSION, 'vllm serve x/y --api-key hidden')
    const engine = machine.start(2, SESSION, 'VLLM::EngineCore', 1)
    const unit = machine.start(3, '/system.slice/mine.service', 'mine')
    const plain = machine.start(4, SESSION, 'make')
    machine.tick([engine, unit, plain])
    const told = machine.who.explanations().map(({ consumer, names, ruling, recognised, verdict }) => ({
      pid: consumer.process.pid,
      workload: names?.facts.workload,
      line: ruling?.rule.line,
      reason: recognised?.reason,
      root: recognised?.root.pid,
      verdict,
    }))
    const nothing = { line: undefined, reason: undefined, root: undefined, verdict: 'plain' }
    const vllm = { line: undefined, reason: 'arguments of vllm', root: 1, verdict: 'recognised' }
    expect(told).toEqual([
      { pid: 1, workload: 'x/y', ...vllm },
      { pid: 2, workload: 'x/y', ...vllm },
      { ...nothing, pid: 3, workload: 'mine', line: 12 },
      { ...nothing, pid: 4, workload: 'session-4.scope' },
    ])
  })
})
