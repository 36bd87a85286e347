/** Real control groups in the shapes of Slurm, systemd, LXC and guests, with real processes that work in them. */
import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ControlGroup } from '../e2e/control-group.ts'
import { CLI, ExporterProcess } from '../e2e/exporter-process.ts'
import { parsePage } from '../exposition/page-text.ts'
import { asRoot } from '../programs.ts'

jest.setTimeout(60_000)

const SLURM = { SLURM_JOB_ID: '3385', SLURM_JOB_NAME: 'train-bert', SLURM_JOB_ACCOUNT: 'physics' }

/** Where somebody works, with what environment, and under what name it is shown. */
const PLACES = [
  {
    path: 'slurm/uid_4242/job_3385/step_0/task_0',
    env: SLURM,
    shown: {
      workload: 'train-bert',
      namespace: 'physics',
      manager: 'slurm',
      account: 'physics',
      user: 'root',
    },
  },
  {
    path: 'system.slice/slurmstepd.scope/job_3386/step_batch/user/task_0',
    env: { ...SLURM, SLURM_JOB_ID: '3386', SLURM_JOB_NAME: 'evaluate' },
    shown: { workload: 'evaluate', namespace: 'physics', manager: 'slurm', user: 'root' },
  },
  {
    // it claims to be another job: not believed
    path: 'system.slice/slurmstepd.scope/job_3387/step_0/user/task_0',
    env: SLURM,
    shown: { workload: 'job_3387', namespace: '', manager: 'slurm', account: '' },
  },
  {
    path: 'system.slice/wattribute-test.service',
    shown: { workload: 'wattribute-test.service', kind: 'system', manager: 'systemd' },
  },
  {
    path: 'user.slice/user-4242.slice/session-777.scope',
    shown: { workload: 'session-777.scope', kind: 'other', user: 'alice' },
  },
  {
    path: 'lxc.payload.wattribute-box/system.slice/nginx.service',
    shown: { workload: 'wattribute-box', manager: 'lxc' },
  },
  {
    path: 'machine.slice/machine-qemu\\x2d3\\x2dwattribute\\x2dvm.scope/libvirt/emulator',
    shown: { workload: 'wattribute-vm', manager: 'libvirt' },
  },
  {
    path: 'machine.slice/systemd-nspawn@wattribute-dev.service/payload',
    shown: { workload: 'wattribute-dev', manager: 'nspawn' },
  },
  { path: 'qemu.slice/999102.scope', shown: { workload: 'gpu-vm', manager: 'proxmox' } },
] as const

describe('real control groups', () => {
  const children: ChildProcess[] = []
  const groups: ControlGroup[] = []
  let root = ''
  let exporter: ExporterProcess | undefined
  /** In a cgroup namespace of its own, from where all others are beside it. */
  let confined: ExporterProcess | undefined

  beforeAll(async () => {
    root = mkdtempSync('/tmp/wn-')
    mkdirSync(join(root, 'etc/pve/qemu-server'), { recursive: true })
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0::/root:/bin/sh\nalice:x:4242:4242::/home/alice:/bin/sh\n',
    )
    writeFileSync(join(root, 'etc/pve/qemu-server/999102.conf'), 'name: gpu-vm\n')
    if (process.getuid?.() !== 0) return
    for (const { path } of PLACES) groups.push(new ControlGroup(undefined, path))
    const config = join(root, 'wattribute.yaml')
    writeFileSync(config, 'tick_seconds: 0.5\nprocesses: { top: 1000 }\n')
    exporter = await ExporterProcess.start([`--path.rootfs=${root}`, `--config.file=${config}`])
    const own = new ControlGroup(undefined, 'system.slice/wattribute-exporter.service')
    groups.push(own)
    const command = own.enter(['unshare', '--cgroup', process.execPath, CLI])
    confined = await ExporterProcess.start([`--path.rootfs=${root}`, `--config.file=${config}`], { command })
    PLACES.forEach((place, index) => {
      const [program, ...words] = groups[index]?.enter(['timeout', '120', 'sh', '-c', BURN]) ?? ['true']
      const env = { PATH: process.env['PATH'], ...('env' in place ? place.env : {}) }
      children.push(spawn(program, words, { env, stdio: 'ignore', detached: true }))
    })
  })

  afterAll(async () => {
    for (const { pid, exitCode } of children) {
      if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGKILL')
    }
    await exporter?.stop()
    await confined?.stop()
    for (const group of groups.reverse()) await group.remove() // those made first hold the others
    rmSync(root, { recursive: true })
  })

  asRoot('are shown by the names that people know', async () => {
    const rows = (page: string): readonly Readonly<Record<string, string>>[] =>
      (parsePage(page).get('wattribute_workload_info') ?? []).map(({ labels }) => labels)
    const page = await exporter?.page(
      (text) => PLACES.every(({ shown }) => rows(text).some(({ workload }) => workload === shown.workload)),
      40,
    )
    for (const { shown } of PLACES) expect(rows(page ?? '')).toContainEqual(expect.objectContaining(shown))
  })

  asRoot('are where their processes are, seen from within a cgroup namespace as well', async () => {
    const workloadsOfShells = (page: string): readonly (string | undefined)[] =>
      (parsePage(page).get('wattribute_process_energy_joules_total') ?? [])
        .filter(({ labels }) => labels['comm'] === 'sh')
        .map(({ labels }) => labels['workload'])
    const page = await confined?.page(
      (text) => PLACES.every(({ shown }) => workloadsOfShells(text).includes(shown.workload)),
      40,
    )
    expect(workloadsOfShells(page ?? '')).toEqual(
      expect.arrayContaining(PLACES.map(({ shown }) => shown.workload)),
    )
  })
})

/** A little, again and again: the exporter sees it in every tick. */
const BURN = 'while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.05; done'
