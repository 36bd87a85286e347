import { css } from '@emotion/css'
import type { GrafanaTheme2 } from '@grafana/data'
import { ClipboardButton, Icon, useStyles2 } from '@grafana/ui'
import React from 'react'
import type { Problem } from '../content'

/** What is amiss with the queries and which to use: one line that opens, so that the chart keeps its place. */
export function Problems({ problems }: { readonly problems: readonly Problem[] }) {
  const styles = useStyles2(getStyles)
  if (problems.length === 0) return null
  const failed = problems.some(({ kind }) => kind === 'failed')
  return (
    <details className={styles.details}>
      <summary className={styles.summary}>
        <Icon
          name={failed ? 'exclamation-circle' : 'info-circle'}
          className={failed ? styles.failed : styles.info}
        />{' '}
        {summaryOf(problems)}
      </summary>
      <ProblemList problems={problems} />
    </details>
  )
}

export function ProblemList({ problems }: { readonly problems: readonly Problem[] }) {
  const styles = useStyles2(getStyles)
  return (
    <ul className={styles.list}>
      {problems.map(({ refId, text, query }, index) => (
        <li key={`${refId}-${index}`}>
          <div>{text}</div>
          {query !== undefined && (
            <div className={styles.query}>
              <code className={styles.code}>{query.expr}</code>
              <ClipboardButton
                size="sm"
                variant="secondary"
                icon="copy"
                aria-label={`Copy the query ${query.refId}`}
                getText={() => query.expr}
              />
              <div className={styles.hint}>
                refId <b>{query.refId}</b>, type{' '}
                {query.kind === 'instant' ? 'Instant, format Table' : 'Range, format Time series'}
              </div>
            </div>
          )}
        </li>
      ))}
    </ul>
  )
}

function summaryOf(problems: readonly Problem[]): string {
  const names = (kind: Problem['kind']) => [
    ...new Set(problems.filter((problem) => problem.kind === kind).map(({ refId }) => refId || 'a query')),
  ]
  const [failed, missing] = [names('failed'), names('missing')]
  return [
    ...(failed.length > 0 ? [`Failed: ${failed.join(', ')}.`] : []),
    ...(missing.length > 0 ? [`No query: ${missing.join(', ')}.`] : []),
  ].join(' ')
}

const getStyles = (theme: GrafanaTheme2) => ({
  details: css({ ...theme.typography.bodySmall, flexShrink: 0, maxHeight: '60%', overflow: 'auto' }),
  summary: css({
    cursor: 'pointer',
    listStyle: 'none',
    padding: theme.spacing(0.25, 0.5),
    color: theme.colors.text.secondary,
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}` },
  }),
  failed: css({ color: theme.colors.error.text }),
  info: css({ color: theme.colors.info.text }),
  list: css({
    ...theme.typography.bodySmall,
    listStyle: 'none',
    margin: 0,
    padding: theme.spacing(0.5),
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(1),
    textAlign: 'left',
  }),
  query: css({
    display: 'grid',
    gridTemplateColumns: '1fr auto',
    gap: theme.spacing(0.5),
    alignItems: 'start',
  }),
  code: css({
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  hint: css({ gridColumn: '1 / -1', color: theme.colors.text.secondary }),
})
