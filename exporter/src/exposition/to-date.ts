/** What each workload used today and this month, for the start page. */
import type { Seconds } from '../units.ts'
import type { History } from '../workloads/history.ts'

export interface EnergyToDate {
  /** IANA zone in which today and this month begin. */
  readonly timeZone: string
  /** Who used most this month first. */
  readonly workloads: readonly {
    readonly workload: string
    readonly namespace: string
    readonly todayJoules: number
    readonly monthJoules: number
  }[]
}

/** All of today is in this month: who is in neither used nothing. */
export function energyToDate(history: History, wall: Seconds): EnergyToDate {
  const keyOf = (workload: string, namespace: string): string => JSON.stringify([workload, namespace])
  const today = new Map(
    history.today(wall).map(({ workload, namespace, joules }) => [keyOf(workload, namespace), joules]),
  )
  return {
    timeZone: history.zone,
    workloads: history
      .month(wall)
      .map(({ workload, namespace, joules }) => ({
        workload,
        namespace,
        todayJoules: today.get(keyOf(workload, namespace)) ?? 0,
        monthJoules: joules,
      }))
      .sort((one, other) => other.monthJoules - one.monthJoules),
  }
}
