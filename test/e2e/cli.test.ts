/** The built exporter from the command line, on this machine as it is. */
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { imbalancesOfPage, parsePage } from '../exposition/page-text.ts'
import { asRoot } from '../programs.ts'
import { ControlGroup, unifiedRoot } from './control-group.ts'
import { CLI, ExporterProcess, type StartOptions } from './exporter-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'wattribute-cli-'))
chmodSync(folder, 0o755) // other users look in, too
jest.setTimeout(60_000) // real processes on a busy machine

const running: ExporterProcess[] = []

const start = async (flags: readonly string[] = [], options: StartOptions = {}): Promise<ExporterProcess> => {
  const exporter = await ExporterProcess.start(flags, options)
  running.push(exporter)
  return exporter
}

const run = (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, ...env },
  })
  return { status, stdout, stderr }
}

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const valueOf = (page: string, family: string): string | undefined => parsePage(page).get(family)?.[0]?.value

const hasEnergy = (page: string): boolean =>
  (parsePage(page).get('wattribute_process_energy_joules_total') ?? []).some(({ value }) => Number(value) > 0)

afterEach(async () => {
  for (const exporter of running.splice(0)) await exporter.stop('SIGKILL')
})

describe('the command line', () => {
  test('ends in peace when nobody reads on', async () => {
    const child = spawn(process.execPath, [CLI, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let complaints = ''
    child.stderr.on('data', (text: Buffer) => (complaints += String(text)))
    const [status] = (await once(child, 'close')) as [number | null]
    expect({ status, complaints }).toEqual({ status: 0, complaints: '' })
  })

  test('explains itself', () => {
    expect(run(['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('--web.listen-address'),
      stderr: '',
    })
    expect(run(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^wattribute \d+\.\d+\.\d+\n$/),
    })
  })

  test('refuses what it does not know, with 2 and the nearest that it knows', () => {
    expect(run(['--web.listen-adress=:1'])).toEqual({
      status: 2,
      stdout: '',
      stderr: 'wattribute: unknown flag --web.listen-adress: did you mean --web.listen-address?\n',
    })
    expect(run([], { WATTRIBUTE_LOG_LEVEL: 'loud' })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('WATTRIBUTE_LOG_LEVEL'),
    })
  })

  test('refuses a configuration with the line, the key and the nearest key, with 2', () => {
    const bad = file('bad.yaml', 'tick_seconds: 1\nidle_polcy: none\n')
    for (const command of [['serve'], ['check-config']]) {
      expect(run([...command, `--config.file=${bad}`])).toEqual({
        status: 2,
        stdout: '',
        stderr: `wattribute: ${bad}: unknown key \`idle_polcy\` (line 2, column 1): did you mean \`idle_policy\`?\n`,
      })
    }
    expect(run(['check-config', `--config.file=${file('good.yaml', 'tick_seconds: 2\n')}`])).toMatchObject({
      status: 0,
    })
  })

  test('writes rules for a configuration, and says what it could not check', () => {
    const budgets = file(
      'budgets.yaml',
      'budgets: [{name: lab, limit_kwh: 500}, {name: bench, limit_kwh: 20, period: day, max_watts: 1000}]\n',
    )
    const { status, stdout, stderr } = run(['rules', `--config.file=${budgets}`])
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: 'wattribute: budget `lab`: whether the alerts can fire is not checked without `max_watts`\n',
    })
    expect(stdout).toMatch(/^# By `wattribute rules` .*\ngroups:\n {2}- name: wattribute-budgets\n/)
    const written = join(folder, 'rules.yaml')
    expect(run(['rules', `--config.file=${budgets}`, `--output=${written}`])).toMatchObject({
      status: 0,
      stdout: '',
    })
    expect(readFileSync(written, 'utf8')).toBe(stdout)
    expect(run(['rules', `--output=${join(folder, 'nowhere', 'rules.yaml')}`])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^wattribute: --output: .* cannot be written: .*\(ENOENT\)\n$/),
    })
  })

  test('refuses rules that cannot fire, a line each, with 2 and without a file', () => {
    const budgets = file(
      'high.yaml',
      'budgets: [{name: lab, limit_kwh: 500, max_watts: 250, time_zone: UTC}, {name: bench, limit_kwh: 20, max_watts: 50}]\n',
    )
    const written = join(folder, 'refused.yaml')
    expect(run(['rules', `--config.file=${budgets}`, '--burn-rate=2%/1h', `--output=${written}`])).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'wattribute: budget `lab`: it can never be overrun, so none of its alerts can fire: at most 250 W for 744 h are 186 kWh, and its limit is 500 kWh; lower the limit or correct `max_watts`\n' +
        'wattribute: budget `bench`: the burn rate of 2 % in 1h cannot fire: that is 14.4 times the pace of the budget (400 W), and 50 W at most are 1.8 times; use less than 0.25 % in 1h, or a longer window\n',
    })
    expect(existsSync(written)).toBe(false)
  })

  test.each([
    ['darwin', 'arm64'],
    ['linux', 'ppc64'],
  ])('serves not on %s on %s: one sentence, and 2', (platform, arch) => {
    const pretend = file(
      'pretend.mjs',
      `Object.defineProperty(process, 'platform', { value: '${platform}' })
       Object.defineProperty(process, 'arch', { value: '${arch}' })`,
    )
    const { status, stderr } = spawnSync(process.execPath, ['--import', pretend, CLI], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `wattribute: serve runs on Linux on x64 and arm64 only; this is ${platform} on ${arch}\n`,
    })
  })

  test('says when its port is taken, and ends', async () => {
    const first = await start()
    const { host } = new URL(first.url)
    const { status, stderr } = run([`--web.listen-address=${host}`])
    expect(status).toBe(1)
    expect(stderr).toContain(`wattribute: cannot listen on ${host}: address already in use`)
  })
})

