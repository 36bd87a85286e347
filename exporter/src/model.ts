/** The nouns that the rooms hand to each other: readonly, without logic. `docs/design.md` section 2 defines the words. */
import type { Microjoules, Nanoseconds, Seconds, Watts } from './units.ts'

export const COMPONENTS = ['accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'] as const
export type Component = (typeof COMPONENTS)[number]
/** `node` is an enclosing meter: what it sees beyond its parts is booked as `board`. */
export type DomainComponent = Component | 'node'

export type Part = 'accelerator' | 'host' | 'idle' | 'overhead'

/** How a figure is known, best first. */
export const METHODS = ['counter', 'integrated', 'estimated'] as const
export type Method = (typeof METHODS)[number]

/** Why energy has no account of its own. */
export const REASONS = [
  'idle',
  'no_activity',
  'unresolved_pid',
  'unreadable',
  'uncovered_it',
  'gap',
  'warming_up',
  'exporter_down',
] as const
export type Reason = (typeof REASONS)[number]

export const BASELINE_SOURCES = ['configured', 'calibrated', 'observed', 'default'] as const
export type BaselineSource = (typeof BASELINE_SOURCES)[number]

/** The watts a domain draws when nothing uses it, and where that figure comes from. */
export interface Baseline {
  readonly watts: Watts
  readonly source: BaselineSource
}

/** What an accelerator is called, so that its figures join with those of other exporters. */
export interface AcceleratorIdentity {
  readonly uuid: string
  /** As the vendor's own tools number it. */
  readonly index: number
  readonly modelName: string
  /** As sysfs writes it: `0000:65:00.0`. */
  readonly pciBusId: string
  readonly vendor: 'nvidia'
}

/** A thing whose energy is known. */
export interface Domain {
  /** Unique on this machine, for example `package-0`. */
  readonly id: string
  readonly component: DomainComponent
  /** The enclosing domain's id; empty for a root. */
  readonly within: string
  /** False for a domain that is shown but booked as part of the one it is within (core and uncore of a package). */
  readonly booked: boolean
  /** How its energy is known now. A sensor that changes its way hands out a new Domain with the same id. */
  readonly method: Method
  /** What the sensor knows of the idle power, used until something better is configured or observed. */
  readonly baseline: Baseline
  /** A model that keeps silent while a measured domain of the same component is present. */
  readonly standIn?: true
  /** It sees all of this machine's energy of these components: roots of them are within it, whoever measures them. */
  readonly encloses?: readonly DomainComponent[]
  /** Of component `accelerator` only. */
  readonly accelerator?: AcceleratorIdentity
}

/** Joules spent by one domain between two instants. */
export interface Reading {
  readonly domain: Domain
  readonly spent: Microjoules
  readonly from: Seconds
  readonly to: Seconds
  /** What the counter claimed beyond the physical maximum and was not believed. */
  readonly excess?: Microjoules
  /** It covers a time in which the exporter did not run: nobody saw whose energy it was. */
  readonly whileDown?: true
}

/**
 * What a meter of a room that several machines share sees of it; `total`: all that the room draws; `solar`: what the
 * sun gives it, which is no use of energy and in no sum of them.
 */
export const FACILITY_ROLES = ['it', 'cooling', 'power', 'network', 'total', 'solar'] as const
export type FacilityRole = (typeof FACILITY_ROLES)[number]

/** A meter of a room, closet or hall. No domain: its energy is published and never booked to anybody here. */
export interface ZoneMeter {
  readonly zone: string
  readonly role: FacilityRole
  /** Unique on this exporter. */
  readonly meter: string
  /** The sensor that reads it. */
  readonly sensor: string
  readonly method: Method
}

/** Joules that a zone's meter has counted between two instants. */
export interface ZoneReading {
  readonly meter: ZoneMeter
  readonly spent: Microjoules
  readonly from: Seconds
  readonly to: Seconds
}

