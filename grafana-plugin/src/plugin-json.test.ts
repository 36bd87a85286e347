import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const read = (...path: readonly string[]) => readFileSync(join(__dirname, ...path), 'utf8')
const plugin = JSON.parse(read('plugin.json')) as {
  id: string
  name: string
  type: string
  info: {
    version: string
    keywords: string[]
    screenshots: Array<{ path: string }>
    logos: Record<string, string>
  }
  dependencies: { grafanaDependency: string }
}

test('the identity is that of a panel, and needs Grafana 11.6', () => {
  // the pattern of Grafana's schema of plugin.json
  expect(plugin.id).toMatch(/^[0-9a-z]+-([0-9a-z]+-)?(app|panel|datasource)$/)
  expect(plugin).toMatchObject({ id: 'wattribute-energy-panel', type: 'panel' })
  expect(plugin.dependencies.grafanaDependency).toBe('>=11.6.0')
})

test('its version is that of the package, which the changelog knows', () => {
  const { version } = JSON.parse(read('../package.json')) as { version: string }
  expect(plugin.info.version).toBe('%VERSION%')
  expect(read('../CHANGELOG.md')).toContain(`## ${version}`)
})

test('logos and screenshots are there', () => {
  for (const path of [
    ...Object.values(plugin.info.logos),
    ...plugin.info.screenshots.map((one) => one.path),
  ]) {
    expect(read(path).length).toBeGreaterThan(100)
  }
})
