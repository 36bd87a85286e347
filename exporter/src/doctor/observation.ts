/** What the doctor has seen of a machine. */
import type {
  Baseline,
  Component,
  ComponentState,
  DeviceSeen,
  DomainComponent,
  Method,
  SensorStatus,
  Vantage,
} from '../model.ts'

/** All that was seen, as plain data. */
export interface Observation {
  readonly version: string
  readonly host: string
  /** How long it was watched. */
  readonly seconds: number
  readonly vantage: Vantage
  readonly sensors: readonly SensorStatus[]
  /** Ids of the domains that each sensor saw, by its name. */
  readonly domainsBySensor: Readonly<Record<string, readonly string[]>>
  readonly domains: readonly DomainSeen[]
  readonly components: Readonly<Record<Component, ComponentState>>
  /** Those that have answered. */
  readonly devices: readonly DeviceSeen[]
  readonly configuredPue: { readonly zone: string; readonly ratio: number } | undefined
  readonly processes: number
  /** Processes that used CPU time and could not be read. */
  readonly unreadableProcesses: number
  readonly containers: number
  /** Why CPU times are read in steps of 10 ms; empty where they are not. */
  readonly cpuClockProblem: string
  /** The socket at which processes mark their phases. */
  readonly marks: MarksSocketSeen
  readonly queryServers: readonly QueryServerSeen[]
  readonly proxies: readonly ProxySeen[]
}

export interface MarksSocketSeen {
  /** Empty: there shall be none. */
  readonly path: string
  /** An exporter listens there. */
  readonly isHeard: boolean
  /** Why no exporter of this installation could; empty where it could. */
  readonly problem: string
}

/** An inference server whose metrics are read. */
export interface QueryServerSeen {
  readonly url: string
  readonly server: string
  readonly state: 'waiting' | 'counting' | 'silent'
  /** Empty when all is well. */
  readonly reason: string
}

/** A counting proxy of the configuration. */
export interface ProxySeen {
  readonly listen: string
  readonly target: string
  /** Of the target. */
  readonly state: 'answering' | 'silent'
  /** Empty when all is well. */
  readonly reason: string
}

export interface DomainSeen {
  readonly domain: string
  readonly component: DomainComponent
  /** Empty: a root. */
  readonly within: string
  readonly leaf: boolean
  readonly method: Method
  /** Mean over the time watched; undefined before a reading. */
  readonly watts: number | undefined
  readonly baseline: Baseline | undefined
}
