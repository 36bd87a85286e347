/** The schemas of Kubernetes that test/install-schemas.sh brings. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { withProgram } from '../programs.ts'
import { repository, type Manifest } from './manifests.ts'

const FOLDER = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'wattribute-kubernetes')
const SCRIPT = repository('test/deploy/validate-manifests.py')
const LIBRARY = {
  name: 'kubernetes-validate (test/install-schemas.sh)',
  probe: ['-c', `import sys; sys.path.insert(0, ${JSON.stringify(FOLDER)}); import kubernetes_validate`],
}

/** From the oldest that the chart names to the newest that there are schemas of. */
const VERSIONS = ['1.25', '1.33', '1.37']

/** A test that every manifest is as Kubernetes and the Prometheus Operator know it, without unknown keys. */
export function testSchemas(title: string, manifests: () => readonly Manifest[]): void {
  withProgram(
    'python3',
    title,
    (run) => {
      const input = JSON.stringify(manifests())
      const { status, output } = run([SCRIPT, FOLDER, ...VERSIONS], input)
      expect([status, output]).toEqual([0, `${manifests().length} are valid\n`])
    },
    LIBRARY,
  )
}
