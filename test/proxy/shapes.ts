/** Answers in the documented form of each server. */

/** Ollama 0.12, docs/api.md "Generate a chat completion", streaming: one object per line. */
export const ollamaChat = (words: readonly string[], last: object = {}): string[] => [
  ...words.map(
    (content) =>
      `${JSON.stringify({ model: 'llama3.2:latest', created_at: '2026-08-04T08:52:19.385406455Z', message: { role: 'assistant', content }, done: false })}\n`,
  ),
  `${JSON.stringify({ model: 'llama3.2:latest', created_at: '2026-08-04T19:22:45.499127Z', message: { role: 'assistant', content: '' }, done_reason: 'stop', done: true, total_duration: 4883583458, load_duration: 1334875, prompt_eval_count: 26, prompt_eval_duration: 342546000, eval_count: words.length, eval_duration: 4535599000, ...last })}\n`,
]

/** Ollama 0.12, docs/api.md "Generate Embeddings". */
export const ollamaEmbed = JSON.stringify({
  model: 'all-minilm',
  embeddings: [[0.010071029, -0.0017594862, 0.05007221]],
  total_duration: 14143917,
  load_duration: 1019500,
  prompt_eval_count: 8,
})

/** OpenAI API reference of 2026, "Chat completion chunk object", with `stream_options.include_usage`. */
export const openAiChat = (words: readonly string[], usage?: object): string[] => {
  const head = {
    id: 'chatcmpl-123',
    object: 'chat.completion.chunk',
    created: 1694268190,
    model: 'gpt-oss-20b',
  }
  const event = (more: object): string => `data: ${JSON.stringify({ ...head, ...more })}\n\n`
  return [
    event({ choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] }),
    ...words.map((content) => event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })),
    event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    ...(usage === undefined ? [] : [event({ choices: [], usage })]),
    'data: [DONE]\n\n',
  ]
}

/** The same, "The chat completion object". */
export const openAiWhole = JSON.stringify({
  id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
  object: 'chat.completion',
  created: 1741569952,
  model: 'gpt-5.4',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Hello!', refusal: null }, finish_reason: 'stop' },
  ],
  usage: {
    prompt_tokens: 19,
    completion_tokens: 10,
    total_tokens: 29,
    prompt_tokens_details: { cached_tokens: 16, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  },
})

/** The same, "Responses: streaming events". */
export const openAiResponses = [
  'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","model":"gpt-oss-20b","usage":null}}\n\n',
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hi"}\n\n',
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":" there"}\n\n',
  'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","model":"gpt-oss-20b","usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":5},"output_tokens":11,"total_tokens":48}}}\n\n',
]
