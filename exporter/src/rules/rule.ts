/** Rules of Prometheus, in the words of its own rule files. */

/** How soon somebody must look: at once, or on the next working day. */
export type Severity = 'critical' | 'warning'

export interface AlertRule {
  readonly alert: string
  /** PromQL; the alert's value is in kWh or W where it is an energy or a power. */
  readonly expr: string
  /** How long it has to hold, such as `15m`. */
  readonly for?: string
  readonly labels: Readonly<Record<string, string>> & { readonly severity: Severity }
  readonly annotations: {
    readonly summary: string
    readonly description: string
    readonly runbook_url: string
  }
}

export interface RecordingRule {
  /** `level:metric:operation`; the level names the labels that are left. */
  readonly record: string
  readonly expr: string
  /** Beside those of the expression. */
  readonly labels?: Readonly<Record<string, string>>
}

export interface RuleGroup {
  readonly name: string
  /** How often it is evaluated, such as `1m`; absent: as often as Prometheus is set to. */
  readonly interval?: string
  readonly rules: readonly (AlertRule | RecordingRule)[]
}

export const isAlert = (rule: AlertRule | RecordingRule): rule is AlertRule => 'alert' in rule

/** Where `docs/runbooks/` is published: the one place that says so. */
export const RUNBOOKS = 'https://github.com/wattribute/wattribute/blob/main/docs/runbooks'

export interface AlertWords {
  readonly severity: Severity
  readonly expr: string
  readonly for?: string
  /** Beside the severity. */
  readonly labels?: Readonly<Record<string, string>>
  readonly summary: string
  readonly description: string
}

export const alertRule = (
  alert: string,
  { severity, expr, for: duration, labels, summary, description }: AlertWords,
): AlertRule => ({
  alert,
  expr,
  ...(duration !== undefined && { for: duration }),
  labels: { severity, ...labels },
  annotations: { summary, description, runbook_url: `${RUNBOOKS}/${alert}.md` },
})

/** In an annotation: the answer to a query, with two digits. Each `%q` of it stands for the next label. */
export const answerTo = (query: string, ...labels: readonly string[]): string =>
  `{{ with printf ${JSON.stringify(query)} ${labels.join(' ')} | query }}{{ . | first | value | printf "%.2f" }}{{ end }}`

/** In an annotation: the alert's value with two digits. */
export const VALUE = '{{ printf "%.2f" $value }}'
