/** How AI programs are called, and where their arguments name the model. Data; `recognition.ts` reads it. */

export interface Signature {
  /** What people call the server or launcher. */
  readonly name: string
  readonly kind: 'training' | 'inference' | 'interactive'
  /** `serves`: answers requests; `launches`: starts what does the work; `works`: does it. */
  readonly role: 'serves' | 'launches' | 'works'
  /** Program or Python module with its first words. */
  readonly calls: readonly string[]
  readonly model?: ModelPlaces
}

/** Where a model is named, first place first. */
export interface ModelPlaces {
  /** Under which clients know it. */
  readonly alias?: readonly string[]
  readonly options?: readonly string[]
  /** The word that follows the call. */
  readonly isFirstWord?: true
  readonly environment?: readonly string[]
  /** Options that tell the precision of the weights. */
  readonly precision?: readonly string[]
  readonly precisionEnvironment?: readonly string[]
  /** Options that tell the precision of the cache of keys and values. */
  readonly cachePrecision?: readonly string[]
}

const VLLM_OPTIONS: ModelPlaces = {
  alias: ['--served-model-name'],
  options: ['--model'],
  precision: ['--quantization', '-q', '--dtype'],
  cachePrecision: ['--kv-cache-dtype'],
}

const VLLM: ModelPlaces = { ...VLLM_OPTIONS, isFirstWord: true }

const LLAMA_CPP: ModelPlaces = {
  alias: ['--alias', '-a'],
  options: ['-hf', '-hfr', '--hf-repo', '-m', '--model', '-mu', '--model-url'],
}

const TGI: ModelPlaces = {
  alias: ['--served-model-name'],
  options: ['--model-id'],
  environment: ['MODEL_ID'],
  precision: ['--quantize', '--dtype'],
  precisionEnvironment: ['QUANTIZE', 'DTYPE'],
}

/** Arguments by which training scripts name the model they start from. */
export const TRAINED_MODEL = {
  options: [
    '--model_name_or_path',
    '--pretrained_model_name_or_path',
    '--base_model',
    '--model_id',
    '--model_path',
    '--pretrain',
    '--model_name',
    '--model',
  ],
  assigned: [
    'actor_rollout_ref.model.path',
    'model.partial_pretrain',
    'model.path',
    'model.name_or_path',
    'model_name_or_path',
    'base_model',
  ],
} as const

