/**
 * The kubelet of this node: its pods with their owners, which no container runtime knows. It is asked when a container
 * of a pod appears that it has not told of yet, never by the clock, and never the API server.
 * https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/
 */
import { isIPv4 } from 'node:net'
import type { PodFindings } from '../model.ts'
import { Unreadable, type World } from '../world.ts'
import { getJson, type Target } from './http.ts'
import { at, listAt, textAt, textsAt, type Json } from './json.ts'
import { NoAnswer, type Answer, type ContainerSource } from './source.ts'

export interface KubeletSettings {
  /** `https://127.0.0.1:10250`, or the port for reading without a token: `http://127.0.0.1:10255`. */
  readonly url: string
  /** Holds the token of a service account that may get `nodes/pods` or `nodes/proxy`. */
  readonly tokenFile: string
  /** Who has signed the kubelet's certificate. Empty: see `Kubelet.#tls`. */
  readonly caFile: string
}

/** Some hundred pods. */
const ANSWER_LIMIT = 32 << 20
/** Containers that appear together are found in one list. */
const LIST_EVERY_SECONDS = 1

interface PodList {
  readonly pods: ReadonlyMap<string, PodFindings>
  readonly containers: ReadonlyMap<
    string,
    { readonly name: string; readonly image: string; readonly uid: string }
  >
}

const NO_PODS: PodList = { pods: new Map(), containers: new Map() }

export class Kubelet implements ContainerSource {
  readonly #world: World
  readonly #settings: KubeletSettings
  #list = NO_PODS
  #listedAt = -Infinity
  #listing: Promise<void> | undefined

  constructor(world: World, settings: KubeletSettings) {
    this.#world = world
    this.#settings = settings
  }

  addressFor({ podUid }: { readonly podUid: string }): string | undefined {
    const { url } = this.#settings
    return podUid !== '' && (url.startsWith('http:') || this.#token() !== undefined) ? url : undefined
  }

  async find(id: string, { podUid }: { readonly podUid: string }): Promise<Answer | undefined> {
    let found = this.#known(id, podUid)
    if (found?.isWhole !== true) {
      await this.#refresh()
      found = this.#known(id, podUid)
    }
    return found
  }

  #known(id: string, podUid: string): Answer | undefined {
    const container = this.#list.containers.get(id)
    const pod = this.#list.pods.get(container?.uid ?? podUid)
    if (container === undefined && pod === undefined) return undefined
    // A pod is known before its containers start, the container some moments after.
    const { name = '', image = '' } = container ?? {}
    return { container: { name, image, labels: {}, pod }, isWhole: container !== undefined }
  }

  async #refresh(): Promise<void> {
    const now = this.#world.clock.now()
    if (now - this.#listedAt < LIST_EVERY_SECONDS) return
    this.#listing ??= this.#read().finally(() => (this.#listing = undefined))
    await this.#listing
  }

  async #read(): Promise<void> {
    this.#list = listIn(await getJson(this.#target(), ANSWER_LIMIT))
    this.#listedAt = this.#world.clock.now()
  }

  #target(): Target {
    const { protocol, hostname, port } = new URL(this.#settings.url)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const address = { host, port: port === '' ? undefined : Number(port), path: '/pods' }
    if (protocol === 'http:') return { protocol: 'http', ...address }
    const token = this.#token()
    if (token === undefined) throw new NoAnswer('its token cannot be read')
    return {
      protocol: 'https',
      ...address,
      headers: { Authorization: `Bearer ${token}` },
      ...this.#tls(host),
    }
  }

  /**
   * With `ca_file` the certificate is verified. Without, a kubelet at the loopback is believed, since kubelets sign
   * their certificates themselves unless the cluster does, and the token does not leave the machine; any other
   * address is verified by the cluster's authority, which lies beside the token.
   */
  #tls(host: string): { readonly ca?: string; readonly rejectUnauthorized: boolean } {
    const { caFile, tokenFile } = this.#settings
    if (caFile === '' && isLoopback(host)) return { rejectUnauthorized: false }
    const ca = this.#world.files.readText(caFile === '' ? tokenFile.replace(/[^/]*$/, 'ca.crt') : caFile)
    if (ca instanceof Unreadable) throw new NoAnswer(String(ca))
    return { ca, rejectUnauthorized: true }
  }

  /** Read anew each time: Kubernetes replaces it every hour. */
  #token(): string | undefined {
    const text = this.#world.files.readText(this.#settings.tokenFile)
    const token = text instanceof Unreadable ? '' : text.trim()
    return /^[\x21-\x7e]+$/.test(token) ? token : undefined
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))

function listIn(answer: Json): PodList {
  const pods = new Map<string, PodFindings>()
  const containers = new Map<string, { name: string; image: string; uid: string }>()
  for (const item of listAt(answer, 'items')) {
    const pod = podIn(item)
    const uid = textAt(item, 'metadata', 'uid')
    // The cgroup of a pod from a file on the node has the hash of that file for an uid.
    const hash = textsAt(item, 'metadata', 'annotations')['kubernetes.io/config.hash'] ?? ''
    for (const key of [uid, hash]) if (key !== '') pods.set(key, pod)
    for (const status of statusesIn(item)) {
      const id = textAt(status, 'containerID').replace(/^[a-z-]+:\/\//, '')
      if (id !== '') containers.set(id, { name: textAt(status, 'name'), image: textAt(status, 'image'), uid })
    }
  }
  return { pods, containers }
}

const statusesIn = (item: Json): readonly Json[] =>
  ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'].flatMap((name) =>
    listAt(item, 'status', name),
  )

function podIn(item: Json): PodFindings {
  const owner = listAt(item, 'metadata', 'ownerReferences').find((one) => at(one, 'controller') === true)
  return {
    name: textAt(item, 'metadata', 'name'),
    namespace: textAt(item, 'metadata', 'namespace'),
    labels: textsAt(item, 'metadata', 'labels'),
    owner: owner === undefined ? undefined : { kind: textAt(owner, 'kind'), name: textAt(owner, 'name') },
  }
}
