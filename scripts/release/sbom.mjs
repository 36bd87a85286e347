/**
 * Prints what a program folder (scripts/release/program.sh) consists of as CycloneDX, by `npm sbom`, with Node and
 * without what differs from run to run.
 *
 *     node scripts/release/sbom.mjs FOLDER ARCHITECTURE
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder = '.', architecture = process.arch] = process.argv.slice(2)
const text = execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--workspace=exporter'], {
  cwd: folder,
  encoding: 'utf8',
  maxBuffer: 1 << 26,
})
const sbom = JSON.parse(text)
// By the specification both may be left out; a time is that of the commit, as that of all else in the bundle.
sbom.metadata.component.name = 'wattribute'
delete sbom.serialNumber
sbom.metadata.timestamp = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? 0) * 1000).toISOString()
const [, version = ''] =
  /^version=(\S+)$/m.exec(readFileSync(join(import.meta.dirname, 'node.sh'), 'utf8')) ?? []
sbom.components.push({
  type: 'application',
  'bom-ref': `node@${version}`,
  name: 'node',
  version,
  purl: `pkg:npm/node-linux-${architecture}@${version}`,
  licenses: [{ license: { id: 'MIT' } }],
})
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`)
