/** A server that answers in the documented form of Ollama 0.12 (docs/api.md) and burns CPU for each token. */
import { createServer } from 'node:http'

const TOKENS = 20

function burn(milliseconds) {
  const end = process.hrtime.bigint() + BigInt(milliseconds) * 1_000_000n
  while (process.hrtime.bigint() < end);
}

const server = createServer((request, response) => {
  let body = ''
  request.on('data', (text) => (body += text))
  request.on('end', () => {
    const { model = '' } = JSON.parse(body)
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
    const say = (more) =>
      response.write(`${JSON.stringify({ model, created_at: new Date().toISOString(), ...more })}\n`)
    let left = TOKENS
    const timer = setInterval(() => {
      burn(20)
      say({ message: { role: 'assistant', content: 'word ' }, done: false })
      left -= 1
      if (left > 0) return
      clearInterval(timer)
      say({
        message: { role: 'assistant', content: '' },
        done_reason: 'stop',
        done: true,
        prompt_eval_count: 12,
        eval_count: TOKENS,
      })
      response.end()
    }, 40)
  })
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
