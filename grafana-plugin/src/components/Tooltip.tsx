import { css } from '@emotion/css'
import type { GrafanaTheme2 } from '@grafana/data'
import { Portal, useStyles2, VizTooltipContainer } from '@grafana/ui'
import React from 'react'

export interface TooltipLine {
  readonly label: string
  readonly value: string
  readonly colour?: string
  /** Stripes over the colour, as in the chart. */
  readonly pattern?: string
  readonly active?: boolean
  /** Below the line, in words. */
  readonly note?: string
}

export interface TooltipContent {
  readonly title: string
  readonly subtitle?: string
  readonly lines: readonly TooltipLine[]
  readonly notes: readonly string[]
}

interface Props {
  readonly content: TooltipContent
  /** In pixels of the window. */
  readonly at: { readonly x: number; readonly y: number }
  readonly maxWidth?: number | undefined
  readonly maxHeight?: number | undefined
}

export function Tooltip({ content, at, maxWidth, maxHeight }: Props) {
  const styles = useStyles2(getStyles)
  return (
    <Portal>
      <VizTooltipContainer position={at} offset={{ x: 12, y: 12 }} role="tooltip">
        <div className={styles.body} style={{ maxWidth: maxWidth ?? 340, maxHeight, overflow: 'hidden' }}>
          <div className={styles.title}>{content.title}</div>
          {content.subtitle !== undefined && content.subtitle !== '' && (
            <div className={styles.quiet}>{content.subtitle}</div>
          )}
          {content.lines.map((line) => (
            <div key={line.label}>
              <div className={line.active === true ? styles.activeLine : styles.line}>
                <span
                  className={styles.swatch}
                  style={{ backgroundColor: line.colour ?? 'transparent', backgroundImage: line.pattern }}
                />
                <span className={styles.label}>{line.label}</span>
                <span className={styles.value}>{line.value}</span>
              </div>
              {line.note !== undefined && <div className={styles.note}>{line.note}</div>}
            </div>
          ))}
          {content.notes.map((note) => (
            <div key={note} className={styles.quiet}>
              {note}
            </div>
          ))}
        </div>
      </VizTooltipContainer>
    </Portal>
  )
}

/** The same as one sentence, for those who hear it. */
export function spoken({ title, subtitle, lines, notes }: TooltipContent): string {
  return [
    [title, subtitle].filter(Boolean).join(', '),
    ...lines.map(({ label, value, note }) => [`${label}: ${value}`, note].filter(Boolean).join(', ')),
    ...notes,
  ].join('. ')
}

const getStyles = (theme: GrafanaTheme2) => {
  const line = { display: 'flex', alignItems: 'center', gap: theme.spacing(1) }
  return {
    body: css({ ...theme.typography.bodySmall, color: theme.colors.text.primary }),
    title: css({ fontWeight: theme.typography.fontWeightMedium, overflowWrap: 'anywhere' }),
    quiet: css({ color: theme.colors.text.secondary }),
    line: css(line),
    activeLine: css({ ...line, fontWeight: theme.typography.fontWeightBold }),
    swatch: css({ width: 12, height: 12, borderRadius: 2, flexShrink: 0 }),
    label: css({ flexGrow: 1, overflowWrap: 'anywhere' }),
    value: css({ whiteSpace: 'nowrap', fontVariantNumeric: 'tabular-nums' }),
    note: css({ color: theme.colors.text.secondary, paddingLeft: 20 }),
  }
}
