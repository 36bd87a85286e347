/** The forms in which a report can be had. */
import { csvText, jsonText } from './data.ts'
import { markdownText, tableText } from './document.ts'
import type { Format } from './options.ts'
import type { Report } from './report.ts'

const FORMS: Readonly<Record<Format, (report: Report) => string>> = {
  table: tableText,
  markdown: markdownText,
  csv: csvText,
  json: jsonText,
}

export const formatReport = (report: Report, format: Format): string => FORMS[format](report)
