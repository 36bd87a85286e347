/**
 * What a model is called, whoever says it: an id of Hugging Face, a folder of its cache, a file, a tag of Ollama. The
 * precision of its weights is the variant, so that two precisions of one model share its name.
 */

export interface ModelName {
  /** As its owner writes it, with the organisation where that is told: `Qwen/Qwen3-8B`, `llama3.1:8b-instruct`. */
  readonly model: string
  /** Precision of the weights in lower case, such as `fp8`, `q4_k_m`, `gptq-int4`; empty where the name tells none. */
  readonly variant: string
}

/** Longer names are cut: they become labels of metrics. */
const LONGEST = { name: 128, variant: 40 }
/** What is looked at of a path or an address. */
const LONGEST_INPUT = 1024

/**
 * @param name an id, a path, an address or a tag
 * @returns empty texts where it names no model
 */
export function normaliseModel(name: string): ModelName {
  const { owner, segments } = placeOf(name.trim().slice(0, LONGEST_INPUT))
  const file = withoutPart(withoutEnding(segments.at(-1) ?? ''))
  const spoken = splitVariant(withoutFormat(withoutLatest(nameIn(segments))))
  const variant = spoken.variant || splitVariant(file).variant
  const model = cleaned(owner === '' ? spoken.model : `${owner}/${spoken.model}`)
  if (model === '' || looksSecret(spoken.model)) return { model: '', variant: '' }
  return { model, variant: normaliseVariant(variant) || nativeVariantOf(spoken.model) }
}

/** A precision as arguments, files and people write it, in one way; empty for `auto` and the like. */
export function normaliseVariant(variant: string): string {
  const words = variant
    .toLowerCase()
    .split('-')
    .filter((word) => word !== '')
  return words
    .map((word) => SAME_PRECISION[word] ?? word)
    .filter((word) => word !== '')
    .join('-')
    .replace(/[^a-z0-9._-]+/g, '_')
    .slice(0, LONGEST.variant)
}

const SAME_PRECISION: Readonly<Record<string, string>> = {
  auto: '',
  none: '',
  null: '',
  half: 'fp16',
  f16: 'fp16',
  float16: 'fp16',
  bfloat16: 'bf16',
  float: 'fp32',
  f32: 'fp32',
  float32: 'fp32',
  bitsandbytes: 'bnb',
}

/** Models whose weights were published in a precision that the name does not tell. */
const NATIVE: readonly (readonly [RegExp, string])[] = [[/^gpt-oss(?:[-:]|$)/i, 'mxfp4']]

const nativeVariantOf = (model: string): string => NATIVE.find(([name]) => name.test(model))?.[1] ?? ''

interface Place {
  /** The organisation; empty where none is told. */
  readonly owner: string
  /** Of the path, the last one being what it leads to. */
  readonly segments: readonly string[]
}

const CACHE_FOLDER = /^models--(?:(?<owner>[^/]+?)--)?(?<name>[^/]+)$/
/** Hosts from which Ollama and llama.cpp take models: `hf.co/org/name:tag`. */
const HOST = /^(?:https?:\/\/)?(?:www\.)?(?:hf\.co|huggingface\.co|registry\.ollama\.ai(?:\/library)?)\//i

