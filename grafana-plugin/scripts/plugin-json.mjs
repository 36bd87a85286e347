/**
 * Checks the built plugin.json against Grafana's schema, which is fetched from where plugin.json says it is, or read
 * from a file: `npm run plugin-json [-- FILE]`. No copy is kept here, since the schema is under AGPL-3.0.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Ajv from 'ajv'
import addFormats from 'ajv-formats'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const plugin = JSON.parse(readFileSync(join(ROOT, 'dist', 'plugin.json'), 'utf8'))

async function fetched(url) {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered with ${response.status}`)
  return response.text()
}

const [, , file] = process.argv
const schema = JSON.parse(file === undefined ? await fetched(plugin.$schema) : readFileSync(file, 'utf8'))
const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false })
addFormats(ajv)
const isValid = ajv.compile(schema)
if (isValid(plugin)) process.stdout.write('plugin.json is valid\n')
else {
  for (const { instancePath, message } of isValid.errors ?? [])
    process.stderr.write(`plugin.json${instancePath}: ${message}\n`)
  process.exitCode = 1
}
