/** The inference servers whose counters are known. The order is that in which a page is tried against them. */
import { namesOf, type Candidates, type ServerPreset, type Series } from './server-preset.ts'

/** Candidates of one name each. */
const either = (...names: readonly string[]): Candidates => names.map((name) => [{ name }])

const labelled = (name: string, label: string, ...values: readonly string[]): Series => ({
  name,
  where: { [label]: values },
})

const none: Candidates = []

/** vLLM's names behind another prefix: Ray Serve rewrites `vllm:` to `ray_vllm_`. */
const vllmNames = (prefix: string): Omit<ServerPreset, 'name' | 'source' | 'paths' | 'detect'> => ({
  requests: either(`${prefix}request_success_total`, `${prefix}request_success`),
  // `prompt_tokens_total` is the length of prompts, cache hits included, whatever its help text says
  computedTokens: [[labelled(`${prefix}prompt_tokens_by_source_total`, 'source', 'local_compute')]],
  promptTokens: either(`${prefix}prompt_tokens_total`, `${prefix}request_prompt_tokens_sum`),
  cachedTokens: [
    [labelled(`${prefix}prompt_tokens_by_source_total`, 'source', 'local_cache_hit', 'external_kv_transfer')],
    [{ name: `${prefix}prefix_cache_hits_total` }, { name: `${prefix}external_prefix_cache_hits_total` }],
    [{ name: `${prefix}prefix_cache_hits` }, { name: `${prefix}external_prefix_cache_hits` }],
    ...either(`${prefix}gpu_prefix_cache_hits_total`, `${prefix}gpu_prefix_cache_hits`),
  ],
  outputTokens: either(`${prefix}generation_tokens_total`, `${prefix}request_generation_tokens_sum`),
  running: either(`${prefix}num_requests_running`),
  waiting: either(`${prefix}num_requests_waiting`),
  modelLabels: ['model_name'],
})

const vllm: ServerPreset = {
  name: 'vllm',
  source: 'vLLM 0328b59, docs/design/metrics.md and vllm/v1/metrics/loggers.py; 0.28 for tokens by source',
  paths: ['/metrics'],
  detect: [['vllm:num_requests_running'], ['vllm:prompt_tokens_total'], ['vllm:generation_tokens_total']],
  ...vllmNames('vllm:'),
}

const rayServe: ServerPreset = {
  name: 'ray-serve',
  source: 'Ray 2.49, doc/source/serve/llm/user-guides/observability.md: names of vLLM with its own prefix',
  paths: ['/metrics'],
  detect: [['ray_vllm_num_requests_running'], ['ray_vllm_prompt_tokens_total']],
  ...vllmNames('ray_vllm_'),
}

const sglangNames = (prefix: string): Omit<ServerPreset, 'name' | 'source' | 'paths' | 'detect'> => ({
  requests: either(`${prefix}num_requests_total`),
  computedTokens: none,
  promptTokens: either(`${prefix}prompt_tokens_total`),
  cachedTokens: either(`${prefix}cached_tokens_total`),
  outputTokens: either(`${prefix}generation_tokens_total`),
  running: either(`${prefix}num_running_reqs`),
  waiting: either(`${prefix}num_queue_reqs`),
  modelLabels: ['model_name'],
})

const SGLANG_SOURCE = 'SGLang 0.5, docs/references/production_metrics.md'

const sglang: readonly ServerPreset[] = [
  {
    name: 'sglang',
    advice: 'start it with --enable-metrics',
    source: SGLANG_SOURCE,
    paths: ['/metrics'],
    detect: [['sglang:num_running_reqs'], ['sglang:prompt_tokens_total']],
    ...sglangNames('sglang:'),
  },
  {
    name: 'sglang',
    source: `${SGLANG_SOURCE}; newer builds write the prefix with an underscore`,
    paths: ['/metrics'],
    detect: [['sglang_num_running_reqs'], ['sglang_prompt_tokens_total']],
    ...sglangNames('sglang_'),
  },
]

const tgi: ServerPreset = {
  name: 'tgi',
  source:
    'text-generation-inference 3.3.6-dev db931fc, docs/source/reference/metrics.md, router/src/server.rs',
  paths: ['/metrics'],
  detect: [['tgi_queue_size'], ['tgi_request_count'], ['tgi_request_success']],
  requests: either('tgi_request_success', 'tgi_request_success_total'),
  computedTokens: none,
  promptTokens: either('tgi_request_input_length_sum'),
  cachedTokens: none,
  outputTokens: either('tgi_request_generated_tokens_sum'),
  running: either('tgi_batch_current_size'),
  waiting: either('tgi_queue_size'),
  modelLabels: [],
}

const tei: ServerPreset = {
  name: 'tei',
  source: 'text-embeddings-inference 1.9.3 0d124dc, router/src/http/server.rs, core/src/tokenization.rs',
  paths: ['/metrics'],
  detect: [['te_queue_size'], ['te_request_count'], ['te_request_success']],
  requests: either('te_request_success', 'te_request_success_total'),
  computedTokens: none,
  promptTokens: either('te_request_input_length_sum'),
  cachedTokens: none,
  outputTokens: none,
  running: none,
  waiting: either('te_queue_size'),
  modelLabels: [],
}

