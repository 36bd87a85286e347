import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  recognise,
  serversAbove,
  withModels,
  type Recognised,
} from '../../exporter/src/workloads/recognition.ts'
import { SIGNATURES } from '../../exporter/src/workloads/signatures.ts'
import { chainOf, type Written } from './processes-seen.ts'

const DIGEST = `sha256-${'0123456789abcdef'.repeat(4)}`

type Chain = readonly (string | Written)[]

function recognisedOf(chain: Chain): Recognised {
  const verdict = recognise(chainOf(...chain))
  if (typeof verdict === 'string') throw new Error(`not recognised: ${verdict}`)
  return verdict
}

describe('inference servers, as their documentation starts them', () => {
  test.each<[source: string, chain: Chain, name: string, model: string, variant: string]>([
    [
      'vLLM 0.11, docs.vllm.ai/en/v0.11.0/serving/openai_compatible_server.html',
      [
        '/usr/bin/python3 /usr/local/bin/vllm serve NousResearch/Meta-Llama-3-8B-Instruct --dtype auto --api-key token-abc123',
      ],
      'vllm',
      'NousResearch/Meta-Llama-3-8B-Instruct',
      '',
    ],
    [
      'vLLM, quantisation and the name that clients use',
      [
        'vllm serve /models/llama --served-model-name llama-chat llama --quantization=fp8 --kv-cache-dtype fp8',
      ],
      'vllm',
      'llama-chat',
      'fp8-kv_fp8',
    ],
    [
      'vLLM, the precision of an id before what loads it',
      ['vllm serve Qwen/Qwen2.5-7B-Instruct-AWQ --quantization awq_marlin --dtype half'],
      'vllm',
      'Qwen/Qwen2.5-7B-Instruct',
      'awq',
    ],
    [
      'vLLM, only the type of numbers',
      ['vllm serve Qwen/Qwen3-8B --dtype bfloat16'],
      'vllm',
      'Qwen/Qwen3-8B',
      'bf16',
    ],
    [
      'vLLM 0.6, python -m vllm.entrypoints.openai.api_server',
      [
        'python3 -m vllm.entrypoints.openai.api_server --host 0.0.0.0 --model mistralai/Mistral-7B-Instruct-v0.3',
      ],
      'vllm',
      'mistralai/Mistral-7B-Instruct-v0.3',
      '',
    ],
    [
      'vLLM, the same by the path of its file',
      [
        'python -u /opt/venv/lib/python3.12/site-packages/vllm/entrypoints/openai/api_server.py --model=Qwen/Qwen3-8B',
      ],
      'vllm',
      'Qwen/Qwen3-8B',
      '',
    ],
    [
      'vLLM, a folder of the cache',
      [
        'vllm serve /hub/models--Qwen--Qwen3-8B-FP8/snapshots/0e9e39f249a16976918f6564b8830bc894c89659 --port 8000',
      ],
      'vllm',
      'Qwen/Qwen3-8B',
      'fp8',
    ],
    [
      'vLLM, options before the model, which is not searched for',
      ['vllm serve --api-key first-key second-key Qwen/Qwen3-8B'],
      'vllm',
      '',
      '',
    ],
    [
      'vLLM, docs.vllm.ai: offline batches',
      ['vllm run-batch -i in.jsonl -o out.jsonl --model meta-llama/Meta-Llama-3-8B-Instruct'],
      'vllm',
      'meta-llama/Meta-Llama-3-8B-Instruct',
      '',
    ],
    [
      'SGLang issue #3488 and docs.sglang.ai/basic_usage/send_request.html',
      [
        'python3 -m sglang.launch_server --model-path qwen/qwen2.5-0.5b-instruct --host 0.0.0.0 --quantization fp8',
      ],
      'sglang',
      'qwen/qwen2.5-0.5b-instruct',
      'fp8',
    ],
    [
      'SGLang 0.5.6',
      ['sglang serve --model-path Qwen/Qwen3-8B --dtype bfloat16'],
      'sglang',
      'Qwen/Qwen3-8B',
      'bf16',
    ],
    [
      'TGI 3.3, huggingface.co/docs/text-generation-inference/quicktour',
      ['text-generation-launcher --model-id teknium/OpenHermes-2.5-Mistral-7B --quantize eetq --port 80'],
      'tgi',
      'teknium/OpenHermes-2.5-Mistral-7B',
      'eetq',
    ],
    [
      'TGI, by its environment',
      [
        {
          command: 'text-generation-launcher --json-output',
          environment: { MODEL_ID: 'tiiuae/falcon-7b', QUANTIZE: 'bitsandbytes-nf4' },
        },
      ],
      'tgi',
      'tiiuae/falcon-7b',
      'bnb-nf4',
    ],
    [
      'TGI, one shard below its launcher',
      [
        '/opt/venv/bin/python3 /opt/venv/bin/text-generation-server serve tiiuae/falcon-7b --dtype float16 --uds-path /tmp/t',
        'text-generation-launcher --model-id tiiuae/falcon-7b',
      ],
      'tgi',
      'tiiuae/falcon-7b',
      'fp16',
    ],
    [
      'TEI 1.9, huggingface.co/docs/text-embeddings-inference/quick_tour',
      [
        'text-embeddings-router --model-id BAAI/bge-large-en-v1.5 --dtype float16 --hf-token hf_abcdefghijklmnopqrstuvwx',
      ],
      'tei',
      'BAAI/bge-large-en-v1.5',
      'fp16',
    ],
    [
      'Triton 2.60, several models',
      ['/opt/tritonserver/bin/tritonserver --model-repository=/a --model-repository=/b'],
      'triton',
      'multiple',
      '',
    ],
    [
      'Triton, one model by explicit control',
      ['tritonserver --model-repository=/models --model-control-mode=explicit --load-model=resnet50_int8'],
      'triton',
      'resnet50',
      'int8',
    ],
    ['Triton, from a bucket', ['tritonserver --model-repository=s3://models/all'], 'triton', 'multiple', ''],
    [
      'trtllm-serve, nvidia.github.io/TensorRT-LLM/commands/trtllm-serve',
      ['/usr/bin/python3 /usr/local/bin/trtllm-serve TinyLlama/TinyLlama-1.1B-Chat-v1.0 --backend pytorch'],
      'trtllm',
      'TinyLlama/TinyLlama-1.1B-Chat-v1.0',
      '',
    ],
    [
      'llama.cpp b6000, tools/server/README.md',
      ['llama-server -m models/7B/ggml-model-Q4_K_M.gguf -c 2048 --api-key secret'],
      'llama.cpp',
      'ggml-model',
      'q4_k_m',
    ],
    [
      'llama.cpp, -hf',
      ['llama-server -hf ggml-org/gemma-3-1b-it-GGUF:Q8_0'],
      'llama.cpp',
      'ggml-org/gemma-3-1b-it',
      'q8_0',
    ],
    [
      'llama.cpp, --alias and a file of three parts',
      ['llama-server --alias big -m /m/Llama-3.3-70B-Instruct-IQ3_XS-00001-of-00003.gguf'],
      'llama.cpp',
      'big',
      'iq3_xs',
    ],
    [
      'llama-cpp-python 0.3',
      ['python3 -m llama_cpp.server --model models/llama-2-7b.Q5_K_M.gguf'],
      'llama.cpp',
      'llama-2-7b',
      'q5_k_m',
    ],
    ['Ollama 0.12', ['/usr/local/bin/ollama serve'], 'ollama', '', ''],
    [
      'LMDeploy 0.10, lmdeploy.readthedocs.io',
      ['lmdeploy serve api_server internlm/internlm2_5-7b-chat --model-format awq'],
      'lmdeploy',
      'internlm/internlm2_5-7b-chat',
      'awq',
    ],
    ['Xinference', ['/usr/bin/python3 /usr/local/bin/xinference-local --host 0.0.0.0'], 'xinference', '', ''],
    ['LocalAI', ['/usr/bin/local-ai run --models-path /models'], 'localai', '', ''],
    [
      'MLC LLM, llm.mlc.ai',
      ['mlc_llm serve HF://mlc-ai/Llama-3-8B-Instruct-q4f16_1-MLC'],
      'mlc-llm',
      'mlc-ai/Llama-3-8B-Instruct',
      'q4f16_1',
    ],
    [
      'KServe 0.15',
      ['python -m huggingfaceserver --model_name=llama3 --model_id=meta-llama/Meta-Llama-3-8B-Instruct'],
      'kserve',
      'llama3',
      '',
    ],
    ['BentoML', ['python /usr/local/bin/bentoml serve service:Summarization'], 'bentoml', '', ''],
    [
      'NIM',
      [
        {
          command: 'python3 -m vllm_nvext.entrypoints.openai.api_server --gpu-memory-utilization 0.9',
          environment: { NIM_SERVED_MODEL_NAME: 'meta/llama-3.1-8b-instruct' },
        },
      ],
      'nim',
      'meta/llama-3.1-8b-instruct',
      '',
    ],
    ['LiteLLM', ['/usr/bin/python3 /usr/local/bin/litellm --config /app/config.yaml'], 'litellm', '', ''],
    [
      'ms-swift 3',
      ['swift deploy --model Qwen/Qwen2.5-7B-Instruct --infer_backend vllm'],
      'swift',
      'Qwen/Qwen2.5-7B-Instruct',
      '',
    ],
    [
      'TRL, the server beside training',
      ['trl vllm-serve --model Qwen/Qwen2.5-7B'],
      'trl',
      'Qwen/Qwen2.5-7B',
      '',
    ],
  ])('%s', (_, chain, name, model, variant) => {
    expect(recognisedOf(chain)).toMatchObject({ kind: 'inference', name, model, variant })
  })

  test('a runner of Ollama, of 0.12 and of 0.33, names a file by its digest', () => {
    const runner = `/usr/local/bin/ollama runner --ollama-engine --model /root/.ollama/models/blobs/${DIGEST} --port 41217`
    const path = `/root/.ollama/models/blobs/${DIGEST}`
    const since033 = `/usr/lib/ollama/llama-server --model ${path} --port 37893 --host 127.0.0.1 --no-webui --offline -c 65536`
    expect(recognisedOf([since033, '/usr/local/bin/ollama serve'])).toMatchObject({
      name: 'ollama',
      role: 'works',
      lookup: { pid: 100, path },
    })
    const recognised = recognisedOf([runner, '/usr/local/bin/ollama serve'])
    expect(recognised).toMatchObject({ name: 'ollama', role: 'works', model: '', lookup: { pid: 100, path } })
    const found = withModels(recognised, ['llama3.1:8b-instruct-q4_K_M', 'llama3.1:latest'])
    expect(found).toMatchObject({ model: 'llama3.1:8b-instruct', variant: 'q4_k_m', lookup: undefined })
    expect(withModels(recognised, [])).toMatchObject({ model: '', lookup: undefined })
  })

  test.each([
    ['infinity_emb v2 --model-id BAAI/bge-m3 --dtype float16', 'BAAI/bge-m3', 'fp16'],
    ['infinity_emb v2 --model-id BAAI/bge-m3 --model-id openai/clip-vit-base-patch32', 'multiple', ''],
  ])('an option that may be given again: %s', (command, model, variant) => {
    expect(recognisedOf([command])).toMatchObject({ name: 'infinity', model, variant })
  })

  test('a repository of Triton is looked into', () => {
    const recognised = recognisedOf(['tritonserver --model-store /models'])
    expect(recognised.lookup).toEqual({ kind: 'model-repository', pid: 100, path: '/models' })
    expect(withModels(recognised, ['resnet50'])).toMatchObject({ model: 'resnet50' })
    expect(withModels(recognised, ['resnet50', 'bert'])).toMatchObject({ model: 'multiple' })
  })

  test('the server among the ancestors says of itself what it is', () => {
    const chain = chainOf('VLLM::Worker_TP0', 'VLLM::EngineCore', 'vllm serve Qwen/Qwen3-8B', 'bash')
    expect(serversAbove(chain)).toMatchObject([{ name: 'vllm', role: 'serves', root: { pid: 98 } }])
  })
})

