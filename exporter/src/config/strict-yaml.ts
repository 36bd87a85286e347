/**
 * Reads a YAML file that has to fit a schema exactly. Every problem is listed with its place; what the file holds is
 * never quoted apart from its keys, so that no secret ends up in a message.
 */
import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type ErrorCode,
  type YAMLMap,
} from 'yaml'
import { z } from 'zod'
import { nearest } from './nearest.ts'

/**
 * A file of settings that cannot be used: it cannot be read, is not YAML or does not fit. The message has one line
 * per problem, each with the file, its line and column, and the key; `problems` are those lines without the file.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly file: string
  readonly problems: readonly string[]

  constructor(file: string, problems: readonly string[]) {
    super(problems.map((problem) => `${file}: ${problem}`).join('\n'))
    this.file = file
    this.problems = problems
  }
}

/**
 * A key without a value counts as not given, as in Prometheus's own files.
 * @throws ConfigError
 */
export function readStrictYaml<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  return parseStrictYaml(readText(file), file, schema)
}

/** What a file holds, and where. */
export interface Located<Content> {
  readonly content: Content
  /** The line on which a value begins, from 1. */
  readonly lineOf: (path: Path) => number
}

/** @throws ConfigError */
export const readLocatedYaml = <Schema extends z.ZodType>(
  file: string,
  schema: Schema,
): Located<z.output<Schema>> => parseLocatedYaml(readText(file), file, schema)

/** @throws ConfigError */
export function parseStrictYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): z.output<Schema> {
  return parseLocatedYaml(text, file, schema).content
}

/** @throws ConfigError */
export function parseLocatedYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): Located<z.output<Schema>> {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false, // reported here, with their names
  })
  const broken = [...syntaxProblems(document), ...unusable(document)]
  const repeated = repeatedKeys(document, lines)
  if (broken.length > 0) throw configError(file, [...broken, ...repeated], lines)
  const result = schema.safeParse(contentOf(document, file), { error: explain })
  if (result.success && repeated.length === 0) {
    const lineOf = (path: Path): number => lines.linePos(locate(document, path, 'value')).line
    return { content: result.data, lineOf }
  }
  const misfits = (result.error?.issues ?? []).flatMap((issue) => misfitsOf(issue, document, schema))
  throw configError(file, [...repeated, ...misfits], lines)
}

function readText(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new ConfigError(file, [`cannot be read: ${reasonOf(cause)}`])
  }
  if (!isUtf8(bytes)) throw new ConfigError(file, ['is not UTF-8 text'])
  return bytes.toString()
}

/** What the system says about a failed call, such as `no such file or directory (ENOENT)`. */
export function reasonOf(cause: unknown): string {
  const { errno, code } = cause as NodeJS.ErrnoException
  const [name, sentence] = getSystemErrorMap().get(errno ?? 0) ?? []
  return name === undefined ? (code ?? String(cause)) : `${sentence ?? ''} (${name})`
}

interface Problem {
  /** In the text of the file. */
  readonly offset: number
  /** @param place `line 3, column 1` */
  readonly say: (place: string) => string
}

function configError(file: string, problems: readonly Problem[], lines: LineCounter): ConfigError {
  const sorted = problems.toSorted((one, other) => one.offset - other.offset)
  return new ConfigError(file, [...new Set(sorted.map(({ offset, say }) => say(placeOf(offset, lines))))])
}

function placeOf(offset: number, lines: LineCounter): string {
  const { line, col } = lines.linePos(offset)
  return `line ${Math.max(line, 1)}, column ${Math.max(col, 1)}`
}

/** The library's own sentences quote the file, and a file may hold secrets. */
const SYNTAX: Record<ErrorCode, string> = {
  ALIAS_PROPS: 'an alias takes no anchor or tag',
  BAD_ALIAS: 'an alias or anchor needs a name',
  BAD_COLLECTION_TYPE: 'the tag does not fit its value',
  BAD_DIRECTIVE: 'not a YAML directive',
  BAD_DQ_ESCAPE: 'not an escape sequence of YAML; single quotes take a backslash as it is',
  BAD_INDENT: 'the indentation is wrong or a closing bracket is missing',
  BAD_PROP_ORDER: 'an anchor or tag is in the wrong place',
  BAD_SCALAR_START: 'a value that starts with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a key within a value: the indentation is wrong, or the value needs quotes',
  BLOCK_IN_FLOW: 'indented lines cannot stand within brackets',
  DUPLICATE_KEY: 'a key is given twice',
  IMPOSSIBLE: 'not valid YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a quote, bracket, comma, colon or space is missing',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines: a colon is missing or the indentation is wrong',
  MULTIPLE_ANCHORS: 'a value takes one anchor only',
  MULTIPLE_DOCS: 'the file must hold one document only',
  MULTIPLE_TAGS: 'a value takes one tag only',
  NON_STRING_KEY: 'a key must be a plain word',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'tabs are not allowed as indentation; use spaces',
  TAG_RESOLVE_FAILED: 'the tag is not known',
  UNEXPECTED_TOKEN: 'not valid YAML here',
}

function syntaxProblems(document: Document): Problem[] {
  return [...document.errors, ...document.warnings].map(({ code, pos: [offset] }) => ({
    offset,
    say: (place) => `${SYNTAX[code]} (${place})`,
  }))
}

/** What YAML itself lets pass and no schema can judge: aliases to nothing, a key that would vanish. */
function unusable(document: Document): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return
      problems.push({
        offset: startOf(alias),
        say: (place) => `no anchor has the name of this alias (${place})`,
      })
    },
    Pair(_, { key }) {
      if (nameOf(key) !== '__proto__') return
      problems.push({ offset: startOf(key), say: (place) => `\`__proto__\` (${place}) cannot be a key` })
    },
  })
  return problems
}

