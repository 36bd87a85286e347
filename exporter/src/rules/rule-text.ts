/** Rules as the text of a rule file of Prometheus, and queries as text beside it. */
import { stringify } from 'yaml'
import type { RangeQuery } from './range-queries.ts'
import type { RuleGroup } from './rule.ts'

const textOf = (content: unknown, origin: string): string =>
  `# ${origin}\n${stringify(content, { lineWidth: 0, blockQuote: 'literal', aliasDuplicateObjects: false })}`

/** @param origin what the first line of the file says, without the sign of a comment */
export const ruleText = (groups: readonly RuleGroup[], origin: string): string => textOf({ groups }, origin)

export const queryText = (queries: readonly RangeQuery[], origin: string): string =>
  textOf({ queries }, origin)