const SERVERS: readonly Signature[] = [
  {
    name: 'vllm',
    kind: 'inference',
    role: 'serves',
    calls: [
      'vllm serve',
      'vllm.entrypoints.cli.main serve',
      'vllm.entrypoints.openai.api_server',
      'vllm.entrypoints.api_server',
    ],
    model: VLLM,
  },
  {
    name: 'vllm',
    kind: 'inference',
    role: 'works',
    calls: ['vllm run-batch', 'vllm.entrypoints.openai.run_batch'],
    model: VLLM_OPTIONS,
  },
  {
    name: 'nim',
    kind: 'inference',
    role: 'serves',
    calls: ['vllm_nvext.entrypoints.openai.api_server', 'nim_llm_sdk.entrypoints.openai.api_server'],
    model: { ...VLLM, environment: ['NIM_SERVED_MODEL_NAME', 'NIM_MODEL_NAME'] },
  },
  {
    name: 'sglang',
    kind: 'inference',
    role: 'serves',
    calls: ['sglang.launch_server', 'sglang serve', 'sglang.cli.main serve'],
    model: {
      alias: ['--served-model-name'],
      options: ['--model-path', '--model'],
      isFirstWord: true,
      precision: ['--quantization', '--dtype'],
      cachePrecision: ['--kv-cache-dtype'],
    },
  },
  {
    name: 'sglang-router',
    kind: 'inference',
    role: 'serves',
    calls: ['sglang-router', 'sglang_router.launch_router', 'sglang_router.launch_server'],
  },
  {
    name: 'dynamo',
    kind: 'inference',
    role: 'serves',
    calls: ['dynamo.vllm', 'dynamo.sglang', 'dynamo.trtllm', 'dynamo.frontend'],
    model: { ...VLLM, options: ['--model', '--model-path'] },
  },
  {
    name: 'tgi',
    kind: 'inference',
    role: 'serves',
    calls: ['text-generation-launcher', 'text-generation-router'],
    model: TGI,
  },
  {
    name: 'tgi',
    kind: 'inference',
    role: 'works',
    calls: ['text-generation-server serve'],
    model: { ...TGI, isFirstWord: true },
  },
  { name: 'tei', kind: 'inference', role: 'serves', calls: ['text-embeddings-router'], model: TGI },
  { name: 'triton', kind: 'inference', role: 'serves', calls: ['tritonserver'] },
  {
    name: 'trtllm',
    kind: 'inference',
    role: 'serves',
    calls: ['trtllm-serve serve', 'trtllm-serve', 'tensorrt_llm.commands.serve'],
    model: { alias: ['--served_model_name'], isFirstWord: true, precision: ['--dtype'] },
  },
  {
    name: 'llama.cpp',
    kind: 'inference',
    role: 'serves',
    calls: ['llama-server', 'llama-box'],
    model: LLAMA_CPP,
  },
  {
    name: 'llama.cpp',
    kind: 'inference',
    role: 'serves',
    calls: ['llama_cpp.server'],
    model: { alias: ['--model_alias'], options: ['--hf_model_repo_id', '--model'] },
  },
  {
    name: 'llama.cpp',
    kind: 'inference',
    role: 'works',
    calls: [
      'llama-cli',
      'llama-mtmd-cli',
      'llama-run',
      'llama-embedding',
      'llama-batched-bench',
      'llama-bench',
    ],
    model: LLAMA_CPP,
  },
  { name: 'whisper.cpp', kind: 'inference', role: 'serves', calls: ['whisper-server'], model: LLAMA_CPP },
  { name: 'ollama', kind: 'inference', role: 'serves', calls: ['ollama serve', 'ollama start'] },
  {
    name: 'ollama',
    kind: 'inference',
    role: 'works',
    calls: ['ollama runner', 'ollama_llama_server'],
    model: { options: ['--model'] },
  },
  {
    name: 'lmdeploy',
    kind: 'inference',
    role: 'serves',
    calls: [
      'lmdeploy serve api_server',
      'lmdeploy serve gradio',
      'lmdeploy serve proxy',
      'lmdeploy.serve.openai.api_server',
    ],
    model: { alias: ['--model-name'], isFirstWord: true, precision: ['--model-format', '--dtype'] },
  },
  {
    name: 'xinference',
    kind: 'inference',
    role: 'serves',
    calls: ['xinference-local', 'xinference-worker', 'xinference-supervisor'],
  },
  { name: 'localai', kind: 'inference', role: 'serves', calls: ['local-ai', 'localai'] },
  {
    name: 'mlc-llm',
    kind: 'inference',
    role: 'serves',
    calls: ['mlc_llm serve', 'mlc_llm.cli.serve'],
    model: { isFirstWord: true },
  },
  {
    name: 'aphrodite',
    kind: 'inference',
    role: 'serves',
    calls: ['aphrodite run', 'aphrodite serve', 'aphrodite.endpoints.openai.api_server'],
    model: VLLM,
  },
  {
    name: 'fastchat',
    kind: 'inference',
    role: 'serves',
    calls: ['fastchat.serve.model_worker', 'fastchat.serve.vllm_worker', 'fastchat.serve.sglang_worker'],
    model: { alias: ['--model-names'], options: ['--model-path'] },
  },
  {
    name: 'kserve',
    kind: 'inference',
    role: 'serves',
    calls: ['huggingfaceserver', 'sklearnserver', 'xgbserver', 'lgbserver', 'pmmlserver', 'paddleserver'],
    model: { alias: ['--model_name'], options: ['--model_id', '--model_dir'], precision: ['--dtype'] },
  },
  { name: 'mlserver', kind: 'inference', role: 'serves', calls: ['mlserver start'] },
  {
    name: 'bentoml',
    kind: 'inference',
    role: 'serves',
    calls: [
      'bentoml serve',
      'bentoml.cli serve',
      'bentoml_cli.worker.service',
      '_bentoml_impl.worker.service',
    ],
  },
  {
    name: 'openllm',
    kind: 'inference',
    role: 'serves',
    calls: ['openllm serve', 'openllm start'],
    model: { isFirstWord: true },
  },
  {
    name: 'torchserve',
    kind: 'inference',
    role: 'serves',
    calls: ['torchserve', 'ts.model_service_worker', 'ts.model_server'],
  },
  {
    name: 'tensorflow-serving',
    kind: 'inference',
    role: 'serves',
    calls: ['tensorflow_model_server'],
    model: { alias: ['--model_name'], options: ['--model_base_path'] },
  },
  {
    name: 'infinity',
    kind: 'inference',
    role: 'serves',
    calls: ['infinity_emb v2'],
    model: { alias: ['--served-model-name'], options: ['--model-id'], precision: ['--dtype'] },
  },
  { name: 'litellm', kind: 'inference', role: 'serves', calls: ['litellm'] },
  {
    name: 'trl',
    kind: 'inference',
    role: 'serves',
    calls: ['trl vllm-serve', 'trl.scripts.vllm_serve'],
    model: { options: ['--model'], precision: ['--dtype'] },
  },
  {
    name: 'swift',
    kind: 'inference',
    role: 'serves',
    calls: ['swift deploy', 'swift infer', 'swift.cli.deploy', 'swift.cli.infer'],
    model: { alias: ['--served_model_name'], options: ['--model'], precision: ['--torch_dtype'] },
  },
  {
    name: 'llamafactory',
    kind: 'inference',
    role: 'serves',
    calls: ['llamafactory-cli api', 'llamafactory-cli chat', 'llamafactory-cli webchat'],
    model: { options: ['--model_name_or_path'] },
  },
  {
    name: 'litgpt',
    kind: 'inference',
    role: 'serves',
    calls: ['litgpt serve'],
    model: { isFirstWord: true, precision: ['--quantize', '--precision'] },
  },
]

