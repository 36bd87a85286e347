/** Every command and every configuration that the documents show is one that the program takes. */
import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS, flagRows, parseFlags, switchRows, UsageError } from '../../exporter/src/config/flags.ts'
import { ConfigError, describeConfig, parseConfig } from '../../exporter/src/config/load.ts'
import { documents, ROOT } from './markdown.ts'

const all = documents()

const scriptsOf = (folder: string): readonly string[] =>
  Object.keys(
    (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { scripts: object }).scripts,
  )
const scripts = new Set([...scriptsOf('.'), ...scriptsOf('exporter')])
const panelScripts = new Set(scriptsOf('grafana-plugin'))

/** Single commands of a block: no prompts, comments, output, redirections or continued lines. */
const commandsIn = (text: string): string[] =>
  text
    .replace(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line) => line.split(/&&|\|\||[;|]| > | 2>|\s#\s?.*$| &$/))
    .map((one) => one.trim().replace(/^(\$|#) /, ''))

/** Words of a shell, as far as documents need them. */
const wordsOf = (command: string): string[] =>
  (command.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? []).map((word) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  )

const OURS =
  /^(?:sudo (?:-\S+ \S+ )?)?(?:\w+=\S* )*(?:wattribute|(?:"\$\(command -v node\)"|node) exporter\/dist\/cli\.js|npm start --|npm run demo --|\S+ exec (?:-\S+ )*\S+ (?:-- )?wattribute)(?: |$)(.*)$/

/** @returns what our command line is called with; undefined: it is another program */
function argumentsOf(command: string): string[] | undefined {
  const said = OURS.exec(command)?.[1]
  if (said === undefined) return undefined
  const demo = /npm run demo --/.test(command) ? ['demo'] : []
  return [...demo, ...wordsOf(said)]
}

const nameOf = (flag: string): string => flag.replace(/^--/, '').replace(/=.*$/s, '')
const isKnownFlag = (flag: string): boolean =>
  [...flagRows, ...switchRows].some(({ name }) => name === nameOf(flag))

/** For code in sentences, which may leave out what a command needs. */
const wrongWordsOf = ([first = '', ...rest]: readonly string[]): readonly string[] => {
  const isCommand = /^[-<]/.test(first) || COMMANDS.some((one) => one === first)
  const flags = [first, ...rest].filter((word) => word.startsWith('--'))
  return [...(isCommand || first === '' ? [] : [first]), ...flags.filter((flag) => !isKnownFlag(flag))]
}

function refusalOf(words: readonly string[]): string | undefined {
  try {
    parseFlags(words, {})
    return undefined
  } catch (cause) {
    if (cause instanceof UsageError) return cause.message
    throw cause
  }
}

const missingScripts = (text: string): string[] => {
  const known = /grafana-plugin/.test(text) ? panelScripts : scripts
  return Array.from(
    text.matchAll(/\bnpm run (?:--silent |-s )?([\w:-]+)/g),
    ([, script = '']) => script,
  ).filter((script) => !known.has(script))
}

const settings = new Set(describeConfig().map(({ key }) => key.split(/[.[]/, 1)[0] ?? ''))

/** Whole settings of ours, and no piece of them or file of somebody else. */
function isConfiguration(yaml: string): boolean {
  const keys = Array.from(yaml.matchAll(/^([a-zA-Z_]+):/gm), ([, key = '']) => key)
  return /^[a-z#]/.test(yaml) && keys.length > 0 && keys.every((key) => settings.has(key))
}

/** Files and folders of the repository; of a pattern, the folder. */
const filesIn = (text: string): readonly string[] =>
  Array.from(
    text.matchAll(/(?:^|[\s='"])((?:deploy|dashboards|docs|clients|scripts|bench|test)\/[\w./*{},-]*)/g),
    ([, path = '']) => path.replace(/[^/]*[*{].*$/, '').replace(/[.,]$/, ''),
  )

const SHELLS = ['', 'sh', 'bash', 'console']

describe.each(all.map((one) => [one.path, one] as const))('%s', (path, { blocks, snippets }) => {
  test('shows commands that are taken', () => {
    const refused = blocks
      .filter(({ language }) => SHELLS.includes(language))
      .flatMap(({ text, line }) => [
        ...commandsIn(text).flatMap((command) => {
          const words = argumentsOf(command)
          const refusal = words === undefined ? undefined : refusalOf(words)
          return refusal === undefined ? [] : [`${path}:${line}: ${command}: ${refusal}`]
        }),
        ...missingScripts(text).map((script) => `${path}:${line}: no script ${script}`),
      ])
    const unknown = snippets.flatMap(({ text, line }) => {
      const words = argumentsOf(text)
      return (words === undefined ? [] : wrongWordsOf(words)).map(
        (word) => `${path}:${line}: ${text}: ${word}`,
      )
    })
    expect([...refused, ...unknown]).toEqual([])
  })

  test('names files that are there', () => {
    const texts = [...snippets, ...blocks.filter(({ language }) => SHELLS.includes(language))]
    const missing = texts.flatMap(({ text, line }) =>
      filesIn(text).flatMap((file) => (existsSync(join(ROOT, file)) ? [] : [`${path}:${line}: ${file}`])),
    )
    expect(missing).toEqual([])
  })

  test('shows configurations that are taken', () => {
    const refused = blocks.flatMap(({ language, text, line }) => {
      if (language !== 'yaml' || !isConfiguration(text)) return []
      try {
        parseConfig(text, `${path}:${line}`)
        return []
      } catch (cause) {
        if (cause instanceof ConfigError) return [cause.message]
        throw cause
      }
    })
    expect(refused).toEqual([])
  })
})

test('what is wrong is found', () => {
  expect(argumentsOf('sudo wattribute doctor --jsn')).toEqual(['doctor', '--jsn'])
  expect(refusalOf(['doctor', '--jsn'])).toBe('unknown flag --jsn: did you mean --json?')
  expect(wrongWordsOf(['docter', '--json', '--web.listen=:1'])).toEqual(['docter', '--web.listen=:1'])
  expect(filesIn('cp deploy/prometheus/rules/*.yaml docs/x.md, and')).toEqual([
    'deploy/prometheus/rules/',
    'docs/x.md',
  ])
  expect(missingScripts('npm run demo && npm run nothing')).toEqual(['nothing'])
  expect(commandsIn('$ wattribute rules \\\n  --output=x > y # z')).toEqual([
    'wattribute rules --output=x',
    'y',
    '',
  ])
})
