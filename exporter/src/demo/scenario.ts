/**
 * What runs on the simulated machine, as data: who, with which arguments, in which cgroup, and how busy at which time.
 * Nothing here is measured: the figures are of the size that such programs have.
 */

/** How busy a program is at an instant. */
export interface Load {
  /** Of the machine's logical CPUs, how many it keeps busy. */
  readonly cores: number
  /** Busy share by the index of a GPU, 0 to 1. */
  readonly gpus?: Readonly<Record<number, number>>
}

export interface Program {
  readonly pid: number
  readonly parent: number
  /** At most 15 bytes. */
  readonly comm: string
  readonly argv: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly cgroup: string
  /** What people call it: the name in the truth that the simulation keeps. */
  readonly workload: string
  /** Has a context on these GPUs, whether it uses them or not. */
  readonly holds?: readonly number[]
  /** Watts of one busy core, above idle: programs differ in what a busy core draws, and nobody is told. */
  readonly coreWatts: number
  /** Watts of a fully busy GPU, above idle. */
  readonly gpuWatts?: number
  /** @param t seconds since the simulation began */
  readonly load: (t: number) => Load
}

export interface Server {
  readonly workload: string
  readonly model: string
  readonly style: 'vllm' | 'sglang'
  readonly requestsPerSecond: (t: number) => number
  readonly tokensPerRequest: { readonly input: number; readonly cachedInput: number; readonly output: number }
}

export const GPUS = 8
export const CORES = 64

/** When a program was started: clock ticks after boot. */
export const startTicksOf = (pid: number): number => pid * 10

/** The training run goes round: seconds of each phase. */
export const ROUND = [
  { phase: 'data_load', seconds: 5 },
  { phase: 'train', seconds: 155 },
  { phase: 'eval', seconds: 30 },
  { phase: 'checkpoint', seconds: 15 },
] as const
export type RoundPhase = (typeof ROUND)[number]['phase']

const ROUND_SECONDS = ROUND.reduce((sum, { seconds }) => sum + seconds, 0)

/** Which phase the training run is in, when it began, and when the next one will. */
export function phaseAt(t: number): {
  readonly phase: RoundPhase
  readonly since: number
  readonly until: number
} {
  let since = Math.floor(t / ROUND_SECONDS) * ROUND_SECONDS
  for (const { phase, seconds } of ROUND) {
    const until = since + seconds
    if (t < until) return { phase, since, until }
    since = until
  }
  return { phase: ROUND[0].phase, since, until: since + ROUND[0].seconds }
}

const TRAINING: Readonly<Record<RoundPhase, { readonly cores: number; readonly gpu: number }>> = {
  data_load: { cores: 4, gpu: 0.05 },
  train: { cores: 1.2, gpu: 0.97 },
  eval: { cores: 1, gpu: 0.7 },
  checkpoint: { cores: 2.5, gpu: 0.02 },
}

/** From 0 to 1 and back in a period of so many seconds. */
const wave = (t: number, period: number, shift = 0): number =>
  0.5 - 0.5 * Math.cos((2 * Math.PI * (t + shift)) / period)

const DAY = 86_400

/** People sleep: traffic of a day, between 0.2 and 1, with the minutes' own ups and downs. */
const traffic = (t: number): number => (0.2 + 0.6 * wave(t, DAY)) * (0.8 + 0.4 * wave(t, 300, 60)) + 0.1

const JOB = '/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0'
const chat = (t: number): number => 0.15 + 0.75 * traffic(t)
const code = (t: number): number => 0.1 + 0.6 * traffic(t + DAY / 4)

const rank = (index: number): Program => ({
  pid: 4020 + index,
  parent: 4010,
  comm: 'python3',
  argv: [
    '/opt/conda/bin/python3',
    '-u',
    'train.py',
    '--model_name_or_path',
    'meta-llama/Llama-3.1-8B',
    '--bf16',
    'true',
  ],
  environment: {
    SLURM_JOB_ID: '4711',
    SLURM_JOB_NAME: 'finetune-llama',
    SLURM_JOB_ACCOUNT: 'research',
    SLURM_JOB_GPUS: '0,1,2,3',
    RANK: String(index),
    LOCAL_RANK: String(index),
    WORLD_SIZE: '4',
    MASTER_ADDR: '127.0.0.1',
  },
  cgroup: JOB,
  workload: 'finetune-llama',
  holds: [index],
  coreWatts: 4.1,
  gpuWatts: 520,
  load: (t) => {
    const { cores, gpu } = TRAINING[phaseAt(t).phase]
    return { cores, gpus: { [index]: gpu * (0.97 + 0.03 * wave(t, 7, index)) } }
  },
})

/** Id of a container. */
export const EMBEDDING_CONTAINER = '5e'.repeat(32)

const service = (unit: string): string => `/system.slice/${unit}.service`

