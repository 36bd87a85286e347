/**
 * Writes what of the Helm chart has its source elsewhere, because Helm cannot read files outside a chart: rules, alerts
 * and dashboards, the table of values in its README, and the rules as a plain manifest. Part of `npm run docs`.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isMap, parse, parseDocument, stringify } from 'yaml'

const at = (path) => new URL(`../${path}`, import.meta.url)
const CHART = 'deploy/helm/wattribute'

/** Folders of the repository, and what they are called in the chart. */
const COPIED = [
  ['deploy/prometheus/rules', 'rules', '.yaml'],
  ['deploy/prometheus/alerts', 'alerts', '.yaml'],
  ['deploy/prometheus/alerts/optional', 'alerts/optional', '.yaml'],
  ['dashboards', 'dashboards', '.json'],
]

rmSync(at(`${CHART}/files`), { recursive: true, force: true })
for (const [from, to, ending] of COPIED) {
  if (!existsSync(at(from))) continue
  mkdirSync(at(`${CHART}/files/${to}`), { recursive: true })
  for (const name of filesIn(from, ending))
    copyFileSync(at(`${from}/${name}`), at(`${CHART}/files/${to}/${name}`))
}

function filesIn(folder, ending) {
  return readdirSync(at(folder))
    .filter((name) => name.endsWith(ending) && !/^(package|tsconfig)/.test(name))
    .sort()
}

const groups = ['rules', 'alerts'].flatMap((folder) =>
  filesIn(`deploy/prometheus/${folder}`, '.yaml').flatMap(
    (name) => parse(readFileSync(at(`deploy/prometheus/${folder}/${name}`), 'utf8')).groups,
  ),
)
const rule = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: {
    name: 'wattribute',
    namespace: 'wattribute',
    labels: {
      'app.kubernetes.io/name': 'wattribute',
      'app.kubernetes.io/instance': 'wattribute',
      'app.kubernetes.io/component': 'rules',
    },
  },
  spec: { groups },
}
writeFileSync(
  at('deploy/kubernetes/prometheus-rules.yaml'),
  `# From deploy/prometheus by \`npm run docs\`, for the Prometheus Operator.\n${stringify(rule, { lineWidth: 0 })}`,
)

/** Keys of values.yaml with their comments: a row for each that is no mapping, or an empty one. */
function rowsOf(map, path = []) {
  return map.items.flatMap(({ key, value }, index) => {
    const keys = [...path, key.value]
    // The comment of a mapping's first key is kept at the mapping.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? ''
    const text = comment
      .replace(/\n\n[^]*/, '')
      .replace(/\n? /g, ' ')
      .trim()
    const own = `| \`${keys.join('.')}\` | ${code(value)} | ${text} |`
    if (!isMap(value) || value.items.length === 0) return [own]
    const heading = text === '' ? [] : [`| \`${keys.join('.')}\` |  | ${text} |`]
    return isWhole(keys) ? [own] : [...heading, ...rowsOf(value, keys)]
  })
}

/** Shown in one cell: what people replace as a whole. */
const isWhole = (keys) => /(config|resources|nodeSelector|labels|annotations)$/i.test(keys.at(-1))

function code(value) {
  const text = JSON.stringify(value.toJSON())
  return `\`${text.replaceAll('|', '\\|')}\``
}

const values = parseDocument(readFileSync(at(`${CHART}/values.yaml`), 'utf8'))
const table = ['| key | default | meaning |', '| --- | --- | --- |', ...rowsOf(values.contents)].join('\n')
const readme = at(`${CHART}/README.md`)
const [before] = readFileSync(readme, 'utf8').split('<!-- values -->')
writeFileSync(
  readme,
  `${before}<!-- values -->\n\n${table}\n\n_The table is made from values.yaml by \`npm run docs\`; \`npm run docs:check\` compares._\n`,
)
