/** Where panels stand: from left to right on 24 columns, section by section. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import { ENERGY_PANEL } from './energy-panel.ts'

export interface Section {
  readonly title: string
  /** Shown as its title until it is opened; its queries run only then. */
  readonly collapsed: boolean
  readonly panels: readonly Builder<Panel>[]
}

export const section = (title: string, ...panels: readonly Builder<Panel>[]): Section => ({
  title,
  collapsed: false,
  panels,
})

export const collapsedSection = (title: string, ...panels: readonly Builder<Panel>[]): Section => ({
  title,
  collapsed: true,
  panels,
})

const COLUMNS = 24

/** Whose options these are: without a version, Grafana takes them for those of years ago and "migrates" them. */
const versionOf = (type: string): string => (type === ENERGY_PANEL ? '0.1.0' : '11.6.0')

/** Panels with ids from 1 on and places that do not overlap. */
export function arrange(sections: readonly Section[]): (Panel | RowPanel)[] {
  let id = 0
  let y = 0
  return sections.flatMap(({ title, collapsed, panels }) => {
    const row: RowPanel = {
      type: 'row',
      id: ++id,
      title,
      collapsed,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
      panels: [],
    }
    let x = 0
    let lineHeight = 0
    const placed = panels.map((builder) => {
      const panel = builder.build()
      const { w = COLUMNS, h = 8 } = panel.gridPos ?? {}
      if (x + w > COLUMNS) {
        x = 0
        y += lineHeight
        lineHeight = 0
      }
      const gridPos = { x, y, w, h }
      x += w
      lineHeight = Math.max(lineHeight, h)
      return { ...panel, id: ++id, gridPos, pluginVersion: versionOf(panel.type) }
    })
    y += lineHeight
    return collapsed ? [{ ...row, panels: placed }] : [row, ...placed]
  })
}
