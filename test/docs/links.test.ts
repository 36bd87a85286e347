/** Every link from document to document leads somewhere, down to its heading. */
import { expect, test } from '@jest/globals'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { documentOf, documents, ROOT } from './markdown.ts'

const all = documents()
const byPath = new Map(all.map((one) => [one.path, one]))

/** @returns what is wrong with it; undefined when it leads somewhere, or out of the repository */
function problemOf(from: string, target: string): string | undefined {
  if (/^[a-z]+:/i.test(target)) return undefined
  const [file = '', anchor] = decodeURI(target).split('#')
  const path = file === '' ? from : normalize(join(dirname(from), file))
  if (path.startsWith('..') || !existsSync(join(ROOT, path))) return `no file ${path}`
  if (anchor === undefined || !path.endsWith('.md')) return undefined
  return byPath.get(path)?.anchors.has(anchor) === true ? undefined : `no heading #${anchor} in ${path}`
}

test.each(all.map((one) => [one.path, one] as const))('%s leads nowhere in vain', (path, { links }) => {
  const broken = links.flatMap(({ target, line }) => {
    const problem = problemOf(path, target)
    return problem === undefined ? [] : [`${path}:${line}: ${problem}`]
  })
  expect(broken).toEqual([])
})

test('a link that is broken is found', () => {
  const { links, anchors } = documentOf(
    'docs/some.md',
    '# A `b`: c\n[x](nowhere.md) `[y](code.md)`\n```sh\n[z](block.md)\n```\n![i](../README.md#none)\n## A b c',
  )
  expect([...anchors]).toEqual(['a-b-c', 'a-b-c-1'])
  expect(links.map(({ target }) => problemOf('docs/some.md', target))).toEqual([
    'no file docs/nowhere.md',
    'no heading #none in README.md',
  ])
})
