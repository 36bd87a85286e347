/** The mixin names every file that is shipped. */
import { expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const repository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const MIXIN = readFileSync(repository('deploy/prometheus/mixin.libsonnet'), 'utf8')

test.each([
  { folder: 'deploy/prometheus/rules', from: 'rules', ending: '.yaml' },
  { folder: 'deploy/prometheus/alerts', from: 'alerts', ending: '.yaml' },
  { folder: 'dashboards', from: '../../dashboards', ending: '.json' },
])('$folder', ({ folder, from, ending }) => {
  const shipped = readdirSync(repository(folder)).filter(
    (name) => name.endsWith(ending) && !name.startsWith('tsconfig'),
  )
  const named = Array.from(MIXIN.matchAll(/import(?:str)? '(.+)\/([^/']+)'/g))
    .filter(([, path]) => path === from)
    .map(([, , name]) => name)
  expect(named).toEqual(shipped)
})