/** A meter of a device as it is set up, and how it is read. */
export interface MeterSeen {
  /** The label `domain`, or `meter` of a zone. */
  readonly meter: string
  readonly covers: 'node' | 'zone'
  /** Empty where it covers a zone. */
  readonly component: DomainComponent | ''
  /** Empty where it covers this machine. */
  readonly zone: string
  readonly role: FacilityRole | ''
  readonly method: Method
  /** False: it is only shown. */
  readonly booked: boolean
  /** Where in the device it is found, such as a Redfish resource; empty where there is one place only. */
  readonly source: string
}

/** What is to be known of a device whatever it reads now. */
export interface DeviceSeen {
  readonly sensor: string
  readonly meters: readonly MeterSeen[]
  /** Its own meters that cover nothing here. */
  readonly uncovered: readonly string[]
}

/** What devices know besides energy. The unit is in the name; ratios are from 0 to 1. */
export const GAUGE_QUANTITIES = [
  'battery_charge_ratio',
  'battery_runtime_seconds',
  'ups_load_ratio',
  'ups_on_battery',
  'temperature_celsius',
  'fan_speed_rpm',
  'pump_speed_rpm',
  'heat_removed_watts',
] as const
export type GaugeQuantity = (typeof GAUGE_QUANTITIES)[number]

export interface Gauge {
  readonly sensor: string
  /** Of the thing within the device, such as `Inlet`. */
  readonly name: string
  readonly quantity: GaugeQuantity
  readonly value: number
}

/** What a cgroup path says about who lives there. Empty strings where it says nothing. */
export interface Identity {
  /** Full container id: 64 hex digits for the common runtimes, the name for LXC, nspawn and virtual machines. */
  readonly containerId: string
  /** `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `libvirt`, ...; `host` outside containers. */
  readonly runtime: string
  /** Containers that this one runs in, innermost first. */
  readonly outerContainerIds: readonly string[]
  readonly podUid: string
  /** Number of the Slurm job. */
  readonly slurmJob: string
  /** Its step: a number, `batch`, `extern` or `interactive`. */
  readonly slurmStep: string
  /** systemd unit such as `nginx.service`. */
  readonly unit: string
  /** Outermost systemd slice around it, such as `system.slice` or `user.slice`; those inside only divide it. */
  readonly slice: string
  /** Number of the user whose slice or Slurm folder it is in. */
  readonly userId: string
}

/** What a container's pod is called, and what made it. Empty where that is not known. */
export interface PodFindings {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  /** The controller that it belongs to, such as a ReplicaSet. */
  readonly owner: { readonly kind: string; readonly name: string } | undefined
}

/** What a daemon says about a container. */
export interface ContainerFindings {
  readonly name: string
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
  readonly pod: PodFindings | undefined
}

/** What a Slurm job's processes say about it. */
export interface JobFindings {
  readonly name: string
  readonly account: string
  readonly user: string
  /** Accelerators that it was given, by their index on this machine. */
  readonly devices: readonly string[]
}

/** An accelerator that was given to those in a group, whether they use it or not. */
export interface Allocation {
  /** UUID of a board, also followed by `::` and the number of a replica, or its index in digits. */
  readonly device: string
  readonly group: Group
}

/** What this machine's daemons and files say about those who live in a cgroup. */
export interface Findings {
  readonly container: ContainerFindings | undefined
  /** Only the container that it runs in is known. */
  readonly isOuter: boolean
  readonly job: JobFindings | undefined
  /** Name of the user whose slice it is in. */
  readonly user: string
}

/** A cgroup in which consumers live. One object for as long as the cgroup exists. */
export interface Group {
  readonly path: string
  readonly identity: Identity
}

/** A process, told apart from a later one with the same pid by its start time. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks after boot: field 22 of /proc/<pid>/stat. */
  readonly startTicks: number
  /** The kernel's name of the process, at most 15 bytes; may change with exec until it is first shown. */
  readonly comm: string
  /** Changes with each exec, where that may be known: a name may stay the same. */
  readonly argumentsAt?: string
}

