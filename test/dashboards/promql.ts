/** PromQL as a tree, with the labels that its answers can have. Needs no Prometheus. */
import { parser } from '@prometheus-io/lezer-promql'

type Node = ReturnType<typeof parser.parse>['topNode']

/** What Grafana puts into a query. The durations are like no other, so that they can be told apart in the tree. */
export const GRAFANA_DURATIONS = {
  $__rate_interval: '9000001s',
  $__range: '9000002s',
  $__interval: '9000003s',
} as const

/** A query as Prometheus would get it, all variables at "All" and textboxes at a number. */
export const withVariables = (expr: string): string =>
  Object.entries(GRAFANA_DURATIONS)
    .reduce((text, [name, value]) => text.replaceAll(name, value), expr)
    .replaceAll(/"\$\{?\w+(:\w+)?\}?"/g, '".*"')
    .replaceAll(/\$\{?\w+(:\w+)?\}?/g, '0.25')

export interface Matcher {
  readonly label: string
  readonly operator: string
  readonly value: string
}

export interface Selector {
  readonly metric: string
  readonly matchers: readonly Matcher[]
  /** The innermost function around it, such as `rate`; absent where there is none. */
  readonly within?: string
  /** The window, such as `5m`; absent for an instant. */
  readonly window?: string
}

export interface Parsed {
  readonly selectors: readonly Selector[]
  /** What is not PromQL, or names a label that cannot be there. */
  readonly errors: readonly string[]
  /** Of its answers; nothing for a number. */
  readonly labels: ReadonlySet<string> | undefined
}

/** @param labelsOf a metric; nothing when nobody knows it. */
export function parsePromql(
  expr: string,
  labelsOf: (metric: string) => readonly string[] | undefined,
): Parsed {
  const tree = parser.parse(expr)
  const errors: string[] = []
  const selectors: Selector[] = []
  const text = (node: Node): string => expr.slice(node.from, node.to)

  tree.iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) errors.push(`not PromQL at character ${from}: ${expr.slice(from, to + 20)}`)
      if (type.name === 'VectorSelector') selectors.push(selector(node))
    },
  })

  function selector(node: Node): Selector {
    const identifier = node.getChild('Identifier')
    const matchers = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
      (matcher) => {
        const [label, operator, value] = children(matcher)
        return {
          label: label ? text(label) : '',
          operator: operator ? text(operator) : '',
          value: value ? text(value).slice(1, -1) : '',
        }
      },
    )
    const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : undefined
    const duration = matrix?.getChild('DurationExpr')
    const within = enclosingFunction(matrix ?? node)
    return {
      metric: identifier ? text(identifier) : '',
      matchers,
      ...(within !== undefined && { within }),
      ...(duration && { window: text(duration) }),
    }
  }

  function enclosingFunction(node: Node): string | undefined {
    let outer = node.parent
    while (outer && ['OffsetExpr', 'FunctionCallBody', 'ParenExpr', 'StepInvariantExpr'].includes(outer.name))
      outer = outer.parent
    const name = outer?.name === 'FunctionCall' ? outer.getChild('FunctionIdentifier') : undefined
    return name ? text(name) : undefined
  }

  const labelNames = (node: Node | null | undefined): string[] =>
    (node?.getChildren('LabelName') ?? []).map(text)

  function expectLabels(
    wanted: readonly string[],
    present: ReadonlySet<string> | undefined,
    where: string,
  ): void {
    for (const label of wanted)
      if (present !== undefined && !present.has(label)) errors.push(`no label ${label} in ${where}`)
  }

  function labels(node: Node): ReadonlySet<string> | undefined {
    switch (node.name) {
      case 'VectorSelector': {
        const { metric, matchers } = selector(node)
        const known = labelsOf(metric)
        if (known === undefined) {
          errors.push(`nobody exports or records ${metric}`)
          return undefined
        }
        const all = new Set(known)
        expectLabels(
          matchers.map(({ label }) => label).filter((label) => label !== '__name__'),
          all,
          metric,
        )
        return all
      }
      case 'AggregateExpr':
        return ofAggregate(node)
      case 'FunctionCall':
        return ofFunction(node)
      case 'BinaryExpr':
        return ofBinary(node)
      default:
        return union(children(node).map(labels))
    }
  }

  function ofAggregate(node: Node): ReadonlySet<string> | undefined {
    const body = node.getChild('FunctionCallBody')
    const inner = body ? labels(body) : undefined
    const modifier = node.getChild('AggregateModifier')
    const grouping = labelNames(modifier?.getChild('GroupingLabels'))
    expectLabels(grouping, inner, `what is aggregated: ${text(node).slice(0, 80)}`)
    const operation = node.getChild('AggregateOp')
    if (operation !== null && /^(top|bottom)k$/.test(text(operation))) return inner
    if (modifier?.getChild('Without'))
      return new Set([...(inner ?? [])].filter((label) => !grouping.includes(label)))
    return new Set(grouping)
  }

  function ofFunction(node: Node): ReadonlySet<string> | undefined {
    const name = node.getChild('FunctionIdentifier')
    const body = node.getChild('FunctionCallBody')
    const inner = body ? labels(body) : undefined
    switch (name ? text(name) : '') {
      case 'label_replace': {
        const target = body?.getChildren('StringLiteral')[0]
        return new Set([...(inner ?? []), ...(target ? [text(target).slice(1, -1)] : [])])
      }
      case 'histogram_quantile':
        expectLabels(['le'], inner, 'histogram_quantile')
        return new Set([...(inner ?? [])].filter((label) => label !== 'le'))
      case 'scalar':
      case 'time':
        return undefined
      default:
        return inner
    }
  }

  function ofBinary(node: Node): ReadonlySet<string> | undefined {
    const parts = children(node)
    const left = parts[0] ? labels(parts[0]) : undefined
    const last = parts.at(-1)
    const right = last ? labels(last) : undefined
    if (left === undefined || right === undefined) return left ?? right
    const clause = node.getChild('MatchingModifierClause')
    const [matching, extra] = clause?.getChildren('GroupingLabels') ?? []
    const on = clause?.getChild('On') ? labelNames(matching) : undefined
    expectLabels(on ?? [], left, `the left of ${text(node).slice(0, 80)}`)
    expectLabels(on ?? [], right, `the right of ${text(node).slice(0, 80)}`)
    if (node.getChild('Or')) return union([left, right])
    if (node.getChild('And') || node.getChild('Unless')) return left
    if (clause?.getChild('GroupLeft')) return union([left, new Set(labelNames(extra))])
    if (clause?.getChild('GroupRight')) return union([right, new Set(labelNames(extra))])
    return on ? new Set(on) : left
  }

  const answer = labels(tree.topNode)
  return { selectors, errors, labels: answer }
}

function children(node: Node): Node[] {
  const found: Node[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) found.push(child)
  return found
}

function union(sets: readonly (ReadonlySet<string> | undefined)[]): ReadonlySet<string> | undefined {
  const known = sets.filter((set) => set !== undefined)
  return known.length === 0 ? undefined : new Set(known.flatMap((set) => [...set]))
}
