/**
 * A person at the simulated chat: asks something every other second, through the counting proxy, and reads the answer
 * as it comes. The chat's server answers in the shape of the OpenAI API, as a stream of events.
 */
import { request, type IncomingMessage, type ServerResponse } from 'node:http'

const ANSWER = { pieces: 60, everyMilliseconds: 40 }
const QUESTION_EVERY_MILLISECONDS = 2000

/** Streams an answer; https://platform.openai.com/docs/api-reference/chat-streaming */
export function answerChat(model: string, response: ServerResponse): void {
  response.setHeader('content-type', 'text/event-stream')
  const say = (content: object): void =>
    void response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', model, ...content })}\n\n`)
  let left = ANSWER.pieces
  const timer = setInterval(() => {
    left -= 1
    if (left >= 0) {
      say({ choices: [{ index: 0, delta: { content: 'watt ' } }] })
      return
    }
    clearInterval(timer)
    say({ choices: [], usage: { prompt_tokens: 120, completion_tokens: ANSWER.pieces } })
    response.end('data: [DONE]\n\n')
  }, ANSWER.everyMilliseconds)
  response.once('close', () => clearInterval(timer))
}

/**
 * @param base of the proxy, such as `http://127.0.0.1:11435`
 * @returns ends the conversation
 */
export function converse(base: string, model: string): () => void {
  const ask = (): void => {
    const asked = request(`${base}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      agent: false,
    })
    asked.on('response', (answer: IncomingMessage) => answer.resume().on('error', () => undefined))
    asked.on('error', () => undefined) // the proxy has ended: so does the conversation
    asked.end(JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'How many?' }] }))
  }
  const timer = setInterval(ask, QUESTION_EVERY_MILLISECONDS)
  return () => clearInterval(timer)
}
