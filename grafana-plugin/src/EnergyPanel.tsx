import type { PanelProps } from '@grafana/data'
import { LoadingPlaceholder } from '@grafana/ui'
import React, { useCallback, useMemo } from 'react'
import { State } from './components/State'
import { contentOf } from './content'
import type { PanelOptions } from './options'
import { QueryEnergy } from './query-energy/QueryEnergy'
import { TrainingPhases } from './training-phases/TrainingPhases'

/** Nobody has mapped a field yet. */
const NO_MAPPING = {}

export function EnergyPanel(props: PanelProps<PanelOptions>) {
  const { data, options, fieldConfig, timeZone, width, height, timeRange, onChangeTimeRange } = props
  const { view, quantity, compareWith } = options
  const mapping = options.mapping ?? NO_MAPPING
  const content = useMemo(
    () => contentOf(data, { view, quantity, compareWith, mapping }),
    [data, view, quantity, compareWith, mapping],
  )
  const range = useMemo(
    () => ({
      from: timeRange.from.valueOf(),
      to: timeRange.to.valueOf(),
      untilNow: typeof timeRange.raw.to === 'string' && timeRange.raw.to.trim() === 'now',
    }),
    [timeRange],
  )
  const onZoom = useCallback(
    ({ from, to }: { from: number; to: number }) => onChangeTimeRange({ from, to }),
    [onChangeTimeRange],
  )
  const common = { options, fieldConfig, timeZone, width, height }
  switch (content.kind) {
    case 'waiting':
      return <LoadingPlaceholder text="Loading" />
    case 'unknown-data':
      return (
        <State
          kind={content.problems.some(({ kind }) => kind === 'failed') ? 'alert' : 'status'}
          title={data.series.length === 0 ? 'No data' : 'These data are not known to this panel'}
          text="It finds its data by the refId of a query, by the fields that are mapped in its options, or by the columns that its help names. These queries are for Prometheus:"
          problems={content.problems}
        />
      )
    case 'query-energy':
      return <QueryEnergy {...common} rows={content.rows} problems={content.problems} />
    case 'training-phases':
      return (
        <TrainingPhases
          {...common}
          input={content.input}
          problems={content.problems}
          range={range}
          onZoom={onZoom}
        />
      )
  }
}
