/** A real snmpd that answers as the devices of a test would, through its pass_persist. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually, freePort, start, temporaryFolder, type Started } from './started.ts'

export type Objects = Readonly<
  Record<
    string,
    readonly [type: 'integer' | 'gauge' | 'counter' | 'string' | 'counter64', value: string | number]
  >
>

const BRANCHES = ['1.3.6.1.4.1.318', '1.3.6.1.4.1.13742.6', '1.3.6.1.2.1.33', '1.3.6.1.2.1.99']

export class SnmpAgent {
  readonly folder = temporaryFolder()
  port = 0
  #snmpd: Started | undefined

  async start(ask: () => Promise<unknown>): Promise<void> {
    const { path } = this.folder
    this.port ||= await freePort('udp')
    const script = fileURLToPath(new URL('./pass-persist.mjs', import.meta.url))
    const device = join(path, 'device.txt')
    writeFileSync(
      join(path, 'snmpd.conf'),
      [
        `agentaddress udp:127.0.0.1:${this.port}`,
        'rocommunity open 127.0.0.1',
        'createUser mon SHA authpass123 AES privpass123',
        'rouser mon priv',
        ...BRANCHES.map((branch) => `pass_persist .${branch} ${process.execPath} ${script} ${device}`),
        '',
      ].join('\n'),
    )
    const words = ['-f', '-Lo', '-C', '-c', join(path, 'snmpd.conf'), '-p', join(path, 'snmpd.pid')]
    const snmpd = start(
      'snmpd',
      [...words, '-u', 'root', '-g', 'root', '-I', '-smux,mteTrigger,mteTriggerConf'],
      {
        SNMP_PERSISTENT_DIR: path,
      },
    )
    this.#snmpd = snmpd
    await eventually(ask, snmpd)
  }

  hold(objects: Objects): void {
    const lines = Object.entries(objects).map(([oid, [type, value]]) => `${oid} ${type} ${value}\n`)
    writeFileSync(join(this.folder.path, 'device.txt'), lines.join(''))
  }

  async stop(): Promise<void> {
    await this.#snmpd?.stop('SIGKILL')
  }
}
