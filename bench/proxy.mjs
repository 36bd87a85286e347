/**
 * What the proxy adds to a request: a small answer of a server in this process, asked by turns directly and through the
 * built proxy, in one run, over kept connections. Figures of a machine that does something else say nothing.
 */
import { createServer, Agent, request } from 'node:http'
import { CountingProxy } from '../exporter/dist/proxy/proxy.js'
import { RequestLedger } from '../exporter/dist/proxy/request-ledger.js'

const ROUNDS = Number(process.argv[2] ?? 3000)
const ANSWER = JSON.stringify({
  model: 'm',
  response: 'hello',
  done: true,
  prompt_eval_count: 3,
  eval_count: 1,
})

const server = createServer((asked, response) => {
  asked.resume().on('end', () => response.setHeader('Content-Type', 'application/json').end(ANSWER))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const quiet = { info: () => undefined, warn: () => undefined }
const proxy = new CountingProxy({
  settings: {
    listen: 'bench',
    host: '127.0.0.1',
    port: 0,
    target: `http://127.0.0.1:${server.address().port}`,
  },
  ledger: new RequestLedger(
    () => performance.now() / 1000,
    () => undefined,
  ),
  log: quiet,
})
const { port } = await proxy.listen()
const agent = new Agent({ keepAlive: true })

const ask = (to) =>
  new Promise((resolve, reject) => {
    const begin = performance.now()
    request({ host: '127.0.0.1', port: to, agent, method: 'POST', path: '/api/generate' }, (answer) => {
      answer.resume().on('end', () => resolve(performance.now() - begin))
    })
      .on('error', reject)
      .end('{"model":"m","stream":false}')
  })

const times = { direct: [], proxied: [] }
for (let round = 0; round < ROUNDS; round += 1) {
  times.direct.push(await ask(server.address().port))
  times.proxied.push(await ask(port))
}
const quantile = (all, share) => [...all].sort((a, b) => a - b)[Math.floor(all.length * share)]
for (const share of [0.5, 0.9, 0.99]) {
  const [direct, proxied] = [quantile(times.direct, share), quantile(times.proxied, share)]
  console.log(
    `p${share * 100}: direct ${direct.toFixed(3)} ms, through the proxy ${proxied.toFixed(3)} ms: ${(proxied - direct).toFixed(3)} ms more, ×${(proxied / direct).toFixed(2)}`,
  )
}
agent.destroy()
await proxy.close()
server.close()
