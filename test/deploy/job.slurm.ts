/**
 * A real Slurm, controller and node on one machine, with the exporter as its service: a job is a workload with its name
 * and its user, its phases are those of the prolog and of the job itself, and the epilog leaves nothing behind.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parsePage, type Series } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { SystemdMachine } from './systemd-machine.ts'

jest.setTimeout(300_000)

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = 'busybox wget -q -O - http://localhost:10451'
const PACKAGES = ['slurmctld', 'slurmd', 'slurm-client', 'munge']

/** Of a job of 20 s, half of it in each phase. */
const JOB = `#!/bin/bash
#SBATCH --job-name=train-resnet
work() { local end=$((SECONDS + 10)); while [ $SECONDS -lt $end ]; do :; done; }
wattribute-mark phase=train
work
wattribute-mark phase=eval
work
`

const CONFIGURATION = `ClusterName=one
SlurmctldHost=HOST
SlurmUser=slurm
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.log
MpiDefault=none
PrologFlags=Alloc
Prolog=/usr/local/lib/wattribute/slurm/prolog.sh
Epilog=/usr/local/lib/wattribute/slurm/epilog.sh
NodeName=HOST CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
`

requireProgram('/lib/systemd/systemd', 'a Slurm', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-slurm-'))
  const shared = join(folder, 'shared')
  let machine: SystemdMachine

  beforeAll(async () => {
    const name = `wattribute-slurm`
    mkdirSync(join(shared, 'packages'), { recursive: true })
    // With all that they need: what is installed here already need not be there as well.
    execFileSync(
      'apt-get',
      [
        '-qq',
        '-y',
        '--no-install-recommends',
        '--download-only',
        '-o',
        'APT::Sandbox::User=root',
        '-o',
        `Dir::Cache::archives=${join(shared, 'packages')}`,
        'install',
        ...PACKAGES,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    execFileSync('bash', ['scripts/release/program.sh', join(shared, name)], { cwd: ROOT })
    execFileSync('bash', ['scripts/release/node.sh', join(shared, name, 'node')], { cwd: ROOT })
    for (const part of ['deploy', 'clients']) execFileSync('cp', ['-r', join(ROOT, part), join(shared, name)])
    writeFileSync(join(shared, 'slurm.conf'), CONFIGURATION)
    writeFileSync(join(shared, 'job.sh'), JOB)
    machine = await SystemdMachine.start(folder, shared)
    await machine.sh(`printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
      DEBIAN_FRONTEND=noninteractive dpkg --install /shared/packages/*.deb
      useradd --create-home alice
      # Slurm resolves names only where an address besides the loopback's is.
      busybox ip addr add 192.0.2.1/32 dev lo && echo "192.0.2.1 $(hostname)" >>/etc/hosts
      mkdir -p /var/spool/slurmctld /var/spool/slurmd /run/munge && chown slurm /var/spool/slurmctld && chown munge /run/munge
      sed "s/HOST/$(hostname)/" /shared/slurm.conf >/etc/slurm/slurm.conf
      printf 'CgroupAutomount=no\\n' >/etc/slurm/cgroup.conf
      [ -e /sys/fs/cgroup/cgroup.controllers ] || echo CgroupPlugin=cgroup/v1 >>/etc/slurm/cgroup.conf
      touch /var/log/slurmctld.log && chown slurm /var/log/slurmctld.log`)
    await machine.sh(`cp -r /shared/${name} /srv/ && /srv/${name}/deploy/systemd/install.sh --no-start --with=processes
      printf 'birth_hold_seconds: 2\\nexpire_after_seconds: 600\\n' >>/etc/wattribute/config.yaml
      systemctl start wattribute`)
    await machine.sh(`systemd-run --quiet --uid=munge --unit=munged /usr/sbin/munged --foreground
      systemd-run --quiet --unit=controller /usr/sbin/slurmctld -D
      systemd-run --quiet --unit=node -p Delegate=yes /usr/sbin/slurmd -D`)
    await machine.until('sinfo --noheader --format=%T', /idle/, 60)
  })
  afterAll(async () => {
    await (machine as SystemdMachine | undefined)?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a job is a workload, and its joules are in its phases', async () => {
    const submitted = await machine.sh(
      'cd /home/alice && setpriv --reuid=alice --regid=alice --clear-groups env HOME=/home/alice sbatch /shared/job.sh',
    )
    expect(submitted).toBe('Submitted batch job 1')
    expect(await machine.until('cat /run/wattribute-jobs/1', /./)).toBe('run=start phase=init\n')
    await machine.until(
      `${PAGE}/metrics`,
      /^wattribute_workload_info\{workload="train-resnet",.*manager="slurm",user="alice",/m,
    )
    await machine.until('squeue --noheader | wc -l', /^0$/m, 60)
    await machine.until('ls /run/wattribute-jobs', /^$/)
    expect(await machine.sh('cat /home/alice/slurm-1.out')).toBe('') // each mark was taken
    const page = await machine.until(
      `${PAGE}/metrics`,
      /phase="eval",component="cpu",part="host",method="\w+"\} (?!0\.0+$)/m,
    )
    expect(page).toContain('workload="train-resnet"')
    const families = parsePage(page)
    const of = (family: string): readonly Series[] =>
      (families.get(family) ?? []).filter(({ labels }) => labels['workload'] === 'train-resnet')
    const joules = (phase: string): number =>
      of('wattribute_workload_energy_joules_total')
        .filter(({ labels }) => labels['phase'] === phase && labels['component'] === 'cpu')
        .reduce((sum, { value }) => sum + Number(value), 0)
    // Each phase worked for as long; the prolog's lasted until the job said another.
    expect(joules('train') / joules('eval')).toBeGreaterThan(0.5)
    expect(joules('train') / joules('eval')).toBeLessThan(2)
    expect(joules('init')).toBeLessThan(joules('train') / 2)
    const time = (phase: string): number =>
      of('wattribute_workload_phase_seconds_total')
        .filter(({ labels }) => labels['phase'] === phase)
        .reduce((sum, { value }) => sum + Number(value), 0)
    expect(time('init')).toBeLessThan(time('train') / 2)
    expect(of('wattribute_workload_run_start_timestamp_seconds')).toHaveLength(1)
  })
})
