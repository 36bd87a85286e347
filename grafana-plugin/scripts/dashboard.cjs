/** Writes the provisioned dashboard out of the shipped queries: node scripts/dashboard.cjs */
const { writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { buildSync } = require('esbuild')

const file = join(__dirname, '../src/model/queries.ts')
const { text } = buildSync({ entryPoints: [file], bundle: true, format: 'cjs', write: false }).outputFiles[0]
const loaded = { exports: {} }
new Function('module', 'exports', text)(loaded, loaded.exports)

const datasource = { type: 'prometheus', uid: '${datasource}' }
const panel = (id, title, view, queries, y) => ({
  id,
  title,
  type: 'wattribute-energy-panel',
  datasource,
  gridPos: { x: 0, y, w: 24, h: 12 },
  options: { view },
  targets: queries.map(({ refId, expr, kind }) => ({
    refId,
    expr,
    datasource,
    editorMode: 'code',
    instant: kind === 'instant',
    range: kind === 'range',
    format: kind === 'instant' ? 'table' : 'time_series',
  })),
})
const dashboard = {
  uid: 'wattribute-panel',
  title: 'Wattribute: energy per query and training phases',
  schemaVersion: 39,
  time: { from: 'now-6h', to: 'now' },
  templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
  panels: [
    panel(1, 'Energy per query', 'query-energy', loaded.exports.QUERY_ENERGY_QUERIES, 0),
    panel(2, 'Training phases', 'training-phases', loaded.exports.TRAINING_PHASES_QUERIES, 12),
  ],
}
const target = join(__dirname, '../provisioning/dashboards/energy.json')
writeFileSync(target, `${JSON.stringify(dashboard, undefined, 2)}\n`)
