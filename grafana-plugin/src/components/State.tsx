import { css } from '@emotion/css'
import type { GrafanaTheme2 } from '@grafana/data'
import { useStyles2 } from '@grafana/ui'
import React from 'react'
import type { Problem } from '../content'
import { ProblemList } from './Problems'

interface Props {
  readonly title: string
  readonly text?: string
  readonly problems?: readonly Problem[]
  readonly kind: 'status' | 'alert'
}

/** A panel without a chart says why, and what to do. */
export function State({ title, text, problems = [], kind }: Props) {
  const styles = useStyles2(getStyles)
  return (
    <div className={styles.state} role={kind} tabIndex={problems.length > 0 ? 0 : undefined}>
      <div className={styles.title}>{title}</div>
      {text !== undefined && <div className={styles.text}>{text}</div>}
      {problems.length > 0 && <ProblemList problems={problems} />}
    </div>
  )
}

const getStyles = (theme: GrafanaTheme2) => ({
  state: css({
    width: '100%',
    height: '100%',
    overflow: 'auto',
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    gap: theme.spacing(1),
    padding: theme.spacing(1),
    textAlign: 'center',
    '&::before, &::after': { content: '""', margin: 'auto' },
  }),
  title: css({ ...theme.typography.h5, margin: 0 }),
  text: css({ color: theme.colors.text.secondary, maxWidth: 560 }),
})
