/**
 * Who is what by its arguments: training launchers and inference servers, by their signatures. A process that says
 * nothing itself is what its parents say: an engine's processes rewrite their titles, a launcher's workers run a
 * script. What a child says counts before what its parents do. Arguments never leave here: only names do.
 */
import type { ModelLookup, ProcessSeen, WorkloadFacts } from '../model.ts'
import { invocationOf, Options, type Invocation } from './command-line.ts'
import { normaliseModel, normaliseVariant, type ModelName } from './model-names.ts'
import { ENGINE_TITLES, NOT_TRAINING, TRAINED_MODEL, TRAINING } from './signatures.ts'
import type { ModelPlaces, Signature } from './signature.ts'
import { signatureOf } from './signature-index.ts'

export interface Recognised extends ModelName {
  readonly kind: WorkloadFacts['kind']
  /** What people call the server or launcher. */
  readonly name: string
  readonly role: Signature['role']
  /** Instead of the model: where its name is found. */
  readonly lookup: ModelLookup | undefined
  /** Whose arguments said it. */
  readonly root: Pick<ProcessSeen, 'pid' | 'startTicks'>
  /** How it was known, for people. */
  readonly reason: string
}

/** `unsure`: it may be AI and may not; `plain`: nothing speaks for it; `unseen`: its arguments could not be read. */
export type Verdict = Recognised | 'unsure' | 'plain' | 'unseen'

/** The servers among the ancestors of a process, as each says of itself. */
export const serversAbove = (chain: readonly ProcessSeen[]): readonly Recognised[] =>
  chain.flatMap((process, index) => {
    if (index === 0 || seenOf(process).signature?.role !== 'serves') return []
    const verdict = recognise(chain.slice(index))
    return typeof verdict === 'string' ? [] : verdict
  })

/** @param chain a process, its parent, and so on */
export function recognise(chain: readonly ProcessSeen[]): Verdict {
  const seen = chain.map(seenOf)
  const index = seen.findIndex(({ signature }) => signature !== undefined)
  const title = engineTitleOf(seen[0])
  if (index < 0) return title === undefined ? withoutSignature(seen) : byTitle(title, seen)
  const said = seen[index]
  const signature = said?.signature
  if (said === undefined || signature === undefined) return 'unsure'
  if (signature.kind !== 'training') return servingBy(signature, said)
  // An engine that a training launcher has started answers: the engine says so itself.
  if (title !== undefined) return byTitle(title, seen)
  return trainingBy(signature, seen, index)
}

function servingBy(signature: Signature, said: Seen): Recognised {
  const model = modelIn(signature.model, said)
  // Since 0.33 Ollama runs llama.cpp's own server; only it keeps models by their digest.
  const isOfOllama = model.lookup?.kind === 'ollama-blob'
  const name = isOfOllama ? 'ollama' : signature.name
  return {
    kind: signature.kind,
    name,
    role: isOfOllama ? 'works' : signature.role,
    ...model,
    root: rootOf(said.process),
    reason: reasonOf(name),
  }
}

interface Seen {
  readonly process: ProcessSeen
  readonly invocation: Invocation
  readonly signature: Signature | undefined
}

/** Ancestors are met again and again. */
const known = new WeakMap<ProcessSeen, Seen>()

function seenOf(process: ProcessSeen): Seen {
  const before = known.get(process)
  if (before !== undefined) return before
  const invocation = invocationOf(process.argv)
  const seen = { process, invocation, signature: signatureOf(invocation) }
  known.set(process, seen)
  return seen
}

const rootOf = ({ pid, startTicks }: ProcessSeen): Recognised['root'] => ({ pid, startTicks })

const reasonOf = (name: string): string => `arguments of ${name}`

function engineTitleOf(seen: Seen | undefined): string | undefined {
  const title = seen?.process.argv[0] ?? ''
  return ENGINE_TITLES.find(([shape]) => shape.test(title))?.[1]
}

/** The engine has no parent here that names its model. */
const byTitle = (name: string, [self]: readonly Seen[]): Verdict =>
  self === undefined
    ? 'plain'
    : {
        kind: 'inference',
        name,
        role: 'works',
        model: '',
        variant: '',
        lookup: undefined,
        root: rootOf(self.process),
        reason: `title of an engine of ${name}`,
      }

