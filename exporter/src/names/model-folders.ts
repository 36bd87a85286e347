/**
 * Models that a process names by a file or folder only. Ollama keeps files by their digest and tells in manifests what
 * they are called (https://github.com/ollama/ollama/blob/main/server/modelpath.go); Triton's repository has a folder
 * for each model (https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_repository.html).
 * Both may be on a file system that hangs: nobody waits for it, and only one look is under way at a time.
 */
import { constants, open, readdir } from 'node:fs/promises'
import type { ModelLookup } from '../model.ts'
import type { Seconds } from '../units.ts'
import type { World } from '../world.ts'
import { hostPath } from './host-path.ts'
import { listAt, textAt, type Json } from './json.ts'

const MOST = { models: 256, manifests: 2000, bytes: 1 << 18, folders: 256 }
/** What a folder has told holds for so long. */
const KEPT_SECONDS = 600

interface Found {
  readonly names: readonly string[] | undefined
  readonly at: Seconds
}

export class ModelFolders {
  readonly #world: World
  readonly #found = new Map<string, Found>()
  readonly #waiting = new Map<string, ModelLookup>()
  #isLooking = false

  constructor(world: World) {
    this.#world = world
  }

  /** @returns names of models; empty where nobody knows any; undefined while they are being looked for */
  modelsAt(lookup: ModelLookup): readonly string[] | undefined {
    const key = `${lookup.kind} ${lookup.pid} ${lookup.path}`
    const known = this.#found.get(key)
    if (known !== undefined && this.#world.clock.now() - known.at < KEPT_SECONDS) return known.names
    this.#waiting.set(key, lookup)
    if (!this.#isLooking) void this.#lookAll()
    return undefined
  }

  async #lookAll(): Promise<void> {
    this.#isLooking = true
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined) break
      const [key, lookup] = next
      const names = await this.#namesAt(lookup)
      this.#waiting.delete(key)
      if (this.#found.size >= MOST.models) this.#found.clear()
      this.#found.set(key, { names, at: this.#world.clock.now() })
    }
    this.#isLooking = false
  }

  /** As the process itself sees its files, else as the host does. */
  async #namesAt({ kind, pid, path }: ModelLookup): Promise<readonly string[]> {
    const roots = [`${this.#world.procfs}/${pid}/root${path}`, hostPath(this.#world, path)]
    for (const seen of roots) {
      const names = await (kind === 'ollama-blob' ? tagsOf(seen) : foldersIn(seen))
      if (names.length > 0) return names
    }
    return []
  }
}

/** Names that do not begin with a dot. */
async function entriesOf(
  folder: string,
): Promise<readonly { readonly name: string; readonly isFolder: boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .filter(({ name }) => !name.startsWith('.'))
      .slice(0, MOST.folders)
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
  } catch {
    return []
  }
}

const foldersIn = async (folder: string): Promise<readonly string[]> =>
  (await entriesOf(folder)).flatMap(({ name, isFolder }) => (isFolder ? name : []))

/**
 * What a blob is called: `models/manifests/<host>/<namespace>/<name>/<tag>` names it by its digest. Of several tags the
 * first of the alphabet counts, `latest` last, for it says least.
 */
async function tagsOf(blob: string): Promise<readonly string[]> {
  const digest = blob.slice(blob.lastIndexOf('/') + 1).replace(':', '-')
  const manifests = `${blob.slice(0, blob.lastIndexOf('/blobs/'))}/manifests`
  const tags: string[] = []
  let left = MOST.manifests
  const search = async (folder: string, path: readonly string[]): Promise<void> => {
    for (const { name, isFolder } of await entriesOf(folder)) {
      if (left === 0) return
      const inner = [...path, name]
      if (isFolder && inner.length < 4) await search(`${folder}/${name}`, inner)
      if (isFolder || inner.length !== 4) continue
      left -= 1
      if (modelDigests(await textOf(`${folder}/${name}`)).includes(digest)) tags.push(tagName(inner))
    }
  }
  await search(manifests, [])
  const isLatest = (tag: string): boolean => tag.endsWith(':latest')
  return tags.sort((one, other) => Number(isLatest(one)) - Number(isLatest(other)) || (one < other ? -1 : 1))
}

/** As clients write it. */
function tagName([host = '', namespace = '', name = '', tag = '']: readonly string[]): string {
  const place = host === 'registry.ollama.ai' ? '' : `${host}/`
  const owner = host === 'registry.ollama.ai' && namespace === 'library' ? '' : `${namespace}/`
  return `${place}${owner}${name}:${tag}`
}

/** Written with `:` in manifests and with `-` in the names of files. */
const modelDigests = (manifest: string): readonly string[] =>
  listAt(parsed(manifest), 'layers')
    .filter((layer) => textAt(layer, 'mediaType') === 'application/vnd.ollama.image.model')
    .map((layer) => textAt(layer, 'digest').replace(':', '-'))

function parsed(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Of a plain file that is not too long; a pipe in its place must keep nobody waiting. */
async function textOf(path: string): Promise<string> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    try {
      const stat = await file.stat()
      return stat.isFile() && stat.size <= MOST.bytes ? await file.readFile('utf8') : ''
    } finally {
      await file.close()
    }
  } catch {
    return ''
  }
}
