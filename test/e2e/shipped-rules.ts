/** The recording rules of energy as they are shipped, with windows of seconds, because a test has no five minutes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SHIPPED = fileURLToPath(new URL('../../deploy/prometheus/rules/energy.yaml', import.meta.url))

/** What stands for five minutes unless told otherwise; evaluated each second. */
export const WINDOW_SECONDS = 20

export interface RulesOfSeconds {
  readonly file: string
  readonly remove: () => void
}

/** @param windowSeconds stands for the five minutes */
export function rulesOfSeconds(windowSeconds = WINDOW_SECONDS): RulesOfSeconds {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-rules-'))
  const file = join(folder, 'energy.yaml')
  const shortened = readFileSync(SHIPPED, 'utf8')
    .replaceAll('[5m]', `[${windowSeconds}s]`)
    .replaceAll('interval: 1m', 'interval: 1s')
  if (!shortened.includes(`[${windowSeconds}s]`) || !shortened.includes('interval: 1s'))
    throw new Error('the shipped rules have other windows than this test knows')
  writeFileSync(file, shortened)
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** All that is shipped and not optional, alerts as well, the same way. The file is a pattern for all of them. */
export function everyRuleOfSeconds(windowSeconds = WINDOW_SECONDS): RulesOfSeconds {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-rules-'))
  for (const kind of ['rules', 'alerts']) {
    const shipped = fileURLToPath(new URL(`../../deploy/prometheus/${kind}/`, import.meta.url))
    for (const name of readdirSync(shipped).filter((one) => one.endsWith('.yaml')))
      writeFileSync(
        join(folder, `${kind}-${name}`),
        readFileSync(join(shipped, name), 'utf8')
          .replaceAll('[5m]', `[${windowSeconds}s]`)
          .replaceAll('interval: 1m', 'interval: 1s'),
      )
  }
  return { file: join(folder, '*.yaml'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