export const PROGRAMS: readonly Program[] = [
  {
    pid: 4010,
    parent: 1,
    comm: 'torchrun',
    argv: [
      '/opt/conda/bin/python3',
      '/opt/conda/bin/torchrun',
      '--nproc_per_node=4',
      'train.py',
      '--model_name_or_path',
      'meta-llama/Llama-3.1-8B',
      '--bf16',
      'true',
    ],
    environment: { SLURM_JOB_ID: '4711', SLURM_JOB_NAME: 'finetune-llama', SLURM_JOB_ACCOUNT: 'research' },
    cgroup: JOB,
    workload: 'finetune-llama',
    coreWatts: 3.5,
    load: () => ({ cores: 0.02 }),
  },
  ...[0, 1, 2, 3].map(rank),
  {
    pid: 5010,
    parent: 1,
    comm: 'vllm',
    argv: ['/opt/vllm/bin/python3', '/opt/vllm/bin/vllm', 'serve', 'RedHatAI/Llama-3.1-8B-Instruct-FP8'],
    cgroup: service('llama-chat'),
    workload: 'llama-chat',
    coreWatts: 3.6,
    load: (t) => ({ cores: 0.4 + 0.8 * traffic(t) }),
  },
  {
    pid: 5011,
    parent: 5010,
    comm: 'VLLM::EngineCore',
    argv: ['VLLM::EngineCore'],
    cgroup: service('llama-chat'),
    workload: 'llama-chat',
    holds: [4],
    coreWatts: 3.9,
    gpuWatts: 430,
    load: (t) => ({ cores: 1, gpus: { 4: chat(t) } }),
  },
  {
    pid: 6010,
    parent: 1,
    comm: 'python3',
    argv: [
      '/opt/sglang/bin/python3',
      '-m',
      'sglang.launch_server',
      '--model-path',
      'Qwen/Qwen2.5-Coder-14B-Instruct-AWQ',
    ],
    cgroup: service('code-assistant'),
    workload: 'code-assistant',
    holds: [5],
    coreWatts: 3.4,
    gpuWatts: 390,
    load: (t) => ({ cores: 1.5, gpus: { 5: code(t) } }),
  },
  {
    pid: 6510,
    parent: 1,
    comm: 'text-embeddings',
    argv: ['/usr/local/bin/text-embeddings-router', '--model-id', 'BAAI/bge-m3', '--dtype', 'float16'],
    cgroup: `/system.slice/docker-${EMBEDDING_CONTAINER}.scope`,
    workload: 'embed-documents',
    holds: [5],
    coreWatts: 3.2,
    gpuWatts: 310,
    load: (t) => {
      const isAtWork = t % 120 < 45
      return { cores: isAtWork ? 1.1 : 0.02, gpus: { 5: isAtWork ? 0.25 : 0 } }
    },
  },
  {
    pid: 7010,
    parent: 1,
    comm: 'jupyter-lab',
    argv: ['/opt/conda/bin/python3', '/opt/conda/bin/jupyter-lab', '--no-browser'],
    cgroup: service('jupyter'),
    workload: 'jupyter',
    coreWatts: 3,
    load: () => ({ cores: 0.01 }),
  },
  {
    pid: 7011,
    parent: 7010,
    comm: 'python3',
    argv: ['/opt/conda/bin/python3', '-m', 'ipykernel_launcher', '-f', 'kernel-1.json'],
    cgroup: service('jupyter'),
    workload: 'jupyter',
    holds: [7],
    coreWatts: 3,
    load: () => ({ cores: 0.005 }),
  },
  {
    pid: 8010,
    parent: 1,
    comm: 'postgres',
    argv: ['/usr/lib/postgresql/15/bin/postgres', '-D', '/var/lib/postgresql/15/main'],
    cgroup: service('postgresql'),
    workload: 'postgresql',
    coreWatts: 2.6,
    load: (t) => ({ cores: 1.5 + 2.5 * wave(t, 90) }),
  },
  {
    pid: 8110,
    parent: 1,
    comm: 'nginx',
    argv: ['nginx: worker process'],
    cgroup: service('nginx'),
    workload: 'nginx',
    coreWatts: 2.9,
    load: (t) => ({ cores: 0.3 + 0.4 * traffic(t) }),
  },
]

export const SERVERS: readonly Server[] = [
  {
    workload: 'llama-chat',
    model: 'RedHatAI/Llama-3.1-8B-Instruct-FP8',
    style: 'vllm',
    requestsPerSecond: (t) => 6 * chat(t),
    tokensPerRequest: { input: 420, cachedInput: 260, output: 240 },
  },
  {
    workload: 'code-assistant',
    model: 'Qwen/Qwen2.5-Coder-14B-Instruct-AWQ',
    style: 'sglang',
    requestsPerSecond: (t) => 2.5 * code(t),
    tokensPerRequest: { input: 1600, cachedInput: 900, output: 180 },
  },
]
