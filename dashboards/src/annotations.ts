/** What happened meanwhile, as marks in all panels over time. */
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { IN_CLUSTER } from './promql.ts'
import { DATASOURCE } from './targets.ts'

/**
 * @param matchers of the nodes that the dashboard shows
 */
export const annotations = (matchers: string = IN_CLUSTER): AnnotationQueryBuilder[] => {
  const versions = `group by (cluster, version) (wattribute_build_info{${matchers}})`
  const before = `wattribute_build_info{${matchers}} offset 5m`
  return [
    // Grafana marks the times at which the value is 1
    annotation('Exporter versions', 'semi-dark-purple')
      .expr(
        `${versions} unless on (cluster, version) group by (cluster, version) (${before}) and on (cluster) group by (cluster) (${before})`,
      )
      .titleFormat('Exporter {{version}}')
      .textFormat('This version was not there five minutes before. {{cluster}}'),
    // the value is the time of the mark, in milliseconds
    annotation('Configuration reloads', 'dark-green')
      .expr(`1000 * max by (cluster) (wattribute_config_last_reload_success_timestamp_seconds{${matchers}})`)
      .useValueForTime(true)
      .titleFormat('Configuration loaded')
      .textFormat('An exporter has loaded its configuration, or was started. {{cluster}}'),
  ]
}

const annotation = (name: string, colour: string): AnnotationQueryBuilder =>
  new AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor(colour)
    .step('60s')
    .tagKeys('cluster')
