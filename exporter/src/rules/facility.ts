/**
 * From what nodes measure to what the facility's meters show, per zone. PUE as in ISO/IEC 30134-2: total energy by that
 * of information technology, network included; over less than a year the standard calls it interim (iPUE). Handing
 * overhead on in proportion is a convention, not a measurement.
 */
import { IT, MODEL, OVERHEAD, sumOver, ZONE } from './energy-sums.ts'
import type { RecordingRule } from './rule.ts'
import type { Window } from './windows.ts'

const sumPerZone = (series: string): string => `sum by (${ZONE}) (${series})`

const named = (basis: string, expr: string): string => `label_replace(${expr}, "basis", "${basis}", "", "")`

const CONFIGURED = `max by (${ZONE}, basis) (wattribute_facility_pue_ratio{basis="configured"})`

export const pue = ({ name }: Window): string => `zone:wattribute_facility_pue:ratio_rate${name}`
/** By what the energy of information technology is multiplied to come to that of the facility. */
export const allocationFactor = ({ name }: Window): string =>
  `zone:wattribute_facility_allocation_factor:ratio_rate${name}`
const itEnergy = ({ name }: Window): string => `zone:wattribute_facility_it_energy_joules:rate${name}`
const sharedEnergy = ({ name }: Window): string => `zone:wattribute_facility_shared_energy_joules:rate${name}`

export function facilityRules(window: Window): readonly RecordingRule[] {
  const meters = sumOver('meters', window)
  const total = sumOver('total', window)
  const nodes = sumOver('nodes', window)
  const nodesIt = sumPerZone(`${nodes}{${IT}}`)
  const booked = sumPerZone(`${nodes}{${OVERHEAD}}`)
  const [it, shared, factor] = [itEnergy(window), sharedEnergy(window), allocationFactor(window)]
  const meteredIt = sumPerZone(`${meters}{role="it"}`)
  const atLeastOne = `clamp_min(${factor}, 1)`
  return [
    {
      // the larger of the two: a meter may see machines without an exporter, nodes may stand outside of the meters
      record: it,
      expr: `${meteredIt} > ${nodesIt}
or on (${ZONE})
${nodesIt}
or on (${ZONE})
${meteredIt}`,
    },
    {
      // less what nodes have booked directly, which the meter of the whole sees, too
      record: shared,
      expr: `${total} - on (${ZONE}) (${booked} or on (${ZONE}) 0 * ${total})
or on (${ZONE})
${sumPerZone(`${meters}{role!="it"}`)} + on (${ZONE}) ${it}`,
    },
    {
      record: factor,
      expr: `${named('measured', `${shared} / on (${ZONE}) (${it} > 0)`)}
or on (${ZONE})
${CONFIGURED}`,
    },
    {
      record: pue(window),
      expr: `${named('measured', `${total} / on (${ZONE}) (${sumPerZone(`${meters}{role=~"it|network"}`)} and on (${ZONE}) ${meteredIt} > 0)`)}
or on (${ZONE})
${CONFIGURED}
or on (${ZONE})
${named('nodes', `${total} / on (${ZONE}) (${nodesIt} > 0)`)}`,
    },
    {
      // of what the zone uses, the sun's part; above 1 the rest goes into a battery or the grid
      record: `zone:wattribute_facility_solar_share:ratio_rate${window.name}`,
      expr: `${sumOver('solar', window)} / on (${ZONE}) (${total} > 0)`,
    },
    {
      record: `instance:wattribute_facility_energy_joules:rate${window.name}`,
      expr: `sum by (cluster, job, instance, zone) (
  ${nodes}{${IT}} * on (${ZONE}) group_left () ${atLeastOne}
  or
  (${nodes}{${IT}} and on (cluster, job, instance) ${nodes}{${OVERHEAD}} unless on (${ZONE}) ${factor})
  or
  ${nodes}{${OVERHEAD}}
)`,
    },
    {
      record: `zone_reason:wattribute_facility_unattributed_energy_joules:rate${window.name}`,
      expr: `sum by (${ZONE}, reason) (
  ${sumOver('unattributed', window)}{part!="overhead"} * on (${ZONE}) group_left () ${atLeastOne}
  or
  ${sumOver('unattributed', window)}{part="overhead"}
  or
  label_replace(
    clamp_min(${meteredIt} - on (${ZONE}) (${nodesIt} or on (${ZONE}) 0 * ${meteredIt}), 0) * on (${ZONE}) ${atLeastOne},
    "reason", "uncovered_it", "", ""
  )
)
and on (${ZONE})
${factor}`,
    },
  ]
}

/** The overhead of workloads per zone: what is booked to them, and their part of what all share. */
export function overheadOf(energy: string, window: Window): string {
  return `sum by (${MODEL}) (
  sum by (${ZONE}, namespace, workload, model, variant) (${energy}{part!="overhead"})
  * on (${ZONE}) group_left ()
  clamp_min(${allocationFactor(window)} - 1, 0)
  or
  ${energy}{part="overhead"}
)`
}

/** Workloads on a node of whose overhead nothing is known, per zone. */
export const withoutOverhead = (energy: string, window: Window): string =>
  `(${energy} unless on (${ZONE}) ${allocationFactor(window)} unless on (${ZONE}, namespace, workload) ${energy}{part="overhead"})`
