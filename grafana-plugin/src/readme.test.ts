import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { QUERY_ENERGY_QUERIES, type ShippedQuery, TRAINING_PHASES_QUERIES } from './model/queries'
import { PHASE_ROLES } from './training-phases/series'
import { TABLE_ROLES } from './query-energy/read-table'

const readme = readFileSync(join(__dirname, 'README.md'), 'utf8')

test.each(
  [...QUERY_ENERGY_QUERIES, ...TRAINING_PHASES_QUERIES].map((query) => [query.refId, query] as const),
)('the README has the query %s', (_, { refId, expr }: ShippedQuery) => {
  expect(readme).toContain(`**${refId}**`)
  expect(readme).toContain(`\n${expr}\n`)
})

test('its first lines say how an unsigned panel is allowed', () => {
  expect(readme.split('\n').slice(0, 4).join(' ')).toContain(
    'allow_loading_unsigned_plugins = wattribute-energy-panel',
  )
})

test('it names every column', () => {
  const named = (role: string) =>
    readme.includes(`\`${role}\``) || /^(host|idle|overhead)_|^baseline_(host|idle|overhead)/.test(role)
  expect([...TABLE_ROLES, ...PHASE_ROLES].filter((role) => !named(role))).toEqual([])
})