function repeatedKeys(document: Document, lines: LineCounter): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Map(_, map) {
      problems.push(...repeatedKeysOf(map, lines))
    },
  })
  return problems
}

function repeatedKeysOf(map: YAMLMap, lines: LineCounter): Problem[] {
  const first = new Map<string, string>()
  return map.items.flatMap(({ key }) => {
    const name = nameOf(key)
    const offset = startOf(key)
    const before = first.get(name)
    if (before === undefined) {
      first.set(name, placeOf(offset, lines))
      return []
    }
    return [{ offset, say: (place) => `key \`${name}\` (${place}) was given before (${before})` }]
  })
}

/** @throws ConfigError when the root is no mapping, or aliases do not lead to an end */
function contentOf(document: Document, file: string): unknown {
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return {}
  if (!isMap(root))
    throw new ConfigError(file, [`must be a mapping of keys to values, not ${kindOf(document.toJS())}`])
  try {
    return withoutEmpty(document.toJS())
  } catch {
    throw new ConfigError(file, ['its aliases or merge keys (`<<`) cannot be resolved'])
  }
}

function withoutEmpty(value: unknown): unknown {
  if (value === null) return undefined
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutEmpty(inner)]))
}

type Path = readonly PropertyKey[]

function misfitsOf(issue: z.core.$ZodIssue, document: Document, schema: z.ZodType): Problem[] {
  if (issue.code !== 'unrecognized_keys') {
    const name = pathText(issue.path)
    return [
      {
        offset: locate(document, issue.path, 'value'),
        say: (place) => `\`${name}\` (${place}) ${issue.message}`,
      },
    ]
  }
  const known = knownKeys(z.toJSONSchema(schema, { io: 'input' }), issue.path)
  return issue.keys.map((key) => ({
    offset: locate(document, [...issue.path, key], 'key'),
    say: (place) =>
      `unknown key \`${pathText([...issue.path, key])}\` (${place}): ${suggestion(key, known, issue.path)}`,
  }))
}

function suggestion(key: string, known: readonly string[], path: Path): string {
  const meant = nearest(key, known)
  if (meant !== undefined) return `did you mean \`${pathText([...path, meant])}\`?`
  return `known here: ${known.map((one) => `\`${one}\``).join(', ')}`
}

/** Sentences for what a schema does not explain itself. They follow the name of the key. */
const explain: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is missing'
        : `must be ${wanted(issue.expected)}, not ${kindOf(issue.input)}`
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${String(issue.minimum)}`
    case 'too_big':
      return `must be at most ${String(issue.maximum)}`
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return 'is not valid'
  }
}

const WANTED: Record<string, string> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
}

const wanted = (type: string): string => WANTED[type] ?? type

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'boolean':
      return 'true or false'
    case 'number':
      if (!Number.isFinite(value)) return '.nan or .inf'
      return Number.isInteger(value) ? 'a number' : 'a fraction'
    case 'object':
      return value === null ? 'nothing' : 'a mapping'
    case 'string':
      return 'text'
    case 'undefined':
      return 'nothing'
    case 'bigint':
    case 'function':
    case 'symbol':
      return 'such a value' // YAML gives none
  }
}

/** `baselines[0].watts` */
export const pathText = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    return text === '' ? String(step) : `${text}.${String(step)}`
  }, '')

type JsonSchema = z.core.JSONSchema._JSONSchema

/** The keys that a schema knows at a place. */
function knownKeys(schema: JsonSchema | undefined, path: Path): readonly string[] {
  if (typeof schema !== 'object') return []
  const [step, ...rest] = path
  if (step === undefined) return Object.keys(schema.properties ?? {})
  if (typeof step !== 'number')
    return knownKeys(schema.properties?.[String(step)] ?? schema.additionalProperties, rest)
  return Array.isArray(schema.items) ? [] : knownKeys(schema.items, rest)
}

/** Where a key or its value begins; for one that is missing, where the innermost that is there begins. */
function locate(document: Document, path: Path, which: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = startOf(node)
  for (const [index, step] of path.entries()) {
    const pair = childOf(resolved(node, document), step, document)
    if (pair === undefined) return offset
    node = pair.value
    const isKey = (which === 'key' && index === path.length - 1) || isEmpty(pair.value)
    offset = startOf(isKey ? pair.key : pair.value)
  }
  return offset
}

interface Child {
  readonly key: unknown
  readonly value: unknown
}

function childOf(node: unknown, step: PropertyKey, document: Document): Child | undefined {
  if (isSeq(node) && typeof step === 'number') return { key: node.items[step], value: node.items[step] }
  if (!isMap(node)) return undefined
  const own = node.items.findLast(({ key }) => nameOf(key) === step)
  return own ?? mergedChildOf(node, step, document)
}

/** A key that came in through `<<` is where its anchor says it. */
function mergedChildOf(map: YAMLMap, step: PropertyKey, document: Document): Child | undefined {
  const merged = map.items.find(({ key }) => nameOf(key) === '<<')?.value
  const source = resolved(merged, document)
  const sources: readonly unknown[] = isSeq(source) ? source.items : [source]
  for (const one of sources) {
    const child = childOf(resolved(one, document), step, document)
    if (child !== undefined) return child
  }
  return undefined
}

const resolved = (node: unknown, document: Document): unknown =>
  isAlias(node) ? node.resolve(document) : node

const isEmpty = (node: unknown): boolean => node === null || (isScalar(node) && node.value === null)

const nameOf = (key: unknown): string => (isScalar(key) ? String(key.value) : '')

const startOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? 0) : 0)
