/** Dashboards as they are checked in, and what is in them. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Place {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

export interface TargetJson {
  refId: string
  expr: string
  datasource?: object
}

export interface Property {
  readonly id: string
  readonly value?: unknown
}

export interface PanelJson {
  id: number
  type: string
  title: string
  description?: string
  gridPos: Place
  targets?: TargetJson[]
  panels?: PanelJson[]
  datasource?: object
  fieldConfig?: {
    defaults: { unit?: string }
    overrides: { properties: Property[] }[]
  }
}

export interface VariableJson {
  name: string
  type: string
  definition?: string
  datasource?: object
}

export interface DashboardJson {
  id: number | null
  uid: string
  title: string
  description: string
  schemaVersion: number
  tags: string[]
  panels: PanelJson[]
  templating: { list: VariableJson[] }
  annotations: { list: { name: string; expr: string; datasource?: object }[] }
}

export interface DashboardFile {
  /** Without `.json`. */
  readonly name: string
  readonly json: DashboardJson
}

const FOLDER = new URL('../../dashboards/', import.meta.url)

export const dashboardFiles = (): DashboardFile[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      name: name.replace(/\.json$/, ''),
      json: JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as DashboardJson,
    }))

/** A row and the panels below it, whether they are inside of it or behind it. */
export interface SectionJson {
  readonly title: string
  readonly panels: readonly PanelJson[]
}

export function sectionsOf({ panels }: DashboardJson): SectionJson[] {
  const sections: { title: string; panels: PanelJson[] }[] = []
  for (const panel of panels) {
    if (panel.type === 'row') sections.push({ title: panel.title, panels: [...(panel.panels ?? [])] })
    else (sections.at(-1) ?? sections[sections.push({ title: '', panels: [] }) - 1])?.panels.push(panel)
  }
  return sections
}

/** All but rows. */
export const panelsOf = (dashboard: DashboardJson): PanelJson[] =>
  sectionsOf(dashboard).flatMap(({ panels }) => panels)

/** Units of the panel's fields, those of single columns included. */
export const unitsOf = ({ fieldConfig }: PanelJson): string[] => [
  ...(fieldConfig?.defaults.unit === undefined ? [] : [fieldConfig.defaults.unit]),
  ...(fieldConfig?.overrides ?? [])
    .flatMap(({ properties }) => properties)
    .filter(({ id }) => id === 'unit')
    .map(({ value }) => String(value)),
]