/** Of launchers that start each other, the outermost stands for the run: its workers differ, it does not. */
function trainingBy(nearest: Signature, seen: readonly Seen[], index: number): Verdict {
  let outermost = { signature: nearest, index }
  for (let above = index + 1; above < seen.length; above += 1) {
    const signature = seen[above]?.signature
    if (signature?.kind === 'training') outermost = { signature, index: above }
  }
  const part = seen.slice(0, outermost.index + 1)
  const root = part.at(-1)
  if (root === undefined || part.some(({ invocation }) => runsOther(invocation))) return 'unsure'
  const { name, role } = outermost.signature
  return {
    kind: 'training',
    name,
    role,
    ...trainedModel(part),
    lookup: undefined,
    root: rootOf(root.process),
    reason: reasonOf(name),
  }
}

/** Whether a launcher, or a worker of one, runs something that by its name is no training. */
function runsOther({ program, module, words }: Invocation): boolean {
  const options = new Options(words)
  const script = words.find((word) => word.endsWith('.py')) ?? options.first(['-m', '--module'])
  const recipes = program === 'tune' ? words.filter((word) => !word.startsWith('-')) : []
  return [program, module, ...lastParts(script), ...recipes].some(
    (name) => NOT_TRAINING.test(name) && !TRAINING.test(name),
  )
}

/** A script and the folder that it is in. */
const lastParts = (path: string): readonly string[] =>
  path
    .split('/')
    .slice(-2)
    .map((part) => part.replace(/\.py$/, ''))

/** The nearest that says it. */
function trainedModel(part: readonly Seen[]): ModelName {
  for (const { invocation } of part) {
    const options = new Options(invocation.words)
    const named = normaliseModel(
      options.first(TRAINED_MODEL.options) || options.assigned(TRAINED_MODEL.assigned),
    )
    if (named.model !== '') return { model: named.model, variant: named.variant || trainedPrecision(options) }
  }
  return { model: '', variant: '' }
}

function trainedPrecision(options: Options): string {
  if (isOn(options, '--load_in_4bit')) return '4bit'
  if (isOn(options, '--load_in_8bit')) return '8bit'
  if (isOn(options, '--bf16')) return 'bf16'
  if (isOn(options, '--fp16')) return 'fp16'
  return normaliseVariant(options.first(['--mixed_precision', '--torch_dtype', '--precision']))
}

const isOn = (options: Options, name: string): boolean =>
  options.has(name) && !/^(?:false|0|no)$/i.test(options.valuesOf(name)[0] ?? '')

function modelIn(
  places: ModelPlaces | undefined,
  { process, invocation }: Seen,
): Pick<Recognised, 'model' | 'variant' | 'lookup'> {
  const options = new Options(invocation.words)
  if (invocation.program === 'tritonserver') return modelOfTriton(process, options)
  if (places === undefined) return { model: '', variant: '', lookup: undefined }
  const variable = (names: readonly string[] = []): string =>
    names.map((name) => process.variable(name)).find((value) => value !== '') ?? ''
  const path =
    options.first(places.options ?? []) ||
    (places.isFirstWord === true ? firstWord(invocation) : '') ||
    variable(places.environment)
  if (places.isSeveralIfRepeated === true && timesOf(invocation, places.options) > 1) {
    return { model: MULTIPLE, variant: '', lookup: undefined }
  }
  const blob = blobOf(path)
  if (blob !== '')
    return { model: '', variant: '', lookup: { kind: 'ollama-blob', pid: process.pid, path: blob } }
  const named = normaliseModel(path)
  const alias = normaliseModel(options.first(places.alias ?? []))
  const precision =
    alias.variant ||
    named.variant ||
    firstPrecision(options, places.precision) ||
    normaliseVariant(variable(places.precisionEnvironment))
  const cache = firstPrecision(options, places.cachePrecision)
  return {
    model: alias.model || named.model,
    variant: normaliseVariant([precision, cache && `kv_${cache}`].filter(Boolean).join('-')),
    lookup: undefined,
  }
}

