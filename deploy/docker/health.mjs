/**
 * HEALTHCHECK of the image, which has no curl: ends with 0 when the exporter serves fresh figures. Where it listens is
 * told by the same environment variables as to the exporter. One that wants a password is healthy when it answers.
 */
import http from 'node:http'
import https from 'node:https'

const { WATTRIBUTE_WEB_LISTEN_ADDRESS = ':10451', WATTRIBUTE_WEB_CONFIG_FILE = '' } = process.env
const [, host = '', port = '10451'] = /^(.*):(\d+)$/.exec(WATTRIBUTE_WEB_LISTEN_ADDRESS) ?? []
const isEverywhere = ['', '0.0.0.0', '[::]'].includes(host)
const hostname = isEverywhere ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1')
const HEALTHY = [200, 401]
const TIMEOUT_MILLISECONDS = 4000

/** The status, or why there is none. */
const ask = ({ get }) =>
  new Promise((resolve) => {
    // Of its own machine the certificate of another name proves enough.
    const options = {
      hostname,
      port,
      path: '/healthz',
      rejectUnauthorized: false,
      timeout: TIMEOUT_MILLISECONDS,
    }
    get(options, (response) => resolve(response.resume().statusCode))
      .on('timeout', () => resolve('no answer'))
      .on('error', ({ code }) => resolve(code))
  })

const protocols = WATTRIBUTE_WEB_CONFIG_FILE === '' ? [http] : [https, http]
let answer
for (const protocol of protocols) {
  answer = await ask(protocol)
  if (HEALTHY.includes(answer)) break
}
console.log(`/healthz: ${answer}`)
process.exit(HEALTHY.includes(answer) ? 0 : 1)
