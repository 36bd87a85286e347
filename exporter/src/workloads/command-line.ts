/** What was called, and with which options: from the arguments of a process, which are parsed, not searched. */

export interface Invocation {
  /** Without folders and `.py`: `vllm`, `llama-server`, `train`. Empty where Python was given a module or code. */
  readonly program: string
  /** What Python runs, with dots: a module, or the path of a script. Empty without Python. */
  readonly module: string
  readonly isPython: boolean
  /** What follows it. */
  readonly words: readonly string[]
}

/** Options of Python itself that take a value: https://docs.python.org/3/using/cmdline.html */
const PYTHON_VALUES = new Set(['-W', '-X', '--check-hash-based-pycs'])
const PYTHON = /^(?:python|pypy)[\d.]*[dmtu]?$/

export function invocationOf(argv: readonly string[]): Invocation {
  const [path = '', ...words] = argv
  const program = baseName(path)
  if (!PYTHON.test(program)) return { program: withoutPy(program), module: '', isPython: false, words }
  return pythonInvocation(words)
}

function pythonInvocation(words: readonly string[]): Invocation {
  const python = { program: '', module: '', isPython: true }
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? ''
    const rest = words.slice(index + 1)
    if (word.startsWith('-c')) return { ...python, words: [] }
    if (/^-[bBdEhiIOPqsSuvVx]*m$/.test(word))
      return { ...python, module: rest[0] ?? '', words: rest.slice(1) }
    if (PYTHON_VALUES.has(word)) index += 1
    else if (!word.startsWith('-')) {
      return { program: withoutPy(baseName(word)), module: dotted(word), isPython: true, words: rest }
    }
  }
  return { ...python, words: [] }
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const withoutPy = (file: string): string => file.replace(/\.py$/, '')
const dotted = (path: string): string => withoutPy(path).split('/').filter(Boolean).join('.')

/**
 * By what a call may be known: the program, the module, and the end of the path of its file, such as
 * `vllm.entrypoints.openai.api_server`.
 */
export function headsOf({ program, module }: Invocation): readonly string[] {
  const heads = [program, module]
  for (let dot = module.indexOf('.'); dot >= 0; dot = module.indexOf('.', dot + 1)) {
    const end = module.slice(dot + 1)
    if (end.includes('.')) heads.push(end)
  }
  return heads.filter((head) => head !== '')
}

/** The options among words: `--name value`, `--name=value`; `_` and `-` in names are the same. */
export class Options {
  readonly #words: readonly string[]

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** All values of an option: of `--name one two` both. */
  valuesOf(name: string): readonly string[] {
    const wanted = plain(name)
    return this.#words.flatMap((word, index) => {
      const equals = word.indexOf('=')
      if (word.startsWith('-') && equals > 0) {
        return plain(word.slice(0, equals)) === wanted ? [word.slice(equals + 1)] : []
      }
      if (!word.startsWith('-') || plain(word) !== wanted) return []
      const following = this.#words.slice(index + 1)
      const end = following.findIndex(isOption)
      return end < 0 ? following : following.slice(0, end)
    })
  }

  /** The first value of the first of these options that has one. */
  first(names: readonly string[]): string {
    for (const name of names) {
      const value = this.valuesOf(name).find((one) => one !== '')
      if (value !== undefined) return value
    }
    return ''
  }

  has(name: string): boolean {
    const wanted = plain(name)
    return this.#words.some((word) => word.startsWith('-') && plain(word.replace(/=.*$/s, '')) === wanted)
  }

  /** Of `key=value` words, as Hydra and other configuration frameworks take them. */
  assigned(keys: readonly string[]): string {
    for (const word of this.#words) {
      const equals = word.indexOf('=')
      if (equals > 0 && keys.includes(word.slice(0, equals).replace(/^\+{1,2}/, '')))
        return word.slice(equals + 1)
    }
    return ''
  }
}

const isOption = (word: string): boolean => /^-{1,2}[A-Za-z]/.test(word)

const plain = (name: string): string => name.replaceAll('_', '-')
