/**
 * Compares the API that the panel uses with the libraries of older versions of Grafana:
 * `npm run compatibility [-- VERSION...]`. Fails on every difference that is not known below to do no harm.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const PACKAGES = ['@grafana/data', '@grafana/ui', '@grafana/runtime']

const DECLARED = 'the same parameter, declared in another way'
const MIGRATION = 'lacks a second parameter, which the panel does not give'
const SUGGESTIONS = "wants another supplier; the panel's is a function and has the method of the old one too"
const MODES = 'lacks SetExactly, which the panel does not use'

/** By version, what levitate calls changed, and why it does no harm. */
const KNOWN = {
  '12.4.10': {
    'PanelPlugin.setMigrationHandler': DECLARED,
    'PanelPlugin.setPanelChangeHandler': DECLARED,
    'PanelPlugin.setSuggestionsSupplier': DECLARED,
    'UPlotConfigBuilder.addAxis': DECLARED,
    'UPlotConfigBuilder.addSeries': DECLARED,
    'UPlotConfigBuilder.addScale': DECLARED,
    SeriesVisibilityChangeMode: MODES,
  },
  '11.6.16': {
    'PanelPlugin.setMigrationHandler': MIGRATION,
    'PanelPlugin.setPanelChangeHandler': DECLARED,
    'PanelPlugin.setPanelOptions': DECLARED,
    'PanelPlugin.useFieldConfig': DECLARED,
    'PanelPlugin.setSuggestionsSupplier': SUGGESTIONS,
    'UPlotConfigBuilder.addSeries': DECLARED,
    'UPlotConfigBuilder.addScale': DECLARED,
  },
}

/** What levitate prints; it exits with 1 on any difference and on any fault. */
function levitate(version) {
  const target = PACKAGES.map((name) => `${name}@${version}`).join()
  const levitating = [
    'levitate',
    'is-compatible',
    '--markdown',
    '--path',
    'src/module.ts',
    '--target',
    target,
  ]
  const child = spawn('npx', ['--no-install', ...levitating], { cwd: ROOT })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (part) => {
      text += part
    })
  }
  return new Promise((done) => child.once('close', () => done(text)))
}

async function check(version) {
  const text = await levitate(version)
  const compared = text.match(/Successfully compared versions/g) ?? []
  if (compared.length !== PACKAGES.length) {
    process.stderr.write(`${text}\n${version}: levitate did not compare all of ${PACKAGES.join(', ')}\n`)
    return false
  }
  const known = KNOWN[version] ?? {}
  const found = [...text.matchAll(/^(?:### )?\d+\) (\w+) `([^`]+)` used in/gm)]
  const counted = [...text.matchAll(/INCOMPATIBILITIES \((\d+)\)/g)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  )
  if (found.length !== counted) {
    process.stderr.write(`${text}\n${version}: of ${counted} differences ${found.length} could be read\n`)
    return false
  }
  const isNew = ([, how, name]) => how !== 'Changed' || !(name in known)
  for (const [, how, name] of found) {
    const why = isNew([, how, name]) ? 'NOT KNOWN' : known[name]
    process.stdout.write(`${version}: ${how.toLowerCase()} ${name}: ${why}\n`)
  }
  for (const name of Object.keys(known).filter((one) => !found.some(([, , other]) => other === one)))
    process.stdout.write(`${version}: ${name} is known and was not found: take it off the list\n`)
  if (!found.some(isNew)) return true
  process.stderr.write(`${text}\n`)
  return false
}

const asked = process.argv.slice(2)
for (const version of asked.length > 0 ? asked : Object.keys(KNOWN)) {
  if (!(await check(version))) process.exitCode = 1
}