const training = (name: string, ...calls: readonly string[]): Signature => ({
  name,
  kind: 'training',
  role: 'launches',
  calls,
})

const TRAINERS: readonly Signature[] = [
  training(
    'torchrun',
    'torchrun',
    'torch.distributed.run',
    'torch.distributed.launch',
    'torch.distributed.elastic.multiprocessing',
  ),
  training(
    'accelerate',
    'accelerate launch',
    'accelerate-launch',
    'accelerate.commands.launch',
    'accelerate.commands.accelerate_cli launch',
  ),
  training('deepspeed', 'deepspeed', 'deepspeed.launcher.runner', 'deepspeed.launcher.launch'),
  training('composer', 'composer', 'composer.cli.launcher'),
  training('axolotl', 'axolotl train', 'axolotl.cli.train', 'axolotl.cli.main train'),
  training('llamafactory', 'llamafactory-cli train', 'llamafactory.launcher', 'llamafactory.cli train'),
  training('torchtune', 'tune run'),
  training(
    'swift',
    ...['sft', 'pt', 'rlhf'].flatMap((way) => [`swift ${way}`, `megatron ${way}`, `swift.cli.${way}`]),
  ),
  training('trl', ...['sft', 'dpo', 'grpo', 'kto', 'reward', 'rloo'].map((way) => `trl ${way}`)),
  training('verl', 'verl.trainer.main_ppo', 'verl.trainer.fsdp_sft_trainer', 'verl.trainer.sft_trainer'),
  training(
    'openrlhf',
    'openrlhf.cli.train_ppo_ray',
    'openrlhf.cli.train_sft',
    'openrlhf.cli.train_dpo',
    'openrlhf.cli.train_rm',
  ),
  training('torchtitan', 'torchtitan.train', 'torchtitan.experiments'),
  training('nemo', 'nemo_run.core.runners', 'nemo_rl.run_grpo'),
  training('colossalai', 'colossalai run'),
  training('horovod', 'horovodrun'),
  training('lightning', 'lightning run', 'fabric run', 'lightning.fabric.cli run'),
  training('oumi', 'oumi train', 'oumi distributed'),
  training(
    'litgpt',
    ...['pretrain', 'finetune', 'finetune_lora', 'finetune_full'].map((way) => `litgpt ${way}`),
  ),
  training(
    'megatron',
    ...['gpt', 'bert', 't5', 'mamba', 'vlm', 'retro', 'ict'].map((one) => `pretrain_${one}`),
  ),
]

const INTERACTIVE: readonly Signature[] = [
  {
    name: 'jupyter',
    kind: 'interactive',
    role: 'launches',
    calls: [
      'jupyter-lab',
      'jupyter-notebook',
      'jupyter-server',
      'jupyter-labhub',
      'jupyterhub-singleuser',
      'jupyter lab',
      'jupyter notebook',
      'jupyter server',
      'ipykernel_launcher',
      'ipykernel',
      'jupyterlab',
      'notebook',
      'ipython',
      'IPython',
    ],
  },
]

export const SIGNATURES: readonly Signature[] = [...SERVERS, ...TRAINERS, ...INTERACTIVE]

/** Titles that processes of an engine give themselves, in place of all arguments. */
export const ENGINE_TITLES: readonly (readonly [title: RegExp, name: string])[] = [
  [/^sglang::/, 'sglang'],
  [/^aphrodite::/i, 'aphrodite'],
  [/^(?:vllm|vllm-omni)::/i, 'vllm'],
  // Its users may choose another word before the colons: VLLM_PROCESS_NAME_PREFIX.
  [/^[\w.-]+::(?:EngineCore|APIServer|DPCoordinator|Worker_(?:DP|PP|TP|EP))/, 'vllm'],
]

/** Launchers also start what answers, measures or converts: scripts and modules that are called so. */
export const NOT_TRAINING =
  /(?:^|[._-])(?:infer|inference|generate|generation|predict|eval|evaluate|evaluation|lm_eval|bench|benchmark|serve|server|serving|chat|completion|rollout|sample|vllm|sglang|quantize|convert)(?:$|[._-])/i

/** These train, whatever else is in their name. */
export const TRAINING =
  /(?:^|[._-])(?:train|training|trainer|pretrain|finetune|finetuning|sft|dpo|ppo|grpo)(?:$|[._-])/i
