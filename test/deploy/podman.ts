/** Podman with a store of its own, the image built with it, and containers of that image. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deadline } from '../e2e/deadline.ts'
import { RuntimeFolder } from '../names/real-runtime.ts'
import { BUILD_ENVIRONMENT, makeBase, npmCache } from './local-base.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const IMAGE = 'localhost/wattribute:test'
export const BASE = 'localhost/wattribute/node:test'

/** Without systemd, without networks, within the limits that a confined root may set. */
const CONTAINERS_CONF = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
`
const BUILD_SECONDS = 400

export class Podman {
  readonly host = new RuntimeFolder()
  readonly environment: Readonly<Record<string, string>>

  constructor() {
    const conf = join(this.host.path, 'containers.conf')
    const storage = join(this.host.path, 'storage.conf')
    writeFileSync(conf, CONTAINERS_CONF)
    const folders = `graphroot = "${this.host.folder('graph')}"\nrunroot = "${this.host.folder('state')}"`
    writeFileSync(storage, `[storage]\ndriver = "overlay"\n${folders}\n`)
    this.environment = { CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage }
  }

  /** What a command prints; an error where it fails. */
  run(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.try(words)
    if (status !== 0) throw new Error(`podman ${words.join(' ')}: ${stderr}`)
    return stdout.trim()
  }

  try(words: readonly string[], seconds = 120): { status: number | null; stdout: string; stderr: string } {
    return spawnSync('podman', words, {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, ...this.environment },
      timeout: seconds * 1000,
      maxBuffer: 1 << 28,
    })
  }

  /** As the Dockerfile says, but from a base of this machine's programs, and with the packages that npm has here. */
  build(): void {
    const base = this.host.folder('base')
    makeBase(base)
    const archive = join(this.host.path, 'base.tar')
    spawnSync('tar', ['-C', base, '-cf', archive, '.'])
    this.run('import', ...BUILD_ENVIRONMENT.flatMap((one) => ['--change', `ENV ${one}`]), archive, BASE)
    const words = [
      ...['build', '--file=deploy/docker/Dockerfile', `--tag=${IMAGE}`, `--build-arg=NODE_IMAGE=${BASE}`],
      ...['--format=docker', '--isolation=oci', '--network=host', '--pull=never', '--layers=false'],
      ...['--ulimit=nofile=1024:1024', '--ulimit=nproc=4096:4096', `--volume=${npmCache()}:/root/.npm`],
    ]
    const { status, stdout, stderr } = this.try([...words, '.'], BUILD_SECONDS)
    if (status !== 0) throw new Error(`the image is not built:\n${stdout}${stderr}`)
  }

  /** Once the command of its HEALTHCHECK says so. Without systemd nobody runs it by the clock. */
  async untilHealthy(name: string): Promise<void> {
    const search = async (): Promise<void> => {
      while (this.try(['healthcheck', 'run', name]).status !== 0) {
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
    await deadline(search(), 60, () => `not healthy:\n${this.run('logs', name)}`)
  }

  /** The process that it runs, as the host numbers it. */
  pidOf(name: string): number {
    return Number(this.run('inspect', '--format={{.State.Pid}}', name))
  }

  /** @returns its exit code; 137 where it had to be killed */
  stop(name: string): number {
    this.run('stop', '--time=20', name)
    const code = Number(this.run('inspect', '--format={{.State.ExitCode}}', name))
    this.run('rm', name)
    return code
  }

  async remove(): Promise<void> {
    this.try(['rm', '--all', '--force', '--time=0'])
    await this.host.remove()
  }
}

/** A line of `/proc/<pid>/status`. */
export function statusOf(pid: number, key: string): string {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')
  return (
    lines
      .find((line) => line.startsWith(`${key}:`))
      ?.slice(key.length + 1)
      .trim() ?? ''
  )
}
