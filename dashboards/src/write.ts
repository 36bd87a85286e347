/** Writes `dashboards/*.json`: `npm run dashboards`. */
import { writeFileSync } from 'node:fs'
import { dashboards } from './all.ts'
import { jsonText } from './json-text.ts'
import { DASHBOARDS, type DashboardName } from './names.ts'

for (const [name, build] of Object.entries(dashboards)) {
  writeFileSync(`dashboards/${DASHBOARDS[name as DashboardName].file}.json`, jsonText(build()))
}