function placeOf(text: string): Place {
  const isAddress = /^[a-z0-9+.-]+:\/\//i.test(text)
  const path = text.replace(HOST, '').replace(/^hf:\/\//i, '')
  const segments = withoutQuery(path, isAddress)
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.' && segment !== '..')
  const cache = segments.findLastIndex((segment) => CACHE_FOLDER.test(segment))
  const { owner = '', name } = CACHE_FOLDER.exec(segments[cache] ?? '')?.groups ?? {}
  // Below the folder are snapshots by their hash, and perhaps a file.
  if (name !== undefined) return { owner, segments: [name, ...segments.slice(cache + 3)] }
  const [first = '', second, ...others] = segments
  const isPath = /^[/.~]/.test(path) || isFile(path) || others.length > 0 || /:\/\//.test(path)
  return isPath || second === undefined ? { owner: '', segments } : { owner: first, segments: [second] }
}

const withoutQuery = (path: string, isAddress: boolean): string =>
  isAddress ? path.replace(/[?#].*$/s, '') : path

/** The last segment, or one above it where that is called as it could be in any folder. */
function nameIn(segments: readonly string[]): string {
  const names = segments.map((segment) => withoutPart(withoutEnding(segment)).replaceAll('___', '.'))
  const telling = names.findLast((segment) => !ANY_NAME.test(segment))
  return telling ?? names.at(-1) ?? ''
}

/** Files, revisions and checkpoints that are called alike in every model's folder. */
const ANY_NAME =
  /^(?:models?|weights|snapshots|main|final|checkpoints?(?:-\d+)?|global_step_?\d+|pytorch_model|consolidated(?:\.\d+)?|\d+|[0-9a-f]{40})$/i

const ENDING = /\.(?:gguf|ggml|safetensors|bin|pth?|ckpt|onnx|engine|plan|nemo|tar|gz)$/i

const isFile = (path: string): boolean => ENDING.test(path)

const withoutEnding = (file: string): string => file.replace(ENDING, '').replace(ENDING, '')

/** Of a file in several parts. */
const withoutPart = (file: string): string => file.replace(/-\d{5}-of-\d{5}$/, '')

const withoutLatest = (name: string): string => name.replace(/:latest$/i, '')

/** How the weights are stored; what follows it is a precision. */
const withoutFormat = (name: string): string =>
  name.replace(/[-._](?:gguf|ggml|mlx|onnx|mlc)(?=$|[-._:])/gi, '')

/** Precisions as they stand at the end of names. */
const PRECISION = [
  String.raw`(?:ud-|i1-)?(?:iq|tq|q)[1-8](?:_[0-9a-z]{1,2}){1,3}`, // llama.cpp
  String.raw`q[2-8](?:f(?:16|32)(?:_\d)?)?`, // MLC, ONNX
  'b?f(?:p|loat)?16',
  'f(?:p|loat)?32',
  '(?:nv|mx)?fp[4-8]',
  'nf4',
  'u?int[2-8]',
  '[2-8]-?bits?',
  String.raw`\d(?:\.\d{1,2})?bpw`,
  'w[2-8]a(?:4|8|16)',
  '(?:unsloth-)?bnb',
  'awq',
  'gptq',
  'exl[23]',
  'eetq',
  'hqq',
  'aqlm',
  'autoround',
  'quantized',
].join('|')
/** What may only follow a precision. */
const DETAIL = String.raw`dynamic|block|kv|marlin|e4m3|e5m2|g?\d{2,3}g?|gs\d{2,3}|sym|mixed`

const WITH_VARIANT = new RegExp(
  `^(?<model>.+?)[-._:](?<variant>(?:${PRECISION})(?:[-._](?:${PRECISION}|${DETAIL}))*)$`,
  'is',
)

function splitVariant(name: string): ModelName {
  const { model = name.slice(0, LONGEST.name), variant = '' } =
    WITH_VARIANT.exec(name.slice(0, LONGEST.name * 2))?.groups ?? {}
  return { model, variant: variant.replace(/^quantized[-._]|^unsloth-/i, '') }
}

/** Letters, digits and `. _ - : / + @`; anything else becomes one `_`. */
const cleaned = (name: string): string =>
  /[A-Za-z0-9]/.test(name) ? name.replace(/[^A-Za-z0-9._:/+@-]+/g, '_').slice(0, LONGEST.name) : ''

/** Tokens as Hugging Face, OpenAI, GitHub, AWS and others make them: they name no model. */
const SECRET =
  /^(?:hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_|glpat-|xox[abprs]-|nvapi-|AKIA[A-Z0-9]{16}|eyJ[A-Za-z0-9_-]{8,}\.)/

/** Whether a text is a credential by its shape, whatever it was given as. */
export const looksSecret = (text: string): boolean => SECRET.test(text)
