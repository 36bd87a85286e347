import { SeriesVisibilityChangeMode } from '@grafana/ui'

/** As Grafana's legends do it: a click shows one alone or all again, a click with a key held down hides or shows one. */
export function toggled(
  off: ReadonlySet<string>,
  name: string,
  names: readonly string[],
  mode: SeriesVisibilityChangeMode,
): ReadonlySet<string> {
  const next = new Set(off)
  if (mode === SeriesVisibilityChangeMode.AppendToSelection) {
    if (!next.delete(name)) next.add(name)
    return next.size === names.length ? new Set() : next
  }
  const others = names.filter((one) => one !== name)
  const alone = !off.has(name) && others.every((one) => off.has(one))
  return alone ? new Set() : new Set(others)
}