describe('training launchers', () => {
  test.each<[source: string, chain: Chain, name: string, model: string, variant: string]>([
    [
      'torchrun, docs.pytorch.org/docs/stable/elastic/run.html',
      ['/usr/bin/python3 /usr/local/bin/torchrun --standalone --nproc-per-node=8 train.py --lr 1e-4'],
      'torchrun',
      '',
      '',
    ],
    [
      'torchrun, a worker',
      [
        '/usr/bin/python3 -u train.py --model_name_or_path=meta-llama/Llama-3.1-8B --bf16 True',
        'torchrun --nproc-per-node=8 train.py --model_name_or_path=meta-llama/Llama-3.1-8B --bf16 True',
      ],
      'torchrun',
      'meta-llama/Llama-3.1-8B',
      'bf16',
    ],
    [
      'torch.distributed.launch',
      ['python -m torch.distributed.launch --nproc_per_node 4 main.py --model resnet50'],
      'torchrun',
      'resnet50',
      '',
    ],
    [
      'accelerate, huggingface.co/docs/accelerate/basic_tutorials/launch',
      [
        'python script.py --model_name bert-base-cased',
        '/usr/bin/python /opt/bin/accelerate launch --multi_gpu script.py',
      ],
      'accelerate',
      'bert-base-cased',
      '',
    ],
    [
      'DeepSpeed, deepspeed.ai/getting-started',
      [
        'python -u main.py --local_rank=0 --model_name_or_path facebook/opt-1.3b --deepspeed --load_in_4bit',
        'python -u -m deepspeed.launcher.launch --world_info=eyJsb2NhbGhvc3QiOiBbMF19 main.py',
        'python /usr/local/bin/deepspeed main.py --deepspeed',
      ],
      'deepspeed',
      'facebook/opt-1.3b',
      '4bit',
    ],
    ['Composer', ['python /usr/bin/composer -n 8 train.py'], 'composer', '', ''],
    [
      'Axolotl, docs.axolotl.ai/docs/cli.html',
      ['axolotl train config.yml --base-model NousResearch/Llama-3.2-1B'],
      'axolotl',
      'NousResearch/Llama-3.2-1B',
      '',
    ],
    [
      'Axolotl by accelerate',
      ['python -m axolotl.cli.train config.yml', 'accelerate launch -m axolotl.cli.train config.yml'],
      'accelerate',
      '',
      '',
    ],
    [
      'LLaMA-Factory',
      ['llamafactory-cli train examples/train_lora/llama3_lora_sft.yaml'],
      'llamafactory',
      '',
      '',
    ],
    [
      'LLaMA-Factory, its workers',
      [
        'python /x/llamafactory/launcher.py a.yaml',
        'torchrun --nnodes 1 /x/llamafactory/launcher.py a.yaml',
        'llamafactory-cli train a.yaml',
      ],
      'llamafactory',
      '',
      '',
    ],
    [
      'torchtune',
      ['tune run --nproc_per_node 2 lora_finetune_distributed --config llama3_1/8B_lora'],
      'torchtune',
      '',
      '',
    ],
    [
      'ms-swift',
      ['swift sft --model Qwen/Qwen2.5-7B-Instruct --train_type lora'],
      'swift',
      'Qwen/Qwen2.5-7B-Instruct',
      '',
    ],
    [
      'ms-swift, RLHF',
      ['swift rlhf --rlhf_type grpo --model Qwen/Qwen2.5-7B-Instruct'],
      'swift',
      'Qwen/Qwen2.5-7B-Instruct',
      '',
    ],
    ['Megatron-LM', ['python -u /workspace/Megatron-LM/pretrain_gpt.py --num-layers 32'], 'megatron', '', ''],
    [
      'verl',
      ['python3 -m verl.trainer.main_ppo actor_rollout_ref.model.path=Qwen/Qwen2-7B-Instruct'],
      'verl',
      'Qwen/Qwen2-7B-Instruct',
      '',
    ],
    [
      'a rank that no launcher started, as Kubeflow and Slurm do it',
      [
        {
          command: 'python train.py --base_model x/y',
          environment: { RANK: '3', WORLD_SIZE: '8', MASTER_ADDR: 'n1' },
        },
      ],
      'torch',
      'x/y',
      '',
    ],
  ])('%s', (_, chain, name, model, variant) => {
    expect(recognisedOf(chain)).toMatchObject({ kind: 'training', name, model, variant })
  })
})

