/**
 * The offline bundle and its scripts on a machine that has neither Node nor a network, under a systemd of its own: what
 * is installed, what the unit forbids and what it leaves readable, and that an upgrade and an uninstall keep what is the
 * user's.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { imbalancesOfPage } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { SystemdMachine } from './systemd-machine.ts'

jest.setTimeout(240_000)

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VERSION = (
  JSON.parse(readFileSync(join(ROOT, 'exporter/package.json'), 'utf8')) as { readonly version: string }
).version
const NAME = `wattribute-${VERSION}-linux-${process.arch}`
const INSTALL = `/srv/${NAME}/deploy/systemd/install.sh`
const UNITS = '/usr/local/lib/systemd/system'
const NODE = '/usr/local/lib/wattribute/node/bin/node'
const PAGE = 'busybox wget -q -O - http://localhost:10451'
const ZONE = '/srv/sys/class/powercap/intel-rapl:0'

/** Of what the kernel may be asked to do; 10 is the worst. What Debian 12's systemd gives, and no more. */
const EXPOSURE = { 'wattribute.service': 1.6, 'wattribute-proxy@.service': 1.1 }

requireProgram('/lib/systemd/systemd', 'a machine with systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-machine-'))
  const shared = join(folder, 'shared')
  let machine: SystemdMachine

  beforeAll(async () => {
    execFileSync('bash', ['scripts/bundle.sh', '--panel=none', process.arch], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    mkdirSync(shared)
    execFileSync('tar', ['-xzf', join(ROOT, 'dist', `${NAME}.tar.gz`), '-C', shared])
    copyFileSync(join(ROOT, 'test/e2e/vllm-shaped.mjs'), join(shared, 'vllm-shaped.mjs'))
    machine = await SystemdMachine.start(folder, shared)
    await machine.sh(`cp -r /shared/${NAME} /srv/`)
  })
  afterAll(async () => {
    await (machine as SystemdMachine | undefined)?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const start = async (): Promise<void> => {
    await machine.sh('systemctl restart wattribute')
    await machine.until(`${PAGE}/metrics`, /^wattribute_domain_power_watts\{/m)
  }
  const status = async (key: string): Promise<string> =>
    machine.sh(`grep -P '^${key}:' /proc/$(systemctl show --value -p MainPID wattribute)/status | cut -f 2`)
  const sensor = (state: string): RegExp => new RegExp(`"name":"rapl","state":"${state}"`)

  test('the bundle is whole, and runs from where it lies', async () => {
    expect(await machine.run('which', 'node')).toMatchObject({ status: 1 })
    await machine.sh(`cd /srv/${NAME} && sha256sum --quiet --strict -c SHA256SUMS`)
    expect(await machine.sh(`/srv/${NAME}/bin/wattribute --version`)).toBe(`wattribute ${VERSION}`)
    expect(await machine.sh(`ls /srv/${NAME}/lib/node_modules/@koromix`)).toBe(`koffi-linux-${process.arch}`)
    const sbom = JSON.parse(readFileSync(join(shared, NAME, 'sbom.cdx.json'), 'utf8')) as {
      readonly components: readonly { readonly name: string; readonly purl?: string }[]
    }
    const named = sbom.components.map(({ purl = '' }) =>
      /^pkg:npm\/(.+)@/.exec(purl)?.[1]?.replace('%40', '@'),
    )
    expect(named.toSorted()).toEqual(
      [
        ...packagesIn(join(shared, NAME, 'lib/node_modules')),
        'wattribute',
        `node-linux-${process.arch}`,
      ].toSorted(),
    )
  })

  test('a rehearsal says each step and takes none', async () => {
    const said = await machine.sh(`setpriv --reuid=65534 --clear-groups ${INSTALL} --dry-run`)
    expect(said.split('\n').every((line) => line.startsWith('would: '))).toBe(true)
    expect(said).toContain('would: start it, now and with the machine')
    expect(await machine.run('getent', 'passwd', 'wattribute')).toMatchObject({ status: 2 })
    expect(await machine.sh('ls /usr/local/bin')).not.toContain('wattribute')
  })

  test('is refused, with the reason, where it could not work', async () => {
    expect(await machine.run('setpriv', '--reuid=65534', '--clear-groups', INSTALL)).toMatchObject({
      status: 1,
      text: 'install.sh: run it as root, or with --dry-run or --root=FOLDER\n',
    })
    expect((await machine.run(INSTALL, '--with=everything')).text).toBe(
      'install.sh: --with knows processes containers, not everything\n',
    )
    const clone = '/srv/clone/deploy/systemd'
    await machine.sh(`mkdir -p ${clone} && cp /srv/${NAME}/deploy/systemd/install.sh ${clone}/`)
    expect((await machine.run(`${clone}/install.sh`)).text).toMatch(
      /^install.sh: no Node in \/usr\/local\/bin/,
    )
  })

  test('puts files below a folder for an image of a machine, and takes them away again', async () => {
    const said = await machine.sh(`${INSTALL} --root=/srv/image --with=processes`)
    expect(said).not.toMatch(/user|start|energy counters/)
    const files = 'cd /srv/image && find . -type f,l -not -path "./usr/local/lib/wattribute/*" | sort'
    expect((await machine.sh(files)).split('\n')).toEqual([
      './etc/systemd/system/wattribute.service.d/processes.conf',
      './etc/tmpfiles.d/wattribute.conf',
      './etc/udev/rules.d/60-wattribute-rapl.rules',
      './etc/wattribute/config.yaml',
      './etc/wattribute/environment',
      './usr/local/bin/wattribute',
      './usr/local/bin/wattribute-mark',
      './usr/local/lib/systemd/system/wattribute-proxy@.service',
      './usr/local/lib/systemd/system/wattribute.service',
    ])
    expect(await machine.sh('/srv/image/usr/local/bin/wattribute --version')).toBe(`wattribute ${VERSION}`)
    expect(await machine.run('getent', 'passwd', 'wattribute')).toMatchObject({ status: 2 })
    await machine.sh('/srv/image/usr/local/lib/wattribute/bin/uninstall.sh --root=/srv/image --purge')
    expect(await machine.sh('find /srv/image -not -type d')).toBe('')
  })

  test('installs, starts and serves, as a user without a single right', async () => {
    await machine.sh(INSTALL)
    await machine.until(`${PAGE}/metrics`, /^wattribute_domain_power_watts\{/m)
    expect(imbalancesOfPage(`${await machine.sh(`${PAGE}/metrics`)}\n`)).toEqual([])
    expect(await machine.sh('systemctl is-enabled wattribute')).toBe('enabled')
    const uid = await machine.sh('id -u wattribute')
    expect(await status('Uid')).toBe(uid)
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(`${set} ${await status(set)}`).toBe(`${set} 0000000000000000`)
    }
    expect(await status('NoNewPrivs')).toBe('1')
    expect(await status('Seccomp')).toBe('2')
    const modes =
      'stat -c "%n %a %U %G" /etc/wattribute /etc/wattribute/config.yaml /var/lib/wattribute /run/wattribute'
    expect((await machine.sh(modes)).split('\n')).toEqual([
      '/etc/wattribute 750 root wattribute',
      '/etc/wattribute/config.yaml 640 root wattribute',
      '/var/lib/wattribute 750 wattribute wattribute',
      '/run/wattribute 755 wattribute wattribute',
    ])
  })

  test('verifies, and exposes as little as is recorded', async () => {
    for (const [unit, exposure] of Object.entries(EXPOSURE)) {
      const file = `${UNITS}/${unit}`
      expect(
        await machine.run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', file),
      ).toEqual({ status: 0, text: '' })
      const threshold = `--threshold=${exposure * 10}`
      const judged = await machine.run('systemd-analyze', 'security', '--offline=true', threshold, file)
      expect(judged.text).toContain(`Overall exposure level for ${unit.replace('@', '@i')}: ${exposure} OK`)
      expect(judged.status).toBe(0)
    }
  })

  test('everybody may mark, and the folder of the socket outlives a restart', async () => {
    const folderOf = (): Promise<string> => machine.sh('stat -c %i /run/wattribute')
    const before = await folderOf()
    const mark = `setpriv --reuid=65534 --clear-groups ${NODE} -e '
      const socket = require("net").connect("/run/wattribute/marks.sock", () => socket.write("phase=eval\\nsync\\n"))
      socket.on("data", (bytes) => { process.stdout.write(bytes); process.exit() })'`
    expect(await machine.sh(mark)).toBe('ok')
    await machine.sh('systemctl stop wattribute')
    await start()
    expect(await folderOf()).toBe(before)
  })

  test('counters of root’s alone are read once the rule has given them to the group', async () => {
    await machine.sh(`mkdir -p ${ZONE} /srv/sys/fs && ln -s /sys/fs/cgroup /srv/sys/fs/cgroup && cd ${ZONE}
      echo package-0 >name; echo 262143328850 >max_energy_range_uj; echo 5000000 >energy_uj; chmod 400 energy_uj
      echo WATTRIBUTE_PATH_SYSFS=/srv/sys >>/etc/wattribute/environment`)
    await machine.sh('systemctl restart wattribute')
    expect(await machine.until(`${PAGE}/api/v1/sensors`, sensor('failed'))).toContain('energy_uj: EACCES')
    for (const command of await commandsOfRule(machine)) await machine.sh(command)
    expect(await machine.sh(`stat -c '%a %U %G' ${ZONE}/energy_uj`)).toBe('440 root wattribute')
    await machine.until(`${PAGE}/api/v1/sensors`, sensor('warming-up'))
    await machine.sh(`echo 10000000 >${ZONE}/energy_uj`)
    await machine.until(`${PAGE}/api/v1/sensors`, sensor('readings'))
    expect(await machine.sh(`${PAGE}/metrics`)).toMatch(
      /^wattribute_domain_energy_joules_total\{domain="package-0",component="cpu",within="",leaf="true",method="counter"\}/m,
    )
  })

  test('sees the inference server of another user only with the processes of others', async () => {
    await machine.sh(`echo 'import("/shared/vllm-shaped.mjs")' >/srv/vllm
      systemd-run --quiet --unit=inference -p User=nobody bash -c \
      'exec -a python3 ${NODE} /srv/vllm serve Qwen/Qwen3-8B --port 8000'`)
    const found = /"url":"http:\/\/127\.0\.0\.1:8000/
    await machine.sh(
      `printf 'queries:\\n  period_seconds: 1\\n' >>/etc/wattribute/config.yaml && systemctl reload wattribute`,
    )
    const query = 'busybox wget -q -O /dev/null --post-data= http://localhost:8000/v1/completions'
    await machine.until(
      `${query}; ${PAGE}/metrics`,
      /workload="inference.service"[^}]*model="Qwen\/Qwen3-8B"/,
      90,
    )
    await machine.sh(`sleep 3; ${query}`)
    expect(await machine.sh(`${PAGE}/api/v1/queries`)).not.toMatch(found)
    await machine.sh(`${INSTALL} --with=processes`)
    expect(await status('CapEff')).toBe('0000000000080004') // CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE
    await machine.until(`${query}; ${PAGE}/api/v1/queries`, found, 60)
    await machine.sh('systemctl stop inference')
  })

  test('a reload takes a good file over, and tells of a bad one', async () => {
    await machine.sh('echo "zone: hall-2" >>/etc/wattribute/config.yaml && systemctl reload wattribute')
    await machine.until(`${PAGE}/metrics`, /^wattribute_node_info\{zone="hall-2"/m)
    await machine.sh(
      'cp /etc/wattribute/config.yaml /root/good; echo "zoen: hall-3" >>/etc/wattribute/config.yaml',
    )
    expect(await machine.run('systemctl', 'reload', 'wattribute')).toMatchObject({ status: 1 })
    expect(await machine.sh('journalctl -u wattribute -o cat')).toMatch(/zoen.*zone/)
    expect(await machine.sh(`${PAGE}/metrics`)).toMatch(/^wattribute_node_info\{zone="hall-2"/m)
  })

  test('is started anew when it is killed, and not when it is set up wrongly', async () => {
    const restarts = (): Promise<string> => machine.sh('systemctl show --value -p NRestarts wattribute')
    expect((await machine.run('systemctl', 'restart', 'wattribute')).status).toBe(0)
    await machine.until('systemctl is-failed wattribute', /^failed$/m)
    expect(await restarts()).toBe('0')
    expect(await machine.sh('systemctl show --value -p ExecMainStatus wattribute')).toBe('2')
    await machine.sh('cat /root/good >/etc/wattribute/config.yaml')
    await start()
    await machine.sh('kill -KILL $(systemctl show --value -p MainPID wattribute)')
    await machine.until('systemctl show --value -p NRestarts wattribute', /^1$/m)
    await machine.until(`${PAGE}/metrics`, /^wattribute_domain_power_watts\{/m)
  })

  test('an upgrade in place keeps settings, rights and books', async () => {
    const total = async (): Promise<number> =>
      Number(
        /^wattribute_domain_energy_joules_total\{domain="package-0",.* (\S+)$/m.exec(
          await machine.until(`${PAGE}/metrics`, /domain="package-0"/),
        )?.[1],
      )
    await machine.sh(`echo 110000000 >${ZONE}/energy_uj`)
    await machine.until(
      `${PAGE}/metrics`,
      /^wattribute_domain_energy_joules_total\{domain="package-0",.* 105\.0+$/m,
    )
    await machine.sh('touch /usr/local/lib/wattribute/lib/left-over')
    const settings = await machine.sh('cat /etc/wattribute/*')
    await machine.sh(INSTALL)
    expect(await machine.sh('cat /etc/wattribute/*')).toBe(settings)
    expect(await machine.sh('ls /usr/local/lib/wattribute/lib')).not.toContain('left-over')
    expect(await machine.sh('ls -d /usr/local/lib/wattribute*')).toBe('/usr/local/lib/wattribute')
    expect(await status('CapEff')).toBe('0000000000080004')
    expect(await total()).toBe(105)
    await machine.sh(`${INSTALL} --with=`)
    expect(await status('CapEff')).toBe('0000000000000000')
  })

  test('the proxy runs as a unit of its own', async () => {
    await machine.sh(`cat >/etc/wattribute/proxy-chat.environment <<'END'
WATTRIBUTE_TARGET=http://127.0.0.1:8000
WATTRIBUTE_WORKLOAD=chat
WATTRIBUTE_WEB_LISTEN_ADDRESS=127.0.0.1:10452
END
      systemctl start wattribute-proxy@chat`)
    await machine.until('busybox wget -q -O - http://127.0.0.1:10452/metrics', /^wattribute_build_info/m)
    expect(await machine.sh('busybox wget -q -O - http://127.0.0.1:11435/ 2>&1 || true')).toContain('502')
  })

  test('ends cleanly, and an uninstall leaves settings and books until they are purged', async () => {
    await machine.sh('systemctl stop wattribute')
    expect(await machine.sh('systemctl show --value -p Result wattribute')).toBe('success')
    await machine.sh('systemctl start wattribute')
    const uninstall = '/usr/local/lib/wattribute/bin/uninstall.sh'
    await machine.sh(`cp ${uninstall} /root/ && ${uninstall}`)
    expect(await machine.sh('systemctl list-units --all --plain --no-legend "wattribute*"')).toBe('')
    for (const place of ['/etc/wattribute/config.yaml', '/var/lib/wattribute/lock'])
      await machine.sh(`test -e ${place}`)
    expect(
      await machine.sh(
        `ls /usr/local/bin /usr/local/lib ${UNITS} /etc/udev/rules.d /etc/tmpfiles.d /etc/systemd/system`,
      ),
    ).not.toContain('wattribute')
    await machine.sh('/root/uninstall.sh --purge')
    for (const place of ['/etc/wattribute', '/var/lib/wattribute', '/run/wattribute']) {
      expect(await machine.run('test', '-e', place)).toMatchObject({ status: 1 })
    }
    expect(await machine.run('getent', 'passwd', 'wattribute')).toMatchObject({ status: 2 })
  })
})

/** What udev would run for a RAPL zone, as it says itself about a device that is here, with the zone put in its place. */
async function commandsOfRule(machine: SystemdMachine): Promise<readonly string[]> {
  const device = '/devices/virtual/mem/null'
  await machine.sh(`sed -e 's/SUBSYSTEM=="powercap"/SUBSYSTEM=="mem", KERNEL=="null"/' -e 's/energy_uj/dev/g' \
    /etc/udev/rules.d/60-wattribute-rapl.rules >/run/rule; rm /etc/udev/rules.d/60-wattribute-rapl.rules
    mkdir -p /run/udev/rules.d; cp /run/rule /run/udev/rules.d/60-wattribute-rapl.rules`)
  const said = await machine.sh(`udevadm test --action=add ${device} 2>&1`)
  const commands = Array.from(
    said.matchAll(/^run: '(\/bin\/ch(?:grp|mod) .*)'$/gm),
    ([, command = '']) => command,
  )
  expect(commands).toEqual([`/bin/chgrp wattribute /sys${device}/dev`, `/bin/chmod g+r /sys${device}/dev`])
  return commands.map((command) => command.replace(`/sys${device}/dev`, `${ZONE}/energy_uj`))
}

/** Names of the packages in a folder, those inside others as well. */
function packagesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const path = join(folder, name)
      if (name.startsWith('@')) return packagesIn(path).map((inner) => `${name}/${inner}`)
      const within = readdirSync(path).includes('node_modules') ? packagesIn(join(path, 'node_modules')) : []
      return [name, ...within]
    })
}

/** Where services look for it. */
const SYSTEM_NODE =
  ['/usr/local/bin/node', '/usr/bin/node'].find((path) => existsSync(path)) ?? '/usr/bin/node'

requireProgram(SYSTEM_NODE, 'a clone', () => {
  test('installs itself as well, with the Node of the system', () => {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-clone-'))
    try {
      const install = join(ROOT, 'deploy/systemd/install.sh')
      const { status, stdout, stderr } = spawnSync('bash', [install, `--root=${folder}`], {
        encoding: 'utf8',
      })
      expect([status, stderr]).toEqual([0, ''])
      expect(stdout).toContain(`put wattribute ${VERSION} into ${folder}/usr/local/lib/wattribute`)
      const program = join(folder, 'usr/local/bin/wattribute')
      expect(execFileSync(program, ['--version'], { encoding: 'utf8' })).toBe(`wattribute ${VERSION}\n`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
