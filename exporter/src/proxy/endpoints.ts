/** Which requests are queries, and what stands where in their answers. */

export type AnswerForm = 'ollama' | 'openai'

export interface Endpoint {
  readonly form: AnswerForm
  /** Without output: its answer is a list of numbers. */
  readonly isEmbedding: boolean
}

/** https://github.com/ollama/ollama/blob/main/docs/api.md */
const OLLAMA = /\/api\/(?<what>generate|chat|embed|embeddings)$/
/** https://platform.openai.com/docs/api-reference, also behind a prefix as gateways have it. */
const OPENAI = /\/v\d+\/(?<what>chat\/completions|completions|embeddings|responses)$/

/** @returns undefined for what is no query */
export function endpointOf(method: string, path: string): Endpoint | undefined {
  if (method !== 'POST') return undefined
  const plain = path.replace(/[?#].*$/s, '').replace(/\/+$/, '')
  const ollama = OLLAMA.exec(plain)?.groups?.['what']
  if (ollama !== undefined) return { form: 'ollama', isEmbedding: ollama.startsWith('embed') }
  const openai = OPENAI.exec(plain)?.groups?.['what']
  return openai === undefined ? undefined : { form: 'openai', isEmbedding: openai === 'embeddings' }
}

type Role = 'model' | 'prompt' | 'cached' | 'output' | 'piece' | 'done' | 'reason' | 'error'

/** Field by field: what it means. The last value counts, as some servers send the usage so far with each piece. */
export const ANSWER_FIELDS: Readonly<Record<AnswerForm, ReadonlyMap<string, Role>>> = {
  ollama: new Map<string, Role>([
    ['model', 'model'],
    ['prompt_eval_count', 'prompt'],
    ['eval_count', 'output'],
    ['response', 'piece'],
    ['thinking', 'piece'],
    ['message.content', 'piece'],
    ['message.thinking', 'piece'],
    ['message.tool_calls.function.name', 'piece'],
    ['done', 'done'],
    // An empty prompt only loads the model, or takes it out of memory.
    ['done_reason', 'reason'],
    ['error', 'error'],
  ]),
  openai: new Map<string, Role>([
    ['model', 'model'],
    ['usage.prompt_tokens', 'prompt'],
    ['usage.completion_tokens', 'output'],
    ['usage.prompt_tokens_details.cached_tokens', 'cached'],
    ['choices.text', 'piece'],
    ['choices.delta.content', 'piece'],
    ['choices.delta.reasoning_content', 'piece'],
    ['choices.delta.reasoning', 'piece'],
    ['choices.delta.refusal', 'piece'],
    ['choices.delta.tool_calls.function.arguments', 'piece'],
    ['error', 'error'],
    ['error.message', 'error'],
    // The Responses API: the events of a stream, and an answer as a whole.
    ['delta', 'piece'],
    ['response.model', 'model'],
    ['response.usage.input_tokens', 'prompt'],
    ['response.usage.output_tokens', 'output'],
    ['response.usage.input_tokens_details.cached_tokens', 'cached'],
    ['usage.input_tokens', 'prompt'],
    ['usage.output_tokens', 'output'],
    ['usage.input_tokens_details.cached_tokens', 'cached'],
  ]),
}
