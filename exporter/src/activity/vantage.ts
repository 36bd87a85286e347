/** From where this process looks at the machine: container, namespaces, mounts and what they hide. */
import type { Vantage } from '../model.ts'
import { Unreadable, type World } from '../world.ts'
import { CgroupTree } from './cgroups.ts'

/** Below the host's root file system: what the room of names asks, as far as it is in one place. */
const SOCKETS = [
  ['docker', 'run/docker.sock'],
  ['podman', 'run/podman/podman.sock'],
  ['containerd', 'run/containerd/containerd.sock'],
  ['containerd', 'run/k3s/containerd/containerd.sock'],
  ['containerd', 'run/k0s/containerd.sock'],
  ['containerd', 'var/snap/microk8s/common/run/containerd.sock'],
  ['cri-o', 'run/crio/crio.sock'],
  ['cri-dockerd', 'run/cri-dockerd.sock'],
  ['kubelet', 'var/lib/kubelet/pod-resources/kubelet.sock'],
] as const

/** Of so many processes the cgroup path is looked at. */
const PROCESSES_ASKED = 64
/** One closed process of another user may be hidden among many open ones. */
const ENVIRONMENTS_ASKED = 8192

/** @param uid of this process */
export function vantageOf(world: World, uid: number): Vantage {
  const { files, procfs, sysfs } = world
  const list = files.list(procfs)
  const tree = new CgroupTree(world)
  const cpuinfo = textOf(files.readText(`${procfs}/cpuinfo`))
  const isListed = !(list instanceof Unreadable)
  return {
    place: placeOf(world),
    uid,
    isVirtual:
      /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo) ||
      textOf(files.readText(`${sysfs}/hypervisor/type`)) !== '',
    nvidiaGpus: nvidiaGpusOf(world),
    isX86: /^vendor_id\s*:/m.test(cpuinfo),
    procfs,
    sysfs,
    procfsProblem: isListed ? '' : String(list),
    pidNamespace: isListed ? pidNamespaceOf(world) : 'unknown',
    hidesOthers: isListed && files.readText(`${procfs}/1/stat`) instanceof Unreadable,
    closedProcesses: isListed ? closedProcessesOf(world, list) : 0,
    cgroups: tree.hierarchy.kind,
    cgroupsAreOwn: beginsInside(world, tree),
    cgroupPathsAreRelative: isListed && hasRelativePath(world, list),
    sockets: SOCKETS.flatMap(([owner, place]) => {
      const path = `${world.rootfs.replace(/\/$/, '')}/${place}`
      const read = files.readText(path)
      // A socket that may be opened answers that it is no file (ENXIO).
      const isThere = !(read instanceof Unreadable) || read.code !== 'ENOENT'
      return isThere
        ? [{ owner, path, isRefused: read instanceof Unreadable && read.kind === 'refused' }]
        : []
    }),
  }
}

/** PCI vendor 10de is NVIDIA, class 03 a display or 3D controller. */
function nvidiaGpusOf({ files, sysfs }: World): number {
  const root = `${sysfs}/bus/pci/devices`
  const devices = files.list(root)
  if (devices instanceof Unreadable) return 0
  return devices.filter(
    (device) =>
      textOf(files.readText(`${root}/${device}/vendor`)).trim() === '0x10de' &&
      textOf(files.readText(`${root}/${device}/class`)).startsWith('0x03'),
  ).length
}

/** What container runtimes leave in the file systems that they make. */
function placeOf({ files }: World): Vantage['place'] {
  const isThere = (path: string): boolean => {
    const read = files.readText(path)
    return !(read instanceof Unreadable) || read.code === 'EISDIR' || read.kind === 'refused'
  }
  if (isThere('/var/run/secrets/kubernetes.io/serviceaccount/namespace')) return 'kubernetes'
  if (isThere('/run/.containerenv')) return 'podman'
  return isThere('/.dockerenv') ? 'docker' : 'machine'
}

/** Process 2 of the machine is the kernel's own `kthreadd`; no other namespace has it. */
function pidNamespaceOf({ files, procfs }: World): Vantage['pidNamespace'] {
  const name = files.readText(`${procfs}/2/comm`)
  if (typeof name === 'string') return name.trim() === 'kthreadd' ? 'host' : 'own'
  return files.readText(`${procfs}/1/stat`) instanceof Unreadable ? 'unknown' : 'own'
}

/** Threads of the kernel have neither arguments nor environment; the first process is nobody's work, and may be shielded. */
function closedProcessesOf({ files, procfs }: World, list: readonly string[]): number {
  return list
    .filter((name) => /^\d+$/.test(name) && name !== '1')
    .slice(-ENVIRONMENTS_ASKED)
    .filter((pid) => {
      const environment = files.readText(`${procfs}/${pid}/environ`)
      const isRefused = environment instanceof Unreadable && environment.kind === 'refused'
      return isRefused && textOf(files.readText(`${procfs}/${pid}/cmdline`)) !== ''
    }).length
}

/** In version 2 only groups below the root have `cgroup.events`; in version 1 only the root has `release_agent`. */
function beginsInside({ files }: World, { hierarchy }: CgroupTree): boolean {
  const isThere = (file: string): boolean => {
    const read = files.readText(`${hierarchy.root}/${file}`)
    return !(read instanceof Unreadable) || read.kind === 'refused'
  }
  switch (hierarchy.kind) {
    case 'v2':
      return isThere('cgroup.events')
    case 'v1':
      return !isThere('release_agent')
    case 'none':
      return false
  }
}

function hasRelativePath({ files, procfs }: World, list: readonly string[]): boolean {
  return list
    .filter((name) => /^\d+$/.test(name))
    .slice(0, PROCESSES_ASKED)
    .some((pid) => /:\/\.\.(\/|$)/m.test(textOf(files.readText(`${procfs}/${pid}/cgroup`))))
}

const textOf = (read: string | Unreadable): string => (read instanceof Unreadable ? '' : read)