/**
 * Who uses energy: a process, or what is left of a cgroup's own CPU time once its living processes are counted
 * (`exited`; `unreadable` where processes are there but may not be seen). One object for as long as it lives.
 */
export type Consumer =
  | {
      readonly kind: 'process'
      readonly group: Group
      readonly process: ProcessIdentity
      readonly doing?: Doing
    }
  | { readonly kind: 'exited' | 'unreadable'; readonly group: Group; readonly doing?: Doing }

/**
 * What a consumer did for a while, in place of the consumer itself: so energy of one process can be booked to several
 * accounts, each by what was done in its own time. One object per consumer, phase and time of waiting for a report.
 */
export interface Doing {
  /** Without `doing`. */
  readonly of: Consumer
  readonly phase: string
}

export interface CpuUse {
  readonly consumer: Consumer
  /** Above zero. */
  readonly cpu: Nanoseconds
}

/** Who used an accelerator between two instants, and who had it at its disposal. */
export interface AcceleratorActivity {
  /** By what its active energy is split: busy seconds, or any unit where they are not known. Empty: nobody used it. */
  readonly use: readonly AcceleratorUse[]
  /** Those whose part of it is a guess: they shared it with others, and nothing says how much each did. */
  readonly guessed: ReadonlySet<AcceleratorUser>
  /** Who carries its idle energy; what is left of 1 is held by nobody. */
  readonly holders: readonly AcceleratorShare[]
}

/** A consumer, or a process that cannot be found here because its pid belongs to a PID namespace that is not seen. */
export type AcceleratorUser = Consumer | 'unresolved_pid'

export interface AcceleratorUse {
  readonly to: AcceleratorUser
  /** Above zero. */
  readonly weight: number
}

export interface AcceleratorShare {
  readonly to: AcceleratorUser
  /** Above 0, at most 1. */
  readonly share: number
}

/** What each consumer did between two instants. */
export interface Activity {
  readonly from: Seconds
  readonly to: Seconds
  readonly cpu: readonly CpuUse[]
  /** CPU time that was used by processes which may not be read and belongs to no known cgroup. */
  readonly unreadableCpu: Nanoseconds
  /** Busy share of all logical CPUs, 0 to 1. */
  readonly busyRatio: number
  /** Every cgroup that exists at the end of the interval. */
  readonly groups: readonly Group[]
  /** By domain id; a key for every accelerator of the node. */
  readonly accelerators: ReadonlyMap<string, AcceleratorActivity>
  readonly census: Census
}

/** What the last look at the processes saw. */
export interface Census {
  readonly processes: number
  readonly unreadable: number
  readonly groups: number
  /** `clock`: nanoseconds from the process CPU clock; `stat`: 10 ms ticks from /proc/<pid>/stat. */
  readonly cpuTimeSource: 'clock' | 'stat'
  /** Why some of the machine's processes cannot be told apart; empty when all can. */
  readonly limitation: string
}

export const WORKLOAD_KINDS = ['training', 'inference', 'interactive', 'other', 'system', 'unknown'] as const
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number]

/** The labels under which people know a workload. */
export interface WorkloadLabels {
  readonly workload: string
  readonly namespace: string
  readonly kind: WorkloadKind
  readonly model: string
  readonly variant: string
}

/** A workload with what else is known of it that budgets choose by. Empty where it is not known. */
export interface WorkloadFacts extends WorkloadLabels {
  readonly phase: string
  /** Who runs it: a user of the machine or of the job scheduler. */
  readonly user: string
  /** Who pays for it: the account of the job scheduler. */
  readonly account: string
  readonly podLabels: Readonly<Record<string, string>>
}

/** What a container is called. Empty where it is not known. */
export interface ContainerFacts {
  readonly container: string
  readonly pod: string
  /** Kubernetes namespace. */
  readonly namespace: string
  readonly image: string
}

