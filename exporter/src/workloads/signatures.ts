/** How AI programs are called, and where their arguments name the model. Data; `recognition.ts` reads it. */
import { SERVERS } from './server-signatures.ts'
import type { Signature } from './signature.ts'

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
