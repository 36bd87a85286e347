/** `wattribute rules`: from a configuration to a rule file of Prometheus. */
import { writeFileSync } from 'node:fs'
import type { RulesFlags } from './config/flags.ts'
import type { Config } from './config/load.ts'
import { reasonOf } from './config/strict-yaml.ts'
import { rulesFor } from './rules/config-rules.ts'
import { ruleText } from './rules/rule-text.ts'
import type { Seconds } from './units.ts'

/** Rules that cannot fire, or a file that cannot be written. The message has one line for each. */
export class RulesError extends Error {
  override readonly name = 'RulesError'
}

const ORIGIN =
  'By `wattribute rules` for one configuration; it stands in for alerts/*.yaml of deploy/prometheus.'

/**
 * @param now Unix time
 * @param note takes what could not be checked, a line each
 * @throws RulesError before anything is written
 */
export function writeRules(
  { output, burnRates }: RulesFlags,
  config: Config,
  now: Seconds,
  note: (line: string) => void,
): void {
  const { groups, refusals, notes } = rulesFor(config, burnRates, now)
  if (refusals.length > 0) throw new RulesError(refusals.join('\n'))
  for (const line of notes) note(line)
  const text = ruleText(groups, ORIGIN)
  if (output === undefined) process.stdout.write(text)
  else writeFile(output, text)
}

function writeFile(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (cause) {
    throw new RulesError(`--output: ${file} cannot be written: ${reasonOf(cause)}`)
  }
}