describe('pitfalls', () => {
  test.each<[string, Chain, Partial<Recognised>]>([
    [
      'the process on the GPU has only a title: its parent says what it is',
      ['VLLM::EngineCore', '/usr/bin/python3 /usr/bin/vllm serve Qwen/Qwen3-8B --quantization fp8'],
      { kind: 'inference', model: 'Qwen/Qwen3-8B', variant: 'fp8', root: { pid: 99, startTicks: 1099 } },
    ],
    [
      'two levels of titles',
      ['VLLM::Worker_TP0', 'VLLM::EngineCore_DP0', 'vllm serve Qwen/Qwen3-8B -tp 2'],
      { kind: 'inference', model: 'Qwen/Qwen3-8B' },
    ],
    [
      'SGLang does so as well',
      ['sglang::scheduler_TP0', 'python3 -m sglang.launch_server --model-path ./q32 --tp 2'],
      { kind: 'inference', name: 'sglang', model: 'q32' },
    ],
    [
      'a title that its users chose',
      ['LLM::EngineCore', 'bash'],
      { kind: 'inference', name: 'vllm', model: '' },
    ],
    [
      'torchrun that runs inference: what the child says counts',
      [
        '/usr/bin/python3 -u -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B',
        'torchrun --nproc-per-node=2 -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B',
      ],
      { kind: 'inference', name: 'vllm', model: 'Qwen/Qwen3-8B' },
    ],
    [
      'an engine below a training launcher: it says itself that it answers',
      ['VLLM::EngineCore', 'python train_grpo.py', 'accelerate launch train_grpo.py'],
      { kind: 'inference', name: 'vllm' },
    ],
    [
      'the trainer beside it trains',
      ['python train_grpo.py --model_name_or_path Qwen/Qwen3-8B', 'accelerate launch train_grpo.py'],
      { kind: 'training', model: 'Qwen/Qwen3-8B' },
    ],
    [
      'a worker that forked without new arguments',
      ['vllm serve Qwen/Qwen3-8B', 'vllm serve Qwen/Qwen3-8B'],
      { kind: 'inference', model: 'Qwen/Qwen3-8B' },
    ],
    [
      'a notebook',
      ['/usr/bin/python3 -m ipykernel_launcher -f /run/kernel.json', 'jupyter-lab'],
      { kind: 'interactive' },
    ],
    [
      'a training that somebody started in a terminal of Jupyter',
      [
        'python train.py',
        'torchrun train.py',
        '/bin/bash',
        '/usr/bin/python3 /opt/bin/jupyter-lab --port 8888',
      ],
      { kind: 'training', name: 'torchrun' },
    ],
    [
      'arguments with shells between',
      ['nvidia-smi', 'sh -c nvidia-smi', 'vllm serve Qwen/Qwen3-8B'],
      { kind: 'inference' },
    ],
  ])('%s', (_, chain, expected) => {
    expect(recognisedOf(chain)).toMatchObject(expected)
  })

  test.each<[string, Chain, 'unsure' | 'plain']>([
    ['a script of its own', ['python train.py', 'bash'], 'unsure'],
    ['a script that does inference by its name', ['python vllm_inference.py'], 'unsure'],
    ['code', ['python3 -c import torch; torch.ones(1)'], 'unsure'],
    [
      'a worker of Ray',
      ['ray::RayWorkerWrapper.execute_method', '/usr/bin/raylet --node_ip 10.0.0.1'],
      'unsure',
    ],
    ['a process of PyTorch', [{ command: 'main', comm: 'pt_main_thread' }], 'unsure'],
    [
      'vLLM’s example for torchrun: a launcher, and a script that may be inference',
      [
        'python -u examples/offline_inference/torchrun_example.py',
        'torchrun --nproc-per-node=2 examples/offline_inference/torchrun_example.py',
      ],
      'unsure',
    ],
    ['an evaluation', ['accelerate launch -m lm_eval --model hf --tasks hellaswag'], 'unsure'],
    ['a recipe of torchtune that answers', ['tune run generate --config generation'], 'unsure'],
    [
      'variables without a number',
      [{ command: 'python x.py', environment: { RANK: 'a', WORLD_SIZE: '2', MASTER_ADDR: 'n' } }],
      'unsure',
    ],
    ['a guest, into which nobody can look', ['/usr/bin/qemu-system-x86_64 -name guest=gpu-vm'], 'unsure'],
    ['a client of Ollama', ['ollama run llama3.1', 'bash'], 'plain'],
    ['a client of vLLM', ['vllm chat', 'bash'], 'plain'],
    ['words among the arguments of something else', ['vim vllm serve torchrun llama-server'], 'plain'],
    ['a search for them', ['grep -r torchrun /etc'], 'plain'],
    ['PHP’s composer', ['php /usr/bin/composer install'], 'plain'],
    ['a thread of the kernel', [''], 'plain'],
    ['nothing', [], 'plain'],
  ])('nothing is claimed of %s', (_, chain, verdict) => {
    expect(recognise(chainOf(...chain))).toBe(verdict)
  })

  test('no secret of arguments or environment comes out, whatever they are', () => {
    const secret = 'S3CR3T'
    const calls = fc.constantFrom(...SIGNATURES.flatMap((one) => one.calls))
    const word = fc.oneof(
      fc.constantFrom(
        `--api-key ${secret} ${secret}x`,
        `--api-key=${secret}`,
        `--hf-token ${secret}`,
        `--hf_token=${secret}`,
        `HF_TOKEN=${secret}`,
        `--model hf_${secret}abcdefghijklmnopqrstuvwx`,
        `--model https://user:${secret}@host/models/phi-4.gguf?token=${secret}`,
        '--model Qwen/Qwen3-8B',
        '--port 8000',
        '--enable-metrics',
      ),
      fc.stringMatching(/^--[a-z]{1,8}$/),
    )
    const environment = {
      HF_TOKEN: secret,
      VLLM_API_KEY: secret,
      RANK: '0',
      WORLD_SIZE: '1',
      MASTER_ADDR: 'n',
    }
    fc.assert(
      fc.property(calls, fc.array(word, { maxLength: 8 }), fc.boolean(), (call, words, isModule) => {
        const program = isModule ? `python3 -m ${call}` : call
        const command = [program, ...words].join(' ')
        const verdict = recognise(chainOf({ command, environment }, { command: 'bash', environment }))
        expect(JSON.stringify(verdict)).not.toContain(secret)
      }),
      { numRuns: 1000 },
    )
  })

  test('any arguments are read', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { maxLength: 6 }), { maxLength: 4 }), (lines) => {
        const verdict = recognise(chainOf(...lines.map((command) => ({ command }))))
        expect(['unsure', 'plain', 'object']).toContain(typeof verdict === 'string' ? verdict : 'object')
      }),
    )
  })
})
