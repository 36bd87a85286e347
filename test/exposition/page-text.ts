/** Reads a page of the text format 0.0.4 back, and checks the equations of docs/design.md section 6 on it. */

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  /** As it stands on the page. */
  readonly value: string
}

export type Families = ReadonlyMap<string, readonly Series[]>

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gsy

/**
 * By the names of the samples.
 * @throws Error when a line cannot be read or a series stands twice
 */
export function parsePage(text: string): Families {
  const families = new Map<string, Series[]>()
  const seen = new Set<string>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, labels = '', value] = LINE.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`)
    const key = `${name}{${labels}}`
    if (seen.has(key)) throw new Error(`twice on the page: ${key}`)
    seen.add(key)
    const series = families.get(name) ?? []
    series.push({ labels: labelsIn(labels), value })
    families.set(name, series)
  }
  return families
}

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let end = 0
  for (const match of text.matchAll(LABEL)) {
    const [whole, name = '', value = ''] = match
    labels[name] = value.replace(/\\([\\n"])/g, (_, escaped) => (escaped === 'n' ? '\n' : String(escaped)))
    end = match.index + whole.length
  }
  if (end !== text.length) throw new Error(`no labels: ${text}`)
  return labels
}

/** Decimal joules with six digits, turned back into microjoules. */
export function microjoulesIn(joules: string): bigint {
  const [, sign, whole, fraction] = /^(-?)(\d+)\.(\d{6})$/.exec(joules) ?? []
  if (whole === undefined || fraction === undefined) throw new Error(`${joules} has not six digits`)
  const amount = BigInt(whole) * 1_000_000n + BigInt(fraction)
  return sign === '-' ? -amount : amount
}

/** Σ of the series that fit, in microjoules. */
export const sumOf = (
  families: Families,
  family: string,
  fits: (labels: Readonly<Record<string, string>>) => boolean = () => true,
): bigint =>
  (families.get(`wattribute_${family}`) ?? [])
    .filter(({ labels }) => fits(labels))
    .reduce((sum, { value }) => sum + microjoulesIn(value), 0n)

/** What is wrong with the books on a page; nothing when they balance to the microjoule. */
export function imbalancesOfPage(text: string): string[] {
  const families = parsePage(text)
  const wrong: string[] = []
  const domains = 'domain_energy_joules_total'
  const roots = sumOf(families, domains, ({ within }) => within === '')
  const deficits = sumOf(families, 'domain_deficit_joules')
  const leaves = sumOf(families, domains, ({ leaf }) => leaf === 'true')
  if (roots + deficits !== leaves) wrong.push(`roots ${roots} + deficits ${deficits} is not leaves ${leaves}`)
  const components = new Set(
    (families.get(`wattribute_${domains}`) ?? []).map(({ labels }) => bookedAs(labels)),
  )
  for (const component of components) {
    const isOurs = (labels: Readonly<Record<string, string>>): boolean => labels['component'] === component
    const ofLeaves = sumOf(
      families,
      domains,
      (labels) => labels['leaf'] === 'true' && bookedAs(labels) === component,
    )
    const unattributed = sumOf(families, 'unattributed_energy_joules_total', isOurs)
    for (const view of ['workload', 'container', 'process']) {
      const ofView = (labels: Readonly<Record<string, string>>): boolean =>
        isOurs(labels) && labels['view'] === view
      const booked =
        sumOf(families, `${view}_energy_joules_total`, isOurs) +
        unattributed +
        sumOf(families, 'ledger_pending_joules', ofView) +
        sumOf(families, 'ledger_retired_joules', ofView)
      if (booked !== ofLeaves) wrong.push(`${view} ${component}: booked ${booked} is not leaves ${ofLeaves}`)
    }
  }
  return wrong
}

const bookedAs = ({ component = '' }: Readonly<Record<string, string>>): string =>
  component === 'node' ? 'board' : component
