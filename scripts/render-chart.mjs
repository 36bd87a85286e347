/**
 * Writes the plain manifests in deploy/kubernetes from the Helm chart: `npm run chart`. Helm is seldom there, so each
 * says by a digest what it was made from, and with `--check` only the digests are compared.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const CHART = 'deploy/helm/wattribute'
const MANIFESTS = 'deploy/kubernetes'
/** The oldest in which the right `nodes/pods` is known to the kubelet. */
const KUBERNETES = '1.33.0'

/** What each holds of what the chart gives with its values. */
const PARTS = { 'service-monitors': ['--show-only', 'templates/service-monitors.yaml'] }

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const names = readdirSync(at(`${MANIFESTS}/values`)).map((name) => name.replace(/\.yaml$/, ''))

/** Of all that the manifest is made from. Rules and dashboards are in none of them. */
function digestOf(name) {
  const hash = createHash('sha256')
  const sources = [
    `${CHART}/Chart.yaml`,
    `${CHART}/values.yaml`,
    ...readdirSync(at(`${CHART}/templates`))
      .sort()
      .map((file) => `${CHART}/templates/${file}`),
    `${MANIFESTS}/values/${name}.yaml`,
  ]
  for (const source of sources) hash.update(`${source}\n`).update(readFileSync(at(source)))
  return hash.digest('hex').slice(0, 16)
}

const headingOf = (name) =>
  `# From ${CHART} with values/${name}.yaml by \`npm run chart\`; digest ${digestOf(name)}.`

/** Without what only Helm's own releases have. */
function render(helm, name) {
  const words = [
    'template',
    'wattribute',
    at(CHART),
    '--namespace',
    'wattribute',
    '--kube-version',
    KUBERNETES,
  ]
  const values = ['--values', at(`${MANIFESTS}/values/${name}.yaml`)]
  const text = execFileSync(helm, [...words, ...values, ...(PARTS[name] ?? [])], { encoding: 'utf8' })
  return text
    .replace(/^# Source: .*\n/gm, '')
    .replace(/^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm, '')
}

if (process.argv.includes('--check')) {
  const stale = names.filter(
    (name) => readFileSync(at(`${MANIFESTS}/${name}.yaml`), 'utf8').split('\n')[0] !== headingOf(name),
  )
  for (const name of stale) {
    process.stderr.write(`${MANIFESTS}/${name}.yaml is older than the chart: run \`npm run chart\`\n`)
  }
  process.exitCode = stale.length === 0 ? 0 : 1
} else {
  const helm = execFileSync(at('scripts/helm.sh'), { encoding: 'utf8' }).trim()
  for (const name of names)
    writeFileSync(at(`${MANIFESTS}/${name}.yaml`), `${headingOf(name)}\n${render(helm, name)}`)
}
