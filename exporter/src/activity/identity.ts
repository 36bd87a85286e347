/**
 * What a cgroup path says about who lives there: container, pod, guest, Slurm job, systemd unit, user. Nothing is
 * asked of anybody. The shapes come from the runtimes' own cgroup drivers:
 * Kubernetes https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cgroup-drivers,
 * Slurm https://slurm.schedmd.com/cgroup_v2.html, systemd https://systemd.io/CGROUP_DELEGATION/,
 * LXC https://linuxcontainers.org/lxc/manpages/man5/lxc.container.conf.5.html (lxc.cgroup.dir),
 * libvirt https://libvirt.org/cgroups.html.
 */
import type { Identity } from '../model.ts'

/** A folder of the tree that is a container's, or a guest's, own. */
interface Shape {
  /** Of the folder's name; the group `id` is what the container is known by. */
  readonly name: RegExp
  /** Of the path above it, where that matters. */
  readonly above?: RegExp
  /** Empty: this is nobody's container, although its name looks so. */
  readonly runtime: string
}

const HEX = '(?<id>[0-9a-f]{64})'

/** The first that fits counts. */
const SHAPES: readonly Shape[] = [
  // Processes that watch over a container live beside it, with its id in their name.
  { name: /-conmon-[0-9a-f]{64}(?:\.scope)?$/, runtime: '' },
  { name: /^lxc\.(?:monitor|pivot)(?:\.|$)/, runtime: '' },
  { name: /./, above: /\/lxc\.(?:monitor|pivot)$/, runtime: '' },
  // A pod of Podman's without systemd: its containers are below.
  { name: new RegExp(`^${HEX}$`), above: /\/libpod_parent$/, runtime: '' },

  { name: new RegExp(`^docker-${HEX}(?:\\.scope)?$`), runtime: 'docker' },
  { name: new RegExp(`^cri-containerd-${HEX}(?:\\.scope)?$`), runtime: 'containerd' },
  // The driver systemd's words, taken as a folder's name by a runtime that does not use it.
  { name: new RegExp(`:cri-containerd:${HEX}$`), runtime: 'containerd' },
  { name: new RegExp(`:crio:${HEX}$`), runtime: 'cri-o' },
  { name: new RegExp(`^nerdctl-${HEX}(?:\\.scope)?$`), runtime: 'containerd' },
  { name: new RegExp(`^crio-${HEX}(?:\\.scope)?$`), runtime: 'cri-o' },
  { name: new RegExp(`^libpod-(?:payload-)?${HEX}(?:\\.scope)?$`), runtime: 'podman' },
  { name: new RegExp(`^${HEX}$`), above: /\/docker$/, runtime: 'docker' },
  { name: new RegExp(`^${HEX}$`), above: /\/ecs\/[^/]+$/, runtime: 'docker' },
  { name: new RegExp(`^${HEX}$`), above: /\/[^/]*kubepods[^/]*(?:\/|$)/, runtime: 'containerd' },
  { name: new RegExp(`^${HEX}$`), above: /\/(?:default|k8s\.io|moby)$/, runtime: 'containerd' },
  { name: new RegExp(`^(?:.+-)?${HEX}(?:\\.scope)?$`), runtime: 'container' },

  { name: /^lxc\.payload\.(?<id>.+)$/, runtime: 'lxc' },
  { name: /^(?<id>.+)$/, above: /\/lxc(?:\.payload)?$/, runtime: 'lxc' },
  { name: /^machine-lxc\\x2d\d+\\x2d(?<id>.+)\.scope$/, above: /\/machine\.slice$/, runtime: 'lxc' },
  { name: /^machine-qemu\\x2d\d+\\x2d(?<id>.+)\.scope$/, above: /\/machine\.slice$/, runtime: 'libvirt' },
  { name: /^(?:qemu-\d+-)?(?<id>.+)\.libvirt-qemu$/, above: /\/machine$/, runtime: 'libvirt' },
  { name: /^(?<id>.+)$/, above: /\/libvirt\/qemu$/, runtime: 'libvirt' },
  { name: /^(?<id>\d+)\.scope$/, above: /\/qemu\.slice$/, runtime: 'proxmox' },
  { name: /^systemd-nspawn@(?<id>.+)\.service$/, above: /\/machine\.slice$/, runtime: 'nspawn' },
  { name: /^machine-(?<id>.+)\.scope$/, above: /\/machine\.slice$/, runtime: 'nspawn' },
]

const POD_UID = /pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice|$)/
const UNIT = /\.(?:service|scope|mount|socket|swap)$/

/** Version 2 has a scope for the daemon of each job step, version 1 folders by user. */
const SLURM_JOB =
  /\/(?:[^/]*slurmstepd\.scope|slurm(?:_[^/]+)?\/uid_(?<uid>\d+))\/job_(?<job>\d+)(?:\/step_(?<step>[^/]+))?(?:\/|$)/
const USER_SLICE = /^user-(\d+)\.slice$/

/**
 * The innermost container counts, since containers run in containers; of a pod anywhere above it the uid is taken.
 * @param path from the root of the hierarchy, such as `/system.slice/docker-<id>.scope`; leading `..` of a cgroup
 * namespace say nothing
 */
export function identityOf(path: string): Identity {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '..')
  const [container, ...outer] = containersIn(segments).reverse()
  const slurm = SLURM_JOB.exec(`/${segments.join('/')}`)?.groups
  return {
    containerId: container?.id ?? '',
    runtime: container?.runtime ?? 'host',
    outerContainerIds: outer.map(({ id }) => id),
    podUid: lastMatch(segments, POD_UID).replaceAll('_', '-'),
    slurmJob: slurm?.['job'] ?? '',
    slurmStep: slurm?.['step'] ?? '',
    unit: segments.findLast((segment) => UNIT.test(segment)) ?? '',
    slice: segments.find((segment) => segment.endsWith('.slice')) ?? '',
    userId: slurm?.['uid'] ?? lastMatch(segments, USER_SLICE),
  }
}

interface FoundContainer {
  readonly id: string
  readonly runtime: string
}

/** Outermost first. */
function containersIn(segments: readonly string[]): FoundContainer[] {
  return segments.flatMap((segment, index) => {
    const above = `/${segments.slice(0, index).join('/')}`
    const shape = SHAPES.find(({ name, above: place }) => name.test(segment) && place?.test(above) !== false)
    const id =
      shape === undefined || shape.runtime === '' ? undefined : shape.name.exec(segment)?.groups?.['id']
    return shape === undefined || id === undefined ? [] : [{ id: unescaped(id), runtime: shape.runtime }]
  })
}

const lastMatch = (segments: readonly string[], pattern: RegExp): string =>
  segments.map((segment) => pattern.exec(segment)?.[1]).findLast((found) => found !== undefined) ?? ''

/** systemd writes what a unit's name may not hold as `\x2d`, byte by byte. */
const unescaped = (text: string): string =>
  text.replace(/(?:\\x[0-9a-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('\\x', ''), 'hex').toString())
