/** The documents of the repository as plain data: their headings, links and blocks of code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Block {
  /** As it is written behind the fence; empty where nothing is. */
  readonly language: string
  readonly line: number
  readonly text: string
}

export interface Document {
  /** From the root of the repository. */
  readonly path: string
  /** What `#…` of a link can be, as GitHub makes it of headings. */
  readonly anchors: ReadonlySet<string>
  readonly links: readonly { readonly target: string; readonly line: number }[]
  readonly blocks: readonly Block[]
  /** Code within sentences. */
  readonly snippets: readonly { readonly text: string; readonly line: number }[]
}

const NOT_OURS = new Set(['node_modules', 'dist', 'dist-package', '.git', '.config', 'coverage', 'shared'])

export function documents(): readonly Document[] {
  return filesBelow(ROOT).map((file) => documentOf(relative(ROOT, file), readFileSync(file, 'utf8')))
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesBelow(path)
    return entry.isFile() && entry.name.endsWith('.md') ? [path] : []
  })
}

const LINK = /\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)|(?:src|href|srcset)="([^"]+)"/g

export function documentOf(path: string, text: string): Document {
  const anchors = new Set<string>()
  const links: { target: string; line: number }[] = []
  const blocks: Block[] = []
  const snippets: { text: string; line: number }[] = []
  let open: { fence: string; language: string; line: number; lines: string[] } | undefined
  text.split('\n').forEach((raw, index) => {
    const line = index + 1
    const fence = /^\s*(`{3,}|~{3,})(\S*)/.exec(raw)
    if (open !== undefined) {
      if (fence?.[1]?.startsWith(open.fence) === true && fence[2] === '') {
        blocks.push({ language: open.language, line: open.line, text: open.lines.join('\n') })
        open = undefined
      } else open.lines.push(raw)
      return
    }
    if (fence !== null) {
      open = { fence: fence[1] ?? '', language: fence[2] ?? '', line, lines: [] }
      return
    }
    for (const [, code = ''] of raw.matchAll(/`([^`]+)`/g)) snippets.push({ text: code, line })
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(raw)?.[1]
    if (heading !== undefined) anchors.add(unused(slugOf(heading), anchors))
    for (const [, name = ''] of raw.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name)
    const words = raw.replace(/`[^`]*`/g, (code) => code.replace(/[[\]()]/g, ' '))
    for (const [, inline, attribute] of words.matchAll(LINK))
      links.push({ target: inline ?? attribute ?? '', line })
  })
  return { path, anchors, links, blocks, snippets }
}

/** GitHub: without markup, small, without punctuation, spaces as hyphens. */
const slugOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
    .replace(/\s/g, '-')

function unused(slug: string, taken: ReadonlySet<string>): string {
  let name = slug
  for (let number = 1; taken.has(name); number += 1) name = `${slug}-${number}`
  return name
}