const trtllmServe: ServerPreset = {
  name: 'trtllm',
  advice: 'set return_perf_metrics in its options',
  source: 'TensorRT-LLM 1.3, tensorrt_llm/metrics/collector.py; 1.2.1 has no counters of tokens',
  paths: ['/prometheus/metrics', '/metrics'],
  detect: [
    ['trtllm_request_success_total'],
    ['trtllm_num_requests_running'],
    ['trtllm_e2e_request_latency_seconds_count'],
  ],
  requests: either('trtllm_request_success_total', 'trtllm_e2e_request_latency_seconds_count'),
  computedTokens: none,
  promptTokens: either('trtllm_prompt_tokens_total'),
  cachedTokens: either('trtllm_prompt_cached_tokens_total', 'trtllm_prompt_tokens_cached_total'),
  outputTokens: either('trtllm_generation_tokens_total'),
  running: either('trtllm_num_requests_running'),
  waiting: either('trtllm_num_requests_waiting'),
  modelLabels: ['model_name'],
}

const triton = (name: string, detect: ServerPreset['detect'], more: Partial<ServerPreset>): ServerPreset => ({
  name,
  source: 'Triton e1db8a6, docs/user_guide/metrics.md: it counts requests, not tokens',
  paths: ['/metrics'],
  detect,
  requests: either('nv_inference_request_success'),
  computedTokens: none,
  promptTokens: none,
  cachedTokens: none,
  outputTokens: none,
  running: none,
  waiting: either('nv_inference_pending_request_count'),
  modelLabels: ['model'],
  ...more,
})

const tritonServers: readonly ServerPreset[] = [
  triton('triton-tensorrtllm', [['nv_inference_request_success', 'nv_trt_llm_request_metrics']], {
    source:
      'tensorrtllm_backend 0b9d7d5, README.md lines 424-471: its figures of tokens are gauges of one iteration, not counters',
    // every request passes the engine once; the models around it (ensemble, BLS) would count it again
    requests: [
      [labelled('nv_inference_request_success', 'model', 'tensorrt_llm')],
      ...either('nv_inference_request_success'),
    ],
    running: [[labelled('nv_trt_llm_request_metrics', 'request_type', 'scheduled')]],
    waiting: [[labelled('nv_trt_llm_request_metrics', 'request_type', 'waiting')]],
  }),
  triton('triton', [['nv_inference_request_success']], {}),
]

const nim: ServerPreset = {
  name: 'nim',
  source: 'NVIDIA NIM for LLMs 1.14, docs.nvidia.com/nim/large-language-models/latest/observability.html',
  paths: ['/v1/metrics', '/metrics'],
  detect: [['num_requests_running', 'prompt_tokens_total', 'generation_tokens_total']],
  requests: either('request_success_total', 'request_finish_total', 'e2e_request_latency_seconds_count'),
  computedTokens: none,
  promptTokens: either('prompt_tokens_total', 'request_prompt_tokens_sum'),
  cachedTokens: either('prefix_cache_hits_total'),
  outputTokens: either('generation_tokens_total', 'request_generation_tokens_sum'),
  running: either('num_requests_running'),
  waiting: either('num_requests_waiting'),
  modelLabels: ['model_name'],
}

const llamaCpp: ServerPreset = {
  name: 'llama.cpp',
  advice: 'start it with --metrics',
  source:
    'llama.cpp b11151, tools/server/README.md (--metrics): no counter of requests; cached tokens since August 2026',
  paths: ['/metrics'],
  detect: [['llamacpp:tokens_predicted_total'], ['llamacpp:requests_processing']],
  requests: none,
  computedTokens: either('llamacpp:prompt_tokens_total'),
  promptTokens: none,
  cachedTokens: either('llamacpp:prompt_tokens_cached_total'),
  outputTokens: either('llamacpp:tokens_predicted_total'),
  running: either('llamacpp:requests_processing'),
  waiting: either('llamacpp:requests_deferred'),
  modelLabels: ['model'],
}

const lmdeploy: ServerPreset = {
  name: 'lmdeploy',
  source: 'LMDeploy 1263d5c, lmdeploy/metrics/loggers.py lines 149-260',
  paths: ['/metrics'],
  detect: [['lmdeploy:generation_tokens_total'], ['lmdeploy:num_requests_running']],
  requests: either(
    'lmdeploy:request_success_total',
    'lmdeploy:request_success',
    'lmdeploy:e2e_request_latency_seconds_count',
  ),
  computedTokens: none,
  promptTokens: either('lmdeploy:prompt_tokens_total'),
  cachedTokens: none,
  outputTokens: either('lmdeploy:generation_tokens_total'),
  running: either('lmdeploy:num_requests_running'),
  waiting: either('lmdeploy:num_requests_waiting'),
  modelLabels: ['model_name'],
}

