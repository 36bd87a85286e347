/** Puts the built panel into a zip with one folder, checks what Grafana's catalog asks of it, and prints its size. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const DIST = join(ROOT, 'dist')
const read = (path) => readFileSync(path, 'utf8')
const problems = []
const need = (holds, text) => holds || problems.push(text)

const plugin = JSON.parse(read(join(DIST, 'plugin.json')))
const { version } = JSON.parse(read(join(ROOT, 'package.json')))
const module = read(join(DIST, 'module.js'))

need(/^[0-9a-z]+-[0-9a-z]+-panel$/.test(plugin.id), 'plugin.json: the id is none of organisation-name-panel')
need(plugin.name !== plugin.id, 'plugin.json: the name is the id')
need(plugin.info.version === version, `plugin.json says ${plugin.info.version}, package.json ${version}`)
need(/^\d{4}-\d\d-\d\d$/.test(plugin.info.updated), 'plugin.json: no date')
need(
  plugin.info.keywords.length > 0 && plugin.info.description.length > 20,
  'plugin.json: no keywords or description',
)
need(plugin.dependencies.grafanaDependency === '>=11.6.0', 'plugin.json: not for Grafana 11.6 and newer')
for (const path of [
  plugin.info.logos.small,
  plugin.info.logos.large,
  ...plugin.info.screenshots.map((one) => one.path),
])
  need(existsSync(join(DIST, path)), `${path} is missing`)
need(plugin.info.screenshots.length > 0, 'no screenshots')
for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE', 'module.js', 'module.js.map'])
  need(existsSync(join(DIST, file)), `${file} is missing`)
need(read(join(DIST, 'CHANGELOG.md')).includes(version), `CHANGELOG.md does not know ${version}`)
need(!/\bconsole\.(log|info|debug)\b/.test(module), 'module.js writes to the console')
need(!/\b(npm|yarn|webpack)\b/i.test(read(join(DIST, 'README.md'))), 'README.md is for developers')
need(gzipSync(module).length < 60_000, `module.js has ${gzipSync(module).length} bytes gzipped`)

const folder = join(ROOT, 'dist-package')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
cpSync(DIST, join(folder, plugin.id), { recursive: true })
const archive = `${plugin.id}-${version}.zip`
const zipped = spawnSync(
  'python3',
  [
    '-c',
    'import shutil,sys; shutil.make_archive(sys.argv[1][:-4], "zip", sys.argv[2], sys.argv[3])',
    join(folder, archive),
    folder,
    plugin.id,
  ],
  { encoding: 'utf8' },
)
need(zipped.status === 0, `no archive: ${zipped.stderr}`)
const listed = spawnSync('python3', ['-m', 'zipfile', '-l', join(folder, archive)], {
  encoding: 'utf8',
}).stdout
const names = listed
  .split('\n')
  .slice(1)
  .filter(Boolean)
  .map((line) => line.split(/\s/)[0])
need(
  names.every((name) => name.startsWith(`${plugin.id}/`)),
  'the archive has another folder than the id of the plugin',
)

for (const problem of problems) process.stderr.write(`${problem}\n`)
process.stdout.write(
  `${archive}: ${readdirSync(DIST).length} entries, ${statSync(join(folder, archive)).size} bytes, module.js ${gzipSync(module).length} bytes gzipped\n`,
)
process.exitCode = problems.length > 0 ? 1 : 0
