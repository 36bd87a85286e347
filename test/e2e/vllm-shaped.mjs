/**
 * A server that speaks vLLM's metrics and burns CPU time for each request. `POST /v1/completions` works for some
 * milliseconds; the port is told on standard output. Arguments: `serve <model> --port <port>`.
 */
import { createServer } from 'node:http'

const [, , , model = 'model'] = process.argv
const port = Number(process.argv[process.argv.indexOf('--port') + 1] ?? 0)
const PROMPT = 12
const CACHED = 4
const OUTPUT = 30
let done = 0
let running = 0

function burn(milliseconds) {
  const end = process.cpuUsage().user + milliseconds * 1000
  while (process.cpuUsage().user < end);
}

const metrics = () => {
  const labels = `engine="0",model_name="${model}"`
  return `# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{${labels}} ${running}
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{${labels}} 0
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{${labels}} ${done * PROMPT}
# TYPE vllm:prefix_cache_hits_total counter
vllm:prefix_cache_hits_total{${labels}} ${done * CACHED}
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{${labels}} ${done * OUTPUT}
# TYPE vllm:request_success_total counter
vllm:request_success_total{${labels},finished_reason="stop"} ${done}
`
}

const server = createServer((request, response) => {
  if (request.url === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(metrics())
  } else if (request.url === '/v1/completions') {
    running += 1
    burn(20)
    running -= 1
    done += 1
    response.setHeader('content-type', 'application/json').end('{}')
  } else response.writeHead(404).end()
})
server.listen(port, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
