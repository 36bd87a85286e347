import { css, cx } from '@emotion/css'
import type { GrafanaTheme2 } from '@grafana/data'
import { useStyles2, useTheme2 } from '@grafana/ui'
import React from 'react'
import { phaseColour } from '../components/colours'
import { linksOf } from '../components/Linked'
import { durationText, percentText } from '../model/display'
import { type PhaseDisplays, phaseName } from './describe'
import type { PhaseTotal } from './totals'

interface Props {
  readonly totals: readonly PhaseTotal[]
  readonly displays: PhaseDisplays
}

/** What each phase took, from counters. */
export function TotalsTable({ totals, displays }: Props) {
  const styles = useStyles2(getStyles)
  const theme = useTheme2()
  const several = new Set(totals.map(({ workload }) => workload)).size > 1
  const has = (column: 'joulesPerStep' | 'joulesPerSample') =>
    totals.some((total) => total[column] !== undefined)
  const { energy, watts } = displays
  const cell = (figure: number | undefined, text: (figure: number) => string) =>
    figure === undefined ? <span className={styles.quiet}>–</span> : text(figure)
  const columns = 5 + (has('joulesPerStep') ? 1 : 0) + (has('joulesPerSample') ? 1 : 0)
  const scope = [...new Set(totals.map((total) => total.scope).filter(Boolean))].join('; ')
  return (
    <table className={styles.table}>
      <caption className={styles.caption}>
        Totals of this time range{scope === '' ? '' : `, boundary ${scope}`}
      </caption>
      <thead>
        <tr>
          <th scope="col">Phase</th>
          <th scope="col">Energy</th>
          <th scope="col">Duration</th>
          <th scope="col">Mean power</th>
          <th scope="col">Share</th>
          {has('joulesPerStep') && <th scope="col">Per step</th>}
          {has('joulesPerSample') && <th scope="col">Per sample</th>}
        </tr>
      </thead>
      <tbody>
        {totals.map((total, index) => {
          const [link] = linksOf(total.cell)
          const text = total.joules === undefined ? undefined : energy.text(total.joules)
          return (
            <React.Fragment key={`${total.workload}|${total.phase}|${total.depth}`}>
              {several && total.workload !== totals[index - 1]?.workload && (
                <tr>
                  <th scope="rowgroup" colSpan={columns} className={styles.run}>
                    {total.name}
                  </th>
                </tr>
              )}
              <tr className={cx(total.depth > 0 && styles.finer)}>
                <th scope="row" className={styles.text} style={{ paddingLeft: 8 + total.depth * 14 }}>
                  <span
                    className={styles.swatch}
                    style={{
                      background:
                        total.phase === '' ? theme.colors.border.medium : phaseColour(total.phase, theme),
                    }}
                  />
                  {phaseName(total.phase)}
                </th>
                <td title={total.estimated ? 'estimated, at least partly' : undefined}>
                  {text === undefined ? (
                    <span className={styles.quiet}>not measured</span>
                  ) : link === undefined ? (
                    text
                  ) : (
                    <a className={styles.link} href={link.href} target={link.target} onClick={link.onClick}>
                      {text}
                    </a>
                  )}
                  {total.estimated && <span className={styles.quiet}> est.</span>}
                </td>
                <td>{cell(total.seconds, durationText)}</td>
                <td>{cell(total.watts, watts)}</td>
                <td>{cell(total.share, (share) => percentText(share, 1))}</td>
                {has('joulesPerStep') && <td>{cell(total.joulesPerStep, energy.text)}</td>}
                {has('joulesPerSample') && <td>{cell(total.joulesPerSample, energy.text)}</td>}
              </tr>
            </React.Fragment>
          )
        })}
      </tbody>
    </table>
  )
}

const getStyles = (theme: GrafanaTheme2) => ({
  table: css({
    ...theme.typography.bodySmall,
    width: '100%',
    fontVariantNumeric: 'tabular-nums',
    '& th, & td': { padding: theme.spacing(0.25, 1), textAlign: 'right', whiteSpace: 'nowrap' },
    '& thead th': { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightMedium },
    '& thead th:first-child': { textAlign: 'left' },
    '& tbody tr': { borderTop: `1px solid ${theme.colors.border.weak}` },
    '& tbody th': { fontWeight: theme.typography.fontWeightRegular },
  }),
  caption: css({
    captionSide: 'top',
    textAlign: 'left',
    color: theme.colors.text.secondary,
    padding: theme.spacing(0.5, 1, 0),
  }),
  text: css({ '&&': { textAlign: 'left' } }),
  run: css({ '&&': { textAlign: 'left', fontWeight: theme.typography.fontWeightMedium } }),
  finer: css({ color: theme.colors.text.secondary }),
  quiet: css({ color: theme.colors.text.secondary }),
  link: css({ textDecoration: 'underline' }),
  swatch: css({
    display: 'inline-block',
    width: 10,
    height: 10,
    borderRadius: 2,
    marginRight: theme.spacing(0.75),
  }),
})