const timesOf = ({ words }: Invocation, names: readonly string[] = []): number =>
  words.filter((word) => names.includes(word.replace(/=.*$/s, ''))).length

/** Each option may say `auto`. */
function firstPrecision(options: Options, names: readonly string[] = []): string {
  for (const name of names) {
    const variant = normaliseVariant(options.first([name]))
    if (variant !== '') return variant
  }
  return ''
}

/** The word after `serve`, where the model stands; where an option stands instead it is not searched for. */
function firstWord({ words }: Invocation): string {
  const word = words.find((one) => !SUBCOMMANDS.has(one)) ?? ''
  return isName(word) ? word : ''
}

/** No option, and no variable such as `HF_TOKEN=...`. */
const isName = (word: string): boolean => !word.startsWith('-') && !word.includes('=')

const SUBCOMMANDS = new Set(['serve', 'run', 'start', 'api_server', 'gradio', 'proxy'])

/** Ollama gives its runners the file by its digest. */
const blobOf = (path: string): string => (/\/blobs\/sha256[-:][0-9a-f]{64}$/.test(path) ? path : '')

function modelOfTriton(
  process: ProcessSeen,
  options: Options,
): Pick<Recognised, 'model' | 'variant' | 'lookup'> {
  const loaded = options.valuesOf('--load-model').filter((name) => name !== '*')
  const [only = ''] = loaded
  if (loaded.length === 1) return { ...normaliseModel(only), lookup: undefined }
  if (loaded.length > 1) return { model: MULTIPLE, variant: '', lookup: undefined }
  const repositories = ['--model-repository', '--model-store'].flatMap((name) => options.valuesOf(name))
  const [path = ''] = repositories
  if (repositories.length > 1) return { model: MULTIPLE, variant: '', lookup: undefined }
  // Elsewhere than on this machine there is nothing to look into.
  if (!path.startsWith('/')) return { model: path === '' ? '' : MULTIPLE, variant: '', lookup: undefined }
  return { model: '', variant: '', lookup: { kind: 'model-repository', pid: process.pid, path } }
}

/** Several models in one process: their energy cannot be told apart here. */
export const MULTIPLE = 'multiple'

/** What a lookup has found takes the place of the model. */
export function withModels(recognised: Recognised, names: readonly string[]): Recognised {
  const [name = ''] = names
  const isOne = names.length <= 1 || recognised.lookup?.kind === 'ollama-blob' // several tags of one file
  return isOne
    ? { ...recognised, ...normaliseModel(name), lookup: undefined }
    : { ...recognised, model: MULTIPLE, variant: '', lookup: undefined }
}

function withoutSignature(seen: readonly Seen[]): Verdict {
  const [self] = seen
  if (self === undefined) return 'plain'
  const { process, invocation } = self
  if (invocation.isPython && isRank(process) && !runsOther(invocation)) {
    return {
      kind: 'training',
      name: 'torch',
      role: 'works',
      ...trainedModel([self]),
      lookup: undefined,
      root: rootOf(process),
      reason: 'variables of a distributed run: RANK, WORLD_SIZE and MASTER_ADDR',
    }
  }
  return looksLikeAi(self) ? 'unsure' : 'plain'
}

/** As every rank is started: https://docs.pytorch.org/docs/stable/distributed.html#environment-variable-initialization */
const isRank = ({ variable }: ProcessSeen): boolean =>
  /^\d+$/.test(variable('RANK')) &&
  /^[1-9]\d*$/.test(variable('WORLD_SIZE')) &&
  variable('MASTER_ADDR') !== ''

/** A script of Python's, a thread of PyTorch's that names itself, a worker of Ray's, a whole guest: they may be anything. */
const looksLikeAi = ({ process, invocation }: Seen): boolean =>
  invocation.isPython ||
  process.comm.startsWith('pt_') ||
  /^ray::/.test(process.argv[0] ?? '') ||
  HYPERVISOR.test(invocation.program)

const HYPERVISOR = /^(?:qemu-system-.*|qemu-kvm|kvm|firecracker|cloud-hypervisor)$/