/** What people call a consumer. One object for each distinct content, for as long as it is in use. */
export interface Names {
  readonly facts: WorkloadFacts
  readonly container: ContainerFacts
  /** Its series stay as long as the cgroup exists, or only as long as one of the processes that are called so. */
  readonly livesWith: 'group' | 'process'
}

export interface NameShare {
  readonly names: Names
  /** Any unit, 0 and more; compared with the other shares only. */
  readonly weight: number
}

/** Known but for a detail that is still to come: the energy waits for it. */
export interface Undecided {
  /** Under what it is booked if nothing more is heard. */
  readonly otherwise: Names
}

/** Whose a consumer's energy is: one account's, several accounts', or not known yet, in which time it is pending. */
export type Naming = Names | readonly NameShare[] | Undecided | undefined

/** Part of a tick's energy as it was booked: to a workload, or to nobody for a reason. */
export type Booking = {
  readonly component: Component
  readonly part: Part
  readonly method: Method
  readonly amount: Microjoules
} & (
  | { readonly workload: WorkloadFacts; readonly reason?: undefined }
  | { readonly workload?: undefined; readonly reason: Reason }
)

/** What can be seen of a process besides what it uses. */
export interface ProcessSeen {
  readonly pid: number
  readonly startTicks: number
  readonly comm: string
  readonly argv: readonly string[]
  /** A variable of the environment that it was started with; empty where there is none. */
  readonly variable: (name: string) => string
}

/** Models that only a folder of the machine knows by name. */
export interface ModelLookup {
  /** `ollama-blob`: the file of a model, called by its digest; `model-repository`: a folder with one for each model. */
  readonly kind: 'ollama-blob' | 'model-repository'
  /** Whose view of the files it is. */
  readonly pid: number
  readonly path: string
}

/** Which consumers a rule is about. Every condition given must hold; `*` in a text stands for any characters. */
export interface WorkloadMatch {
  /** The arguments of a process or of one of its ancestors, with spaces between. */
  readonly command?: string
  /** Variables that such a process was started with. */
  readonly environment?: Readonly<Record<string, string>>
  readonly cgroup?: string
  readonly unit?: string
  readonly container?: string
  readonly image?: string
  readonly containerLabels?: Readonly<Record<string, string>>
  readonly pod?: string
  readonly podLabels?: Readonly<Record<string, string>>
  /** Kubernetes namespace or Slurm account. */
  readonly namespace?: string
  /** Name or number of a Slurm job. */
  readonly slurmJob?: string
  readonly user?: string
}

/** What a rule or a label says of a workload; what it leaves open is found otherwise. */
export type WorkloadWords = Partial<WorkloadLabels>

/** A rule of the configuration that says who is what. */
export interface WorkloadRule {
  /** Where it stands, for people. */
  readonly line: number
  readonly match: WorkloadMatch
  readonly says: WorkloadWords
}

/** From one instant to another of Unix time; the end is outside. */
export interface WallSpan {
  readonly from: Seconds
  readonly to: Seconds
}

/** How much of the world a figure includes, each with all before it. */
export const BOUNDARIES = ['accelerator', 'host', 'provisioned', 'facility'] as const
export type Boundary = (typeof BOUNDARIES)[number]

/** How often a budget begins anew, on the clock of its time zone. */
export type BudgetPeriod =
  | { readonly kind: 'day' | 'week' }
  /** From 0:00 of the billing day, 1 to 31; from the last day of months that are shorter. */
  | { readonly kind: 'month'; readonly billingDay: number }
  /** Once, from the start of one day to the end of another; dates as `2026-10-01`. */
  | { readonly kind: 'dates'; readonly from: string; readonly to: string }

/** Whose energy a budget counts. Every condition given must hold; `*` in a text stands for any characters. */
export interface BudgetMatch {
  readonly workload?: string
  readonly namespace?: string
  readonly kind?: string
  readonly user?: string
  readonly account?: string
  readonly node?: string
  readonly podLabels?: Readonly<Record<string, string>>
}