const xinference: ServerPreset = {
  name: 'xinference',
  source: 'Xinference 7ecec16, xinference/core/metrics.py: of workers; tokens of language models only',
  paths: ['/metrics'],
  detect: [['xinference:model_request_total'], ['xinference:output_tokens_total_counter']],
  requests: either('xinference:model_request_total', 'xinference:responses_total_counter'),
  computedTokens: none,
  promptTokens: either('xinference:input_tokens_total_counter'),
  cachedTokens: none,
  outputTokens: either('xinference:output_tokens_total_counter', 'xinference:generate_tokens_total'),
  running: either('xinference:model_serve_count'),
  waiting: none,
  modelLabels: ['model', 'model_name', 'model_uid'],
}

const localAi: ServerPreset = {
  name: 'localai',
  source: 'LocalAI 82c191a, core/services/routing/billing/prom.go',
  paths: ['/metrics'],
  detect: [['localai_tokens_total'], ['localai_billed_requests_total']],
  requests: either('localai_billed_requests_total'),
  computedTokens: none,
  promptTokens: [[labelled('localai_tokens_total', 'kind', 'prompt')]],
  cachedTokens: none,
  outputTokens: [[labelled('localai_tokens_total', 'kind', 'completion')]],
  running: none,
  waiting: none,
  modelLabels: ['served_model'],
}

const liteLlm: ServerPreset = {
  name: 'litellm',
  advice: 'add prometheus to its callbacks',
  source:
    'LiteLLM 1.92, litellm/types/integrations/prometheus.py and docs/my-website/docs/proxy/prometheus.md',
  isGateway: true,
  paths: ['/metrics/', '/metrics'],
  detect: [
    ['litellm_input_tokens_metric_total'],
    ['litellm_requests_metric_total'],
    ['litellm_output_tokens_metric_total'],
  ],
  requests: either(
    'litellm_requests_metric_total',
    'litellm_deployment_success_responses_total',
    'litellm_proxy_total_requests_metric_total',
  ),
  computedTokens: none,
  promptTokens: either('litellm_input_tokens_metric_total'),
  cachedTokens: either('litellm_input_cached_tokens_metric_total'),
  outputTokens: either('litellm_output_tokens_metric_total'),
  running: either('litellm_in_flight_requests'),
  waiting: none,
  modelLabels: ['model', 'litellm_model_name', 'requested_model'],
}

const kserve: ServerPreset = {
  name: 'kserve',
  source: 'KServe aaac4e2, python/kserve/kserve/metrics.py: requests only',
  paths: ['/metrics'],
  detect: [['request_predict_seconds_count']],
  requests: either('request_predict_seconds_count'),
  computedTokens: none,
  promptTokens: none,
  cachedTokens: none,
  outputTokens: none,
  running: none,
  waiting: none,
  modelLabels: ['model_name'],
}

const bentoMl: ServerPreset = {
  name: 'bentoml',
  source: 'BentoML 32230a5, docs/source/build-with-bentoml/observability/metrics.rst: requests only',
  paths: ['/metrics'],
  detect: [['bentoml_service_request_total'], ['bentoml_service_request_in_progress']],
  requests: [[labelled('bentoml_service_request_total', 'http_response_code', '200')]],
  computedTokens: none,
  promptTokens: none,
  cachedTokens: none,
  outputTokens: none,
  running: either('bentoml_service_request_in_progress'),
  waiting: none,
  modelLabels: [],
}

const torchServe: ServerPreset = {
  name: 'torchserve',
  source: 'TorchServe 62c4d6a, ts/configs/metrics.yaml: it counts requests that came in',
  paths: ['/metrics'],
  detect: [['ts_inference_requests_total']],
  requests: either('ts_inference_requests_total'),
  computedTokens: none,
  promptTokens: none,
  cachedTokens: none,
  outputTokens: none,
  running: none,
  waiting: none,
  modelLabels: ['model_name'],
}

export const SERVER_PRESETS: readonly ServerPreset[] = [
  vllm,
  rayServe,
  ...sglang,
  tgi,
  tei,
  trtllmServe,
  ...tritonServers,
  llamaCpp,
  lmdeploy,
  xinference,
  localAi,
  liteLlm,
  kserve,
  bentoMl,
  torchServe,
  nim, // its names have no prefix: it comes last
]

const ALL_NAMES: ReadonlySet<string> = new Set(SERVER_PRESETS.flatMap(namesOf))

/** Every name that any preset asks for, for a page of which it is not known yet who wrote it. */
export const everyPresetName = (): ReadonlySet<string> => ALL_NAMES

/** @returns who writes a page that has samples of these names; undefined: nobody that is known */
export const presetOf = (names: ReadonlySet<string>): ServerPreset | undefined =>
  SERVER_PRESETS.find(({ detect }) => detect.some((all) => all.every((name) => names.has(name))))

/** What the configuration may call a preset. */
export const PRESET_NAMES: readonly string[] = Array.from(new Set(SERVER_PRESETS.map(({ name }) => name)))

/** Those of one name: they differ in the names of their series only. */
export const presetsNamed = (wanted: string): readonly ServerPreset[] =>
  SERVER_PRESETS.filter(({ name }) => name === wanted)
