import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { normaliseModel, normaliseVariant } from '../../exporter/src/workloads/model-names.ts'

const HASH = '0e9e39f249a16976918f6564b8830bc894c89659'

describe('the name of a model', () => {
  test.each([
    // ids of Hugging Face
    ['Qwen/Qwen3-8B', 'Qwen/Qwen3-8B', ''],
    ['Qwen/Qwen3-235B-A22B-Instruct-2507-FP8', 'Qwen/Qwen3-235B-A22B-Instruct-2507', 'fp8'],
    ['Qwen/Qwen2.5-7B-Instruct-AWQ', 'Qwen/Qwen2.5-7B-Instruct', 'awq'],
    ['Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4', 'Qwen/Qwen2.5-7B-Instruct', 'gptq-int4'],
    ['Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8', 'Qwen/Qwen2.5-7B-Instruct', 'gptq-int8'],
    ['unsloth/Llama-3.2-1B-Instruct-bnb-4bit', 'unsloth/Llama-3.2-1B-Instruct', 'bnb-4bit'],
    ['unsloth/Llama-3.2-1B-Instruct-unsloth-bnb-4bit', 'unsloth/Llama-3.2-1B-Instruct', 'bnb-4bit'],
    ['RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8-dynamic', 'RedHatAI/Meta-Llama-3.1-8B-Instruct', 'fp8-dynamic'],
    ['RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8', 'RedHatAI/Meta-Llama-3.1-8B-Instruct', 'w8a8'],
    ['amd/Llama-3.1-70B-Instruct-FP8-KV', 'amd/Llama-3.1-70B-Instruct', 'fp8-kv'],
    ['nvidia/DeepSeek-R1-0528-NVFP4', 'nvidia/DeepSeek-R1-0528', 'nvfp4'],
    ['nvidia/Llama-3.3-70B-Instruct-FP4', 'nvidia/Llama-3.3-70B-Instruct', 'fp4'],
    ['mlx-community/Qwen3-8B-4bit', 'mlx-community/Qwen3-8B', '4bit'],
    ['intfloat/e5-mistral-7b-instruct', 'intfloat/e5-mistral-7b-instruct', ''],
    ['BAAI/bge-m3', 'BAAI/bge-m3', ''],
    ['meta-llama/Llama-2-7b-hf', 'meta-llama/Llama-2-7b-hf', ''],
    ['mistralai/Mixtral-8x7B-Instruct-v0.1', 'mistralai/Mixtral-8x7B-Instruct-v0.1', ''],
    ['microsoft/phi-4', 'microsoft/phi-4', ''],
    ['gpt2', 'gpt2', ''],
    ['hf://Qwen/Qwen3-8B', 'Qwen/Qwen3-8B', ''],
    ['https://huggingface.co/Qwen/Qwen3-8B', 'Qwen/Qwen3-8B', ''],
    // published in one precision only
    ['openai/gpt-oss-20b', 'openai/gpt-oss-20b', 'mxfp4'],
    ['gpt-oss:120b', 'gpt-oss:120b', 'mxfp4'],
    ['unsloth/gpt-oss-20b-BF16', 'unsloth/gpt-oss-20b', 'bf16'],
    ['my-gpt-oss-clone', 'my-gpt-oss-clone', ''],
    // the cache of Hugging Face
    [`/root/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/${HASH}`, 'Qwen/Qwen3-8B', ''],
    [`/data/models--Qwen--Qwen3-8B-FP8/snapshots/${HASH}/`, 'Qwen/Qwen3-8B', 'fp8'],
    [`/data/models--gpt2/snapshots/${HASH}`, 'gpt2', ''],
    [
      `/c/models--bartowski--Llama-3.2-1B-Instruct-GGUF/snapshots/${HASH}/Llama-3.2-1B-Instruct-Q8_0.gguf`,
      'bartowski/Llama-3.2-1B-Instruct',
      'q8_0',
    ],
    ['models--Qwen--Qwen3-8B', 'Qwen/Qwen3-8B', ''],
    // that of ModelScope, which may have no dots
    ['/mnt/modelscope/hub/models/Qwen/Qwen2___5-7B-Instruct', 'Qwen2.5-7B-Instruct', ''],
    // files
    ['mistral-7b-instruct-v0.3.Q4_K_M.gguf', 'mistral-7b-instruct-v0.3', 'q4_k_m'],
    ['/models/mistral-7b-instruct-v0.3.Q4_K_M.gguf', 'mistral-7b-instruct-v0.3', 'q4_k_m'],
    ['models/phi-3-mini-4k-instruct-q4.gguf', 'phi-3-mini-4k-instruct', 'q4'],
    ['Llama-3.3-70B-Instruct-IQ3_XS.gguf', 'Llama-3.3-70B-Instruct', 'iq3_xs'],
    ['Llama-3.3-70B-Instruct-Q8_0-00001-of-00003.gguf', 'Llama-3.3-70B-Instruct', 'q8_0'],
    ['DeepSeek-R1-UD-Q2_K_XL-00002-of-00005.gguf', 'DeepSeek-R1', 'ud-q2_k_xl'],
    ['nomic-embed-text-v1.5.f16.gguf', 'nomic-embed-text-v1.5', 'fp16'],
    ['ggml-model-F16.gguf', 'ggml-model', 'fp16'],
    ['Llama-3.1-8B-Instruct-BF16.gguf', 'Llama-3.1-8B-Instruct', 'bf16'],
    ['/models/qwen3-8b/model.gguf', 'qwen3-8b', ''],
    ['/repository/bert/1/model.plan', 'bert', ''],
    ['/models/llama-3.1-8b', 'llama-3.1-8b', ''],
    ['/models/llama-3.1-8b-int8/', 'llama-3.1-8b', 'int8'],
    ['./out/checkpoint-1200', 'out', ''],
    ['/runs/sft-qwen3/checkpoint-1200', 'sft-qwen3', ''],
    ['~/models/llama', 'llama', ''],
    ['/model', 'model', ''],
    ['s3://bucket/models/Qwen3-8B-FP8/?versionId=abc', 'Qwen3-8B', 'fp8'],
    ['https://user:password@example.com/m/phi-4-Q4_K_M.gguf?token=hf_abc', 'phi-4', 'q4_k_m'],
    // tags of Ollama and llama.cpp
    ['llama3.1', 'llama3.1', ''],
    ['llama3.1:latest', 'llama3.1', ''],
    ['llama3.1:8b', 'llama3.1:8b', ''],
    ['llama3.1:8b-instruct-q4_K_M', 'llama3.1:8b-instruct', 'q4_k_m'],
    ['qwen3:4b-q8_0', 'qwen3:4b', 'q8_0'],
    ['llama3.1:70b-instruct-fp16', 'llama3.1:70b-instruct', 'fp16'],
    ['registry.ollama.ai/library/llama3.1:8b', 'llama3.1:8b', ''],
    ['registry.ollama.ai/someone/mine:7b', 'someone/mine:7b', ''],
    ['hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M', 'bartowski/Llama-3.2-3B-Instruct', 'q4_k_m'],
    ['ggml-org/gemma-3-1b-it-GGUF:Q8_0', 'ggml-org/gemma-3-1b-it', 'q8_0'],
    ['ggml-org/gemma-3-1b-it-GGUF', 'ggml-org/gemma-3-1b-it', ''],
    // other formats
    ['turboderp/Llama-3.1-8B-Instruct-4.0bpw-exl2', 'turboderp/Llama-3.1-8B-Instruct', '4.0bpw-exl2'],
    ['mlc-ai/Llama-3-8B-Instruct-q4f16_1', 'mlc-ai/Llama-3-8B-Instruct', 'q4f16_1'],
    ['TheBloke/Llama-2-7B-GPTQ-4bit-128g', 'TheBloke/Llama-2-7B', 'gptq-4bit-128g'],
    // nothing to call it by
    ['', '', ''],
    ['///', '', ''],
    ['  ', '', ''],
    ['hf_abcdefghijklmnopqrstuvwxyz012345', '', ''],
    ['sk-proj-abcdefghijklmnopqrst', '', ''],
    // what labels should not hold
    ['my model "v1"\n{x}', 'my_model_v1_x_', ''],
    ['机-7b', '_-7b', ''],
  ])('of %j', (name, model, variant) => {
    expect(normaliseModel(name)).toEqual({ model, variant })
    expect(normaliseModel(model).model).toBe(model) // a name that was normalised stays
  })

  test('precisions of one model share its name', () => {
    const names = ['Qwen/Qwen3-8B', 'Qwen/Qwen3-8B-FP8', 'Qwen/Qwen3-8B-AWQ', 'Qwen/Qwen3-8B-GGUF:Q8_0']
    expect(new Set(names.map((name) => normaliseModel(name).model))).toEqual(new Set(['Qwen/Qwen3-8B']))
    expect(new Set(names.map((name) => normaliseModel(name).variant)).size).toBe(4)
  })

  test('is bounded and of few characters, whatever is given', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({
        unit: fc.constantFrom('-', '.', '_', ':', '/', 'q', 'Q', '4', '8', 'K', 'fp', 'bit'),
        maxLength: 400,
      }),
    )
    fc.assert(
      fc.property(part, (name) => {
        const { model, variant } = normaliseModel(name)
        expect(model).toMatch(/^[A-Za-z0-9._:/+@-]{0,128}$/)
        expect(variant).toMatch(/^[a-z0-9._-]{0,40}$/)
      }),
    )
  })
})

test.each([
  ['bfloat16', 'bf16'],
  ['half', 'fp16'],
  ['float16', 'fp16'],
  ['F16', 'fp16'],
  ['auto', ''],
  ['None', ''],
  ['Q4_K_M', 'q4_k_m'],
  ['bitsandbytes-nf4', 'bnb-nf4'],
  ['fp8 "x"', 'fp8_x_'],
])('the precision %s', (given, variant) => {
  expect(normaliseVariant(given)).toBe(variant)
})