export interface BudgetRule {
  readonly name: string
  /** Without a condition all of the node counts, what nobody could be charged with included. */
  readonly match: BudgetMatch
  /** Above 0; as it was chosen by people, so a double will do. Yearly limits are beyond what `Microjoules` hold. */
  readonly limitJoules: number
  readonly boundary: Boundary
  /** At the boundary `facility`: joules at the meter per joule of IT where overhead has no meter of its own; 1 and more. */
  readonly facilityFactor: number | undefined
  /** Counts this domain (its id, or `node`: all that was measured) instead of bookings. */
  readonly meter: string | undefined
  /** `cluster`: the limit is shared by all nodes that have this budget. */
  readonly scope: 'node' | 'cluster'
  /** The highest power of all that it counts, on all nodes that share it; undefined: not known. For rules only. */
  readonly maxWatts?: Watts | undefined
  readonly period: BudgetPeriod
  /** IANA name. */
  readonly timeZone: string
}

/** A demand charge: utilities bill the highest mean power over blocks of the clock. */
export interface DemandRule {
  /** A domain's id, or `node`: all that was measured. */
  readonly meter: string
  readonly blockMinutes: 15 | 30
  readonly limit: Watts | undefined
  /** The highest power of the meter; undefined: not known. For rules only. */
  readonly maxWatts?: Watts | undefined
  /** The highest block is kept from this day of each month on. */
  readonly billingDay: number
  readonly timeZone: string
}

/** `unverified`: it was told to believe any certificate. */
export type Tls = 'verified' | 'unverified'

/** How a sensor is doing, for pages and people. */
export interface SensorStatus {
  readonly name: string
  readonly state: 'readings' | 'warming-up' | 'absent' | 'failed'
  /** Why it gives nothing, or not everything; empty when all is well. */
  readonly reason: string
  /** The one thing to do about it; empty when there is none. */
  readonly advice: string
  readonly components: readonly DomainComponent[]
  /** Components of which something is there and cannot be read. */
  readonly unreadable: readonly DomainComponent[]
  /** Whether it ever gave a reading, or somebody has asked for it: what was never there is not down. */
  readonly onceSeen: boolean
  /** How the other end of an encrypted connection is known; undefined where nothing is encrypted. */
  readonly tls?: Tls | undefined
  readonly failures: number
  readonly lastDuration: Seconds
  readonly lastReadingWall: Seconds | undefined
}

export const COMPONENT_STATES = ['measured', 'estimated', 'absent', 'unreadable'] as const
export type ComponentState = (typeof COMPONENT_STATES)[number]

/** From where the exporter looks at the machine, and what that hides from it. */
export interface Vantage {
  readonly place: 'machine' | 'docker' | 'podman' | 'kubernetes'
  /** User id; 0 is root. */
  readonly uid: number
  /** A hypervisor is between it and the hardware. */
  readonly isVirtual: boolean
  readonly isX86: boolean
  /** On the PCI bus, with a driver or without. */
  readonly nvidiaGpus: number
  readonly procfs: string
  readonly sysfs: string
  /** Why the list of processes cannot be read; empty when it can. */
  readonly procfsProblem: string
  readonly pidNamespace: 'host' | 'own' | 'unknown'
  /** Processes of other users are not shown (hidepid). */
  readonly hidesOthers: boolean
  /** Processes, of those asked, whose environment and open files may not be read. */
  readonly closedProcesses: number
  readonly cgroups: 'v2' | 'v1' | 'none'
  /** The tree begins at this container's own group: those of others are outside. */
  readonly cgroupsAreOwn: boolean
  /** Paths of groups are told relative to this container's own one. */
  readonly cgroupPathsAreRelative: boolean
  /** Of container runtimes and the kubelet, those that are there. */
  readonly sockets: readonly {
    readonly owner: string
    readonly path: string
    readonly isRefused: boolean
  }[]
}
