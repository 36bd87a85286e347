/**
 * The CPU time of control groups, in nanoseconds. A group's counter includes its children and whatever has already
 * exited, so it is the base that processes are split from; what a group used itself is its counter less its children's.
 *
 * Version 2: `usage_usec` of cpu.stat (https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files).
 * Version 1: cpuacct.usage (https://docs.kernel.org/admin-guide/cgroup-v1/cpuacct.html).
 */
import { readCpuTimes, TICKS_PER_SECOND } from '../cpu-times.ts'
import type { Group } from '../model.ts'
import { nanoseconds, type Nanoseconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { identityOf } from './identity.ts'

/** Where the groups are and how they count. */
export interface Hierarchy {
  readonly kind: 'v2' | 'v1' | 'none'
  /** Folder of the root group; empty where there is none. */
  readonly root: string
  /**
   * Whether the root's counter is exact as the others are. The machine's own root in version 2 is not: the kernel
   * fills it from the clock tick's samples (`root_cgroup_cputime` in kernel/cgroup/rstat.c).
   */
  readonly isRootExact: boolean
}

interface Node {
  readonly group: Group
  readonly folder: string
  readonly children: Map<string, Node>
  /** What the counter showed at the newest look; undefined before the first. */
  usage: Nanoseconds | undefined
  /** Of the folder: tells whether groups came or went. */
  links: number
}

/** Quiet branches are looked at again after so many looks: a group without CPU time may still come or go. */
const FULL_LOOK_EVERY = 30

export class CgroupTree {
  readonly #world: World
  #hierarchy: Hierarchy
  #root: Node
  #used = new Map<Group, Nanoseconds>()
  #groups: readonly Group[] | undefined
  #looks = 0
  /** Of the exporter's cgroup namespace, once it is needed and known. */
  #namespaceRoot: readonly string[] | undefined

  constructor(world: World) {
    this.#world = world
    this.#hierarchy = findHierarchy(world)
    this.#root = newNode('/', this.#hierarchy.root, undefined)
  }

  /**
   * Reads the counters of all groups that can have moved.
   * @returns what each group used itself since the look before; below zero where its children were read later than
   * itself, which the next look makes good. Empty at the first look.
   */
  look(): ReadonlyMap<Group, Nanoseconds> {
    this.#used = new Map()
    const isFull = this.#looks % FULL_LOOK_EVERY === 0
    this.#looks += 1
    if (isFull) this.#follow()
    this.#visit(this.#root, isFull)
    return this.#used
  }

  get hierarchy(): Hierarchy {
    return this.#hierarchy
  }

  /** A group whose own use is not counted and is what its processes say. */
  get uncounted(): Group | undefined {
    return this.#hierarchy.isRootExact || this.#root.children.size === 0 ? undefined : this.#root.group
  }

  /** Every group that exists. */
  get groups(): readonly Group[] {
    this.#groups ??= groupsBelow(this.#root)
    return this.#groups
  }

  /** @param text what /proc/<pid>/cgroup holds */
  groupOf(text: string): Group {
    let node = this.#root
    for (const name of this.#fromRoot(segmentsOf(pathIn(text, this.#hierarchy.kind)))) {
      const child = node.children.get(name) ?? this.#adopt(node, name)
      if (child === undefined) break // the nearest that is known
      node = child
    }
    return node.group
  }

  /**
   * Within a cgroup namespace the kernel shows paths from where that begins, with `..` for what lies beside it
   * (https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html).
   */
  #fromRoot(segments: readonly string[]): readonly string[] {
    const rest = segments.filter((segment) => segment !== '..')
    const ups = segments.length - rest.length
    if (ups === 0) return rest
    this.#namespaceRoot ??= this.#findNamespaceRoot()
    return [...(this.#namespaceRoot ?? []).slice(0, -ups), ...rest]
  }

  /** Where the exporter's own group is in the whole tree, less where it is in its namespace. */
  #findNamespaceRoot(): readonly string[] | undefined {
    const { files, procfs } = this.#world
    const stat = files.readText(`${procfs}/self/stat`)
    const own = files.readText(`${procfs}/self/cgroup`)
    if (stat instanceof Unreadable || own instanceof Unreadable) return undefined
    const member = new RegExp(`^${parseInt(stat, 10)}$`, 'm')
    const group = this.groups.find(({ path }) => {
      const members = files.readText(`${this.#hierarchy.root}${path}/cgroup.procs`)
      return !(members instanceof Unreadable) && member.test(members)
    })
    const depth = segmentsOf(pathIn(own, this.#hierarchy.kind)).length
    const path = segmentsOf(group?.path ?? '')
    return group && path.slice(0, path.length - depth)
  }

  /** On a hybrid machine the first container may come into a tree that was empty: from then on that one counts. */
  #follow(): void {
    const found = findHierarchy(this.#world)
    if (found.root === this.#hierarchy.root) return
    this.#hierarchy = found
    this.#root = newNode('/', found.root, undefined)
    this.#groups = undefined
    this.#namespaceRoot = undefined
  }

  /** @returns what the group and all below it used; undefined when the group is gone */
  #visit(node: Node, isFull: boolean): number | undefined {
    const usage = this.#readUsage(node)
    if (usage instanceof Unreadable) return usage.kind === 'missing' && node !== this.#root ? undefined : 0
    const isFirst = node.usage === undefined
    const spent = spentSince(node.usage, usage)
    node.usage = usage
    if (spent === 0 && !isFull && node !== this.#root) return 0
    this.#refresh(node, isFull, isFirst)
    let ofChildren = 0
    let hasGone = false
    for (const [name, child] of node.children) {
      const part = this.#visit(child, isFull)
      if (part === undefined) {
        node.children.delete(name)
        hasGone = true
      } else ofChildren += part
    }
    if (hasGone) {
      node.links = -1 // another may have come in its place: looked at again next time
      this.#groups = undefined
    }
    const own = spent - ofChildren
    if (own !== 0) this.#used.set(node.group, nanoseconds(own))
    return spent
  }

  /**
   * Finds groups that came since the last look: all their CPU time is new, unless this is the first look at their
   * parent as well.
   */
  #refresh(node: Node, isFull: boolean, isFirst: boolean): void {
    if (this.#hierarchy.kind === 'none') return
    const links = this.#world.files.links(node.folder)
    if (links instanceof Unreadable || (links === node.links && !isFull)) return
    if (links === 2 && node.children.size === 0) {
      node.links = links
      return
    }
    const names = this.#world.files.folders(node.folder)
    if (names instanceof Unreadable) return
    node.links = links
    for (const name of names)
      if (!node.children.has(name)) this.#bear(node, name, isFirst ? undefined : nanoseconds(0))
  }

  #bear(parent: Node, name: string, usage: Nanoseconds | undefined): Node {
    const child = newNode(
      `${parent === this.#root ? '' : parent.group.path}/${name}`,
      `${parent.folder}/${name}`,
      usage,
    )
    parent.children.set(name, child)
    this.#groups = undefined
    return child
  }

  /** A process may be found in a group that was made after this look. */
  #adopt(parent: Node, name: string): Node | undefined {
    if (this.#hierarchy.kind === 'none') return undefined
    const exists = !(this.#world.files.links(`${parent.folder}/${name}`) instanceof Unreadable)
    return exists ? this.#bear(parent, name, nanoseconds(0)) : undefined
  }

  #readUsage({ folder }: Node): Nanoseconds | Unreadable {
    const { files } = this.#world
    switch (this.#hierarchy.kind) {
      case 'v2':
        return parsed(files.readText(`${folder}/cpu.stat`), /^usage_usec (\d+)$/m, 1000)
      case 'v1':
        return parsed(files.readText(`${folder}/cpuacct.usage`), /^(\d+)$/m, 1)
      case 'none': {
        const times = readCpuTimes(this.#world)
        return times instanceof Unreadable ? times : nanoseconds(times.busyTicks * (1e9 / TICKS_PER_SECOND))
      }
    }
  }
}

/** A group that begins anew under an old name shows less than before: all of it is new. */
function spentSince(before: Nanoseconds | undefined, now: Nanoseconds): number {
  if (before === undefined) return 0
  return now < before ? now : now - before
}

function newNode(path: string, folder: string, usage: Nanoseconds | undefined): Node {
  return { group: { path, identity: identityOf(path) }, folder, children: new Map(), usage, links: 0 }
}

function parsed(
  text: string | Unreadable,
  figure: RegExp,
  nanosecondsEach: number,
): Nanoseconds | Unreadable {
  if (text instanceof Unreadable) return text
  const digits = figure.exec(text)?.[1]
  return digits === undefined
    ? new Unreadable('cgroup', 'no number')
    : nanoseconds(Number(digits) * nanosecondsEach)
}

const groupsBelow = (node: Node): Group[] => [
  node.group,
  ...Array.from(node.children.values()).flatMap(groupsBelow),
]

/**
 * Version 2 where it has the machine to itself. On hybrid machines version 1 counts CPU time and container runtimes
 * put their containers there, unless nobody uses it and the groups are in the unified tree.
 */
function findHierarchy(world: World): Hierarchy {
  const { files, sysfs } = world
  const base = `${sysfs}/fs/cgroup`
  const hasFile = (path: string): boolean => !(files.readText(path) instanceof Unreadable)
  const hasGroups = (folder: string): boolean => {
    const names = files.folders(folder)
    return !(names instanceof Unreadable) && names.length > 0
  }
  if (hasFile(`${base}/cgroup.controllers`) && hasFile(`${base}/cpu.stat`)) {
    return { kind: 'v2', root: base, isRootExact: hasFile(`${base}/cgroup.events`) }
  }
  const version1 = [`${base}/cpu,cpuacct`, `${base}/cpuacct`].find((root) => hasFile(`${root}/cpuacct.usage`))
  const unified = `${base}/unified`
  if (version1 !== undefined && (hasGroups(version1) || !hasGroups(unified))) {
    return { kind: 'v1', root: version1, isRootExact: true }
  }
  if (hasFile(`${unified}/cpu.stat`)) return { kind: 'v2', root: unified, isRootExact: false }
  return { kind: 'none', root: '', isRootExact: true }
}

const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '')

/** Each line is `number:controllers:path`; version 2 has the number 0 and no controllers. */
function pathIn(text: string, kind: Hierarchy['kind']): string {
  for (const line of text.split('\n')) {
    const [number, controllers, ...path] = line.split(':')
    const isOurs =
      kind === 'v2' ? number === '0' && controllers === '' : controllers?.split(',').includes('cpuacct')
    if (isOurs === true) return path.join(':').replace(/ \(deleted\)$/, '')
  }
  return ''
}
