/** The flags of `wattribute proxy`. */
import { isItself, isTarget, LISTEN_FORM, listenOf, TARGET_FORM, type ProxyConfig } from './proxy-schema.ts'
import { UsageError, type Setting } from './usage-error.ts'

export const PROXY_FLAGS = [
  {
    name: 'target',
    value: 'URL',
    default: '',
    sentence: 'The inference server behind the proxy, such as http://127.0.0.1:11434. Needed.',
    only: 'proxy',
  },
  {
    name: 'listen',
    value: 'ADDRESS',
    default: '127.0.0.1:11435',
    sentence: 'Where clients reach the proxy: `host:port` or `[ipv6]:port`.',
    only: 'proxy',
  },
  {
    name: 'workload',
    value: 'NAME',
    default: '',
    sentence: 'Whose queries they are: the workload to which the energy of the server is booked.',
    only: 'proxy',
  },
  {
    name: 'namespace',
    value: 'NAME',
    default: '',
    sentence: 'Namespace of that workload.',
    only: 'proxy',
  },
  {
    name: 'server',
    value: 'NAME',
    default: '',
    sentence: 'What the server is; without it, `ollama` or `openai`, as it answers.',
    only: 'proxy',
  },
] as const

type ProxyFlagName = (typeof PROXY_FLAGS)[number]['name']

/** @throws UsageError */
export function proxyFlagsOf(valueOf: (name: ProxyFlagName) => Setting): ProxyConfig {
  const [target, listen] = [valueOf('target'), valueOf('listen')]
  if (target.text === '') throw new UsageError(`${target.from} is needed: ${TARGET_FORM}`)
  if (!isTarget(target.text)) throw new UsageError(`${target.from}: ${TARGET_FORM}`)
  const place = listenOf(listen.text)
  if (place === undefined) throw new UsageError(`${listen.from}: ${LISTEN_FORM}`)
  const config = {
    listen: listen.text,
    ...place,
    target: target.text.replace(/\/$/, ''),
    workload: valueOf('workload').text,
    namespace: valueOf('namespace').text,
    server: valueOf('server').text,
  }
  if (isItself(config)) throw new UsageError(`${target.from}: is the proxy itself`)
  return config
}
