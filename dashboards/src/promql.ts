/** Pieces of PromQL that several dashboards use. */
import { JOULES_PER_KILOWATT_HOUR } from './units.ts'

/** What is chosen at the head of the dashboard, as matchers. */
export const IN_CLUSTER = 'cluster=~"$cluster"'
export const ON_NODE = `${IN_CLUSTER},instance=~"$node"`
export const IN_NAMESPACE = `${IN_CLUSTER},namespace=~"$namespace"`
export const OF_WORKLOAD = `${IN_NAMESPACE},workload=~"$workload"`
export const OF_MODEL = `${OF_WORKLOAD},model=~"$model"`

/** Recorded series are a minute apart. */
const RECORDED_EVERY_SECONDS = 60

/**
 * Joules over the range of the dashboard, from a recorded series of watts (`…:rate5m`). A minute in which Prometheus was
 * away is missing from it.
 */
export const joulesOfRange = (watts: string): string =>
  `${RECORDED_EVERY_SECONDS} * sum_over_time(${watts}[$__range])`

/** Figures per second over the range, such as queries. */
export const countOfRange = joulesOfRange

/**
 * Joules over the range of a panel that is as long as a month, from a recorded series of watts over an hour
 * (`…:rate1h`): one look in each hour instead of sixty, so that it stays cheap with 500 nodes. Whole hours only.
 */
export const joulesOfHours = (watts: string): string => `3600 * sum_over_time((${watts})[$__range:1h])`

export const inKilowattHours = (joules: string): string => `${joules} / ${JOULES_PER_KILOWATT_HOUR}`

/** Money for joules, by the price at the head of the dashboard. */
export const priceOf = (joules: string): string => `${joules} / ${JOULES_PER_KILOWATT_HOUR} * $price_per_kwh`
