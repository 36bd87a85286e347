/** The one thing to do about a sensor that gives nothing, for where the exporter runs. */
import type { SensorStatus, Vantage } from '../model.ts'

export interface Remedy {
  readonly kind: 'permission' | 'capability' | 'mount' | 'module' | 'package' | 'setting'
  readonly text: string
}

/** @returns undefined where there is nothing to do */
export function remedyFor(status: SensorStatus, vantage: Vantage): Remedy | undefined {
  const { name, state, unreadable } = status
  if (name === 'nvml' && state === 'absent') return withoutNvml(status, vantage)
  if (state === 'absent') return name === 'rapl' ? withoutRapl(vantage) : withoutMeter(status, vantage)
  if (state === 'failed' || unreadable.length > 0) return withoutAccess(status, vantage)
  return undefined
}

const CPU_WATTS: Remedy = {
  kind: 'setting',
  text: 'tell the power model what this machine draws: power_model.cpu_idle_watts and cpu_max_watts',
}

/** Intel's and AMD's counters. */
function withoutRapl(vantage: Vantage): Remedy | undefined {
  if (vantage.isVirtual) return CPU_WATTS // hypervisors hide them
  if (isContained(vantage)) return mountSys(vantage)
  if (!vantage.isX86) return undefined
  return { kind: 'module', text: 'load the driver of the CPU’s energy counters: modprobe intel_rapl_msr' }
}

/** @returns undefined where there is no GPU that it could read */
function withoutNvml({ reason }: SensorStatus, { nvidiaGpus, place }: Vantage): Remedy | undefined {
  if (nvidiaGpus === 0) return undefined
  if (/koffi/.test(reason)) return KOFFI
  switch (place) {
    case 'machine':
      return { kind: 'package', text: 'install NVIDIA’s driver, or name its library with --path.nvml' }
    case 'kubernetes':
      return {
        kind: 'mount',
        text: 'give the pod NVIDIA’s libraries: runtimeClassName: nvidia, and NVIDIA_VISIBLE_DEVICES=all',
      }
    case 'docker':
    case 'podman':
      return { kind: 'mount', text: 'give it NVIDIA’s libraries and devices: --gpus=all' }
  }
}

export const KOFFI: Remedy = {
  kind: 'package',
  text: 'install the optional package koffi: npm install koffi',
}

function withoutMeter(
  { name, advice }: SensorStatus,
  { isVirtual, isX86, place }: Vantage,
): Remedy | undefined {
  switch (name) {
    case 'acpi-power-meter':
      if (isVirtual || !isX86) return undefined // Arm boards have other meters
      return {
        kind: 'module',
        text: `if this is a server, ask its own power meter: modprobe acpi_power_meter${place === 'machine' ? '' : ' on the host'}`,
      }
    case 'grace':
    case 'jetson':
      return undefined // other machines have none
    default:
      return { kind: kindOf(advice), text: advice }
  }
}

function withoutAccess({ name, reason, advice }: SensorStatus, vantage: Vantage): Remedy {
  const isRefused = /\b(EACCES|EPERM)\b/.test(reason)
  if (name === 'rapl' && /\bENOENT\b/.test(reason) && isContained(vantage)) return mountSys(vantage)
  if (!isRefused) return { kind: kindOf(advice), text: advice }
  if (vantage.uid === 0) {
    return {
      kind: 'capability',
      text: `root may not read this here: ${grant(vantage, 'DAC_READ_SEARCH')}`,
    }
  }
  switch (vantage.place) {
    case 'machine':
      return {
        kind: 'capability',
        text: 'run it as root, or by systemd with AmbientCapabilities=CAP_DAC_READ_SEARCH',
      }
    case 'kubernetes':
      return {
        kind: 'permission',
        text: 'run the container as root (securityContext: runAsUser: 0, runAsNonRoot: false)',
      }
    case 'docker':
    case 'podman':
      return { kind: 'permission', text: 'run the container as root: --user=0' }
  }
}

const grant = ({ place }: Vantage, capability: string): string => {
  switch (place) {
    case 'machine':
      return `give it CAP_${capability}`
    case 'kubernetes':
      return `add ${capability} to securityContext.capabilities.add`
    case 'docker':
    case 'podman':
      return `add --cap-add=${capability}`
  }
}

/**
 * Runtimes mask powercap in a container’s own /sys, and mount only its own control groups there; not in the host’s
 * that is mounted elsewhere. Paths of groups are told as they are there only in the host’s cgroup namespace.
 */
export function mountSys({ place, uid, cgroupsAreOwn }: Vantage): Remedy {
  const asRoot = uid === 0 ? '' : ', and run it as root'
  const groups = cgroupsAreOwn ? ' --cgroupns=host' : ''
  return {
    kind: 'mount',
    text:
      place === 'kubernetes'
        ? `mount the host’s /sys (hostPath) at /host/sys, start with --path.sysfs=/host/sys${asRoot}`
        : `mount the host’s /sys: -v /sys:/host/sys:ro${groups} and --path.sysfs=/host/sys${asRoot}`,
  }
}

const isContained = ({ place, sysfs }: Vantage): boolean => place !== 'machine' && sysfs === '/sys'

function kindOf(advice: string): Remedy['kind'] {
  if (/modprobe|module/.test(advice)) return 'module'
  if (/npm install|package/.test(advice)) return 'package'
  if (/--path\./.test(advice)) return 'mount'
  return /root|permission/.test(advice) ? 'permission' : 'setting'
}
