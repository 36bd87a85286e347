/** The dashboard asks what the panel plugin's README ships, of what is chosen at its head. */
import { expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { dashboardFiles, panelsOf } from './dashboard-json.ts'

const readme = readFileSync(new URL('../../grafana-plugin/src/README.md', import.meta.url), 'utf8')
const section = readme.slice(readme.indexOf('## Training phases'), readme.indexOf('## Keyboard'))
const shipped = Array.from(
  section.matchAll(/^\*\*(\w+)\*\*[^\n]*\n\n```promql\n(.*)\n```/gm),
  ([, refId, expr]) => ({
    refId,
    expr,
  }),
)

const MATCHERS = '{cluster=~"$cluster",namespace=~"$namespace",workload=~"$workload"}'

test('training phases has the shipped queries by their refIds', () => {
  const panel = dashboardFiles()
    .flatMap(({ json }) => panelsOf(json))
    .find(({ title }) => title === 'Phases of each run')
  const asked = panel?.targets?.map(({ refId, expr }) => ({ refId, expr: expr.replaceAll(MATCHERS, '') }))
  expect(shipped.length).toBe(7)
  expect(asked).toEqual(shipped)
})