describe('on this machine', () => {
  test('energy is attributed to processes and cgroups within five seconds', async () => {
    const exporter = await start()
    const page = await exporter.page(hasEnergy, 5)
    expect(imbalancesOfPage(page)).toEqual([])
    const families = parsePage(page)
    for (const family of ['workload', 'container', 'process']) {
      expect(families.get(`wattribute_${family}_energy_joules_total`)?.length).toBeGreaterThan(0)
    }
    expect(
      families.get('wattribute_conservation_error_joules')?.every(({ value }) => Number(value) === 0),
    ).toBe(true)
  })

  test('its own use is in its own books', async () => {
    const exporter = await start()
    const own = String(exporter.child.pid)
    const page = await exporter.page(
      (text) => new RegExp(`process_energy_joules_total\\{pid="${own}"`).test(text),
      15,
    )
    const series = parsePage(page)
      .get('wattribute_process_energy_joules_total')
      ?.filter(({ labels }) => labels['pid'] === own)
    expect(series?.map(({ labels }) => labels['comm'])).toContain('wattribute')
  })

  test('a process of any name is in the books under it', async () => {
    const name = 'o d)d "\\\n\u00fc'
    const program = join(folder, name)
    symlinkSync('/bin/sh', program)
    const odd = spawn('timeout', ['60', program, '-c', 'while :; do :; done'], { stdio: 'ignore' })
    try {
      const exporter = await start()
      const namesIn = (page: string): readonly (string | undefined)[] =>
        (parsePage(page).get('wattribute_process_energy_joules_total') ?? []).map(
          ({ labels }) => labels['comm'],
        )
      const page = await exporter.page((text) => namesIn(text).includes(name))
      expect(imbalancesOfPage(page)).toEqual([])
    } finally {
      odd.kill('SIGTERM') // which timeout passes on
    }
  })

  test('the other pages answer', async () => {
    const exporter = await start()
    await exporter.page(hasEnergy)
    expect(await exporter.get('/healthz')).toEqual({ status: 200, body: 'ok\n' })
    expect(await exporter.get('/readyz')).toEqual({ status: 200, body: 'ready\n' })
    const overview = await exporter.get('/')
    expect(overview.status).toBe(200)
    expect(overview.body).toContain('power-model')
    const sensors = JSON.parse((await exporter.get('/api/v1/sensors')).body) as {
      sensors: { name: string }[]
    }
    expect(sensors.sensors.map(({ name }) => name)).toEqual([
      'rapl',
      'acpi-power-meter',
      'grace',
      'jetson',
      'nvml',
      'power-model',
    ])
    const ledger = JSON.parse((await exporter.get('/api/v1/ledger')).body) as { views: object }
    expect(Object.keys(ledger.views)).toEqual(['workload', 'container', 'process'])
  })

  test('a page and its log hold nothing that a stranger would stumble over', async () => {
    const exporter = await start()
    const page = await exporter.page(hasEnergy)
    expect(page).not.toMatch(/undefined|NaN|\[object/)
    expect(exporter.lines.join('\n')).not.toMatch(/undefined|NaN|\[object/)
  })

  test('SIGTERM ends it with 0, at once', async () => {
    const exporter = await start()
    await exporter.page(hasEnergy)
    expect(await exporter.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(exporter.lines.filter((line) => /level=(?:warn|error)/.test(line))).toEqual([])
  })

  test('SIGHUP reads the configuration again; a bad one changes nothing and says so', async () => {
    const config = file('reload.yaml', 'power_model:\n  cpu_idle_watts: 10\n  cpu_max_watts: 20\n')
    const exporter = await start([`--config.file=${config}`])
    const baseline = (watts: number) => (page: string) =>
      page.includes(
        `domain_baseline_watts{domain="model-cpu",component="cpu",source="configured"} ${watts}\n`,
      )
    await exporter.page(baseline(10))
    writeFileSync(config, 'power_model:\n  cpu_idle_watts: 12\n  cpu_max_watts: 20\n')
    exporter.child.kill('SIGHUP')
    await exporter.page(baseline(12))
    writeFileSync(config, 'power_model:\n  cpu_idle_wats: 14\n')
    exporter.child.kill('SIGHUP')
    expect(await exporter.line(/cpu_idle_wats/)).toMatch(
      /level=error.*did you mean `power_model.cpu_idle_watts`/,
    )
    const page = await exporter.page(
      (text) => valueOf(text, 'wattribute_config_last_reload_successful') === '0',
    )
    expect(baseline(12)(page)).toBe(true)
  })
})

describe('the doctor', () => {
  interface Told {
    readonly exitCode: number
    readonly seconds: number
    readonly sensors: readonly { readonly sensor: string; readonly state: string }[]
    readonly domains: readonly { readonly domain: string; readonly watts?: number }[]
  }

  test('tells people and programs the same, and its exit code says whether something cannot be read', () => {
    const people = run(['doctor'])
    const programs = run(['doctor', '--json'])
    const told = JSON.parse(programs.stdout) as Told
    expect(programs).toMatchObject({ status: told.exitCode, stderr: '' })
    expect(people).toMatchObject({ status: told.exitCode, stderr: '' })
    expect(told.seconds).toBeGreaterThanOrEqual(2)
    for (const { sensor, state } of told.sensors) {
      expect(people.stdout).toMatch(new RegExp(`^  ${sensor} +${state} `, 'm'))
    }
    expect(told.domains.filter(({ watts }) => watts === undefined)).toEqual([])
    expect(people.stdout).not.toMatch(/undefined|NaN|\[object/)
  })

  test('runs beside an exporter, and leaves its storage alone', async () => {
    const storage = join(folder, 'beside')
    mkdirSync(storage)
    const exporter = await start([`--storage.path=${storage}`])
    await exporter.page(hasEnergy)
    const { status, stderr } = run(['doctor', `--storage.path=${storage}`])
    expect([0, 1]).toContain(status)
    expect(stderr).toBe('')
    expect((await exporter.get('/healthz')).status).toBe(200)
  })

  test('takes a configuration, and refuses a bad one with 2', () => {
    const good = file('doctor.yaml', 'power_model:\n  cpu_idle_watts: 12\n  cpu_max_watts: 20\n')
    expect(run(['doctor', `--config.file=${good}`]).stdout).toContain('idle 12.0 W (configured)')
    expect(run(['doctor', `--config.file=${file('bad-doctor.yaml', 'hwmonn: []\n')}`])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('did you mean `hwmon`?'),
    })
  })

  test('calibrates no busy machine, and says who keeps it busy', () => {
    const busy = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' })
    try {
      const output = join(folder, 'baselines.yml')
      const { status, stdout, stderr } = run([
        'doctor',
        '--calibrate',
        '--calibrate.seconds=10',
        `--output=${output}`,
      ])
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toMatch(/^wattribute: the machine is not idle: its CPUs were busy for [\d.]+ %/)
      expect(existsSync(output)).toBe(false)
    } finally {
      busy.kill('SIGKILL')
    }
  })

  test('reads a power meter, and puts what it models of the machine into it', () => {
    const chip = join(folder, 'metered/class/hwmon/hwmon0')
    mkdirSync(join(chip, 'device'), { recursive: true })
    writeFileSync(join(chip, 'name'), 'power_meter\n')
    writeFileSync(join(chip, 'device/power1_average'), '100000000\n')
    writeFileSync(join(chip, 'device/power1_average_interval'), '1000\n')
    const { stdout } = run(['doctor', '--json', `--path.sysfs=${join(folder, 'metered')}`])
    const { domains } = JSON.parse(stdout) as { domains: readonly { domain: string }[] }
    // A slow meter may have answered after the first look: the order tells nothing.
    expect(Object.fromEntries(domains.map((one) => [one.domain, one]))).toMatchObject({
      'acpi-meter-0': { within: '', method: 'integrated', watts: expect.closeTo(100, 6) },
      'model-cpu': { within: 'acpi-meter-0' },
      'model-memory': { within: 'acpi-meter-0' },
      'acpi-meter-0-rest': { within: 'acpi-meter-0', component: 'board' },
    })
  })

  test('ends, with its exit code, although a driver never answers', () => {
    const chip = join(folder, 'hanging/class/hwmon/hwmon0')
    mkdirSync(chip, { recursive: true })
    writeFileSync(join(chip, 'name'), 'power_meter')
    spawnSync('mkfifo', [join(chip, 'power1_average')]) // nobody ever writes to it
    const { status, stdout } = run(['doctor', `--path.sysfs=${join(folder, 'hanging')}`])
    expect(status).toBe(1)
    expect(stdout).toMatch(/acpi-power-meter +unreadable +no answer in \d\.\d s/)
  })

  asRoot('works for a user without any right', async () => {
    const { status, stdout, stderr } = spawnSync(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, CLI, 'doctor'],
      { encoding: 'utf8', timeout: 20_000 },
    )
    expect([0, 1]).toContain(status)
    expect(stderr).toBe('')
    expect(stdout).toContain('as user 65534')
  })
})

describe('control groups of version 2', () => {
  asRoot('a container is charged for what its processes use', async () => {
    const sysfs = join(folder, 'sysfs')
    mkdirSync(join(sysfs, 'fs'), { recursive: true })
    symlinkSync(unifiedRoot(), join(sysfs, 'fs/cgroup'))
    const group = new ControlGroup(unifiedRoot())
    const [program, ...words] = group.enter(['timeout', '60', 'sh', '-c', 'while :; do :; done'])
    const busy = spawn(program, words, { stdio: 'ignore' })
    try {
      const exporter = await start([`--path.sysfs=${sysfs}`])
      const chargedIn = (page: string): readonly string[] =>
        (parsePage(page).get('wattribute_container_energy_joules_total') ?? [])
          .filter(({ labels, value }) => labels['container_id'] === group.containerId && Number(value) > 0)
          .map(({ labels }) => `${labels['runtime'] ?? ''} ${labels['component'] ?? ''}`)
      const page = await exporter.page((text) => chargedIn(text).length > 0)
      expect(chargedIn(page)).toEqual(['docker cpu'])
      expect(imbalancesOfPage(page)).toEqual([])
    } finally {
      const ended = once(busy, 'exit')
      busy.kill('SIGTERM')
      await ended
      await group.remove()
    }
  })
})

describe('with less than usual', () => {
  test('1,024 descriptors are enough for more processes than that', async () => {
    const crowd = spawn(
      'sh',
      ['-c', 'i=0; while [ $i -lt 1500 ]; do sleep 600 & i=$((i+1)); done; echo ready; read end'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        detached: true,
      },
    )
    try {
      await once(crowd.stdout, 'data')
      const exporter = await start([], { command: ['prlimit', '--nofile=1024:1024', process.execPath, CLI] })
      const page = await exporter.page(hasEnergy)
      expect(Number(valueOf(page, 'wattribute_processes'))).toBeGreaterThan(1500)
    } finally {
      process.kill(-(crowd.pid ?? 0), 'SIGKILL')
    }
  })

  asRoot('a /proc that hides other users: it serves what it sees and says what it does not', async () => {
    const mount = join(folder, 'proc')
    const script = `mkdir -p ${mount} && mount -t proc -o hidepid=2 proc ${mount} &&
      exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@" --path.procfs=${mount}`
    const exporter = await start([], {
      command: ['unshare', '--mount', 'sh', '-c', script, 'sh', process.execPath, CLI],
    })
    const page = await exporter.page(hasEnergy)
    expect(imbalancesOfPage(page)).toEqual([])
    expect(await exporter.line(/hidepid/)).toContain('level=warn')
    const { sensors } = JSON.parse((await exporter.get('/api/v1/sensors')).body) as { sensors: unknown[] }
    expect(sensors).toHaveLength(6)
    expect((await exporter.get('/')).body).toContain('hidepid')
  })
})

process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
