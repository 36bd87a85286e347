/** Rules as the text of a rule file of Prometheus. */
import { stringify } from 'yaml'
import type { RuleGroup } from './rule.ts'

/** @param origin what the first line of the file says, without the sign of a comment */
export const ruleText = (groups: readonly RuleGroup[], origin: string): string =>
  `# ${origin}\n${stringify({ groups }, { lineWidth: 0, blockQuote: 'literal', aliasDuplicateObjects: false })}`
