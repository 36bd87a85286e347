import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { QUERY_ENERGY_QUERIES, TRAINING_PHASES_QUERIES } from './model/queries'

interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly targets: ReadonlyArray<{ refId: string; expr: string; instant: boolean }>
  }>
}

test('the provisioned dashboard has the shipped queries (npm run dashboard)', () => {
  const file = join(__dirname, '../provisioning/dashboards/energy.json')
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as Dashboard
  const shipped = [QUERY_ENERGY_QUERIES, TRAINING_PHASES_QUERIES].map((queries) =>
    queries.map(({ refId, expr, kind }) => ({ refId, expr, instant: kind === 'instant' })),
  )
  expect(panels.map(({ targets }) => targets)).toMatchObject(shipped)
})
