/** All proxies of a configuration: those that stay as they are go on when it is read again. */
import { CountingProxy, ProxyError, type ProxyOptions, type ProxySettings } from './proxy.ts'

export class Proxies {
  readonly #options: Pick<ProxyOptions, 'ledger' | 'log'>
  /** By their settings. */
  #running = new Map<string, CountingProxy>()

  constructor(options: Pick<ProxyOptions, 'ledger' | 'log'>) {
    this.#options = options
  }

  /**
   * Those that are not wanted any more end, new ones begin. One that cannot listen leaves the others alone.
   * @returns what could not listen
   */
  async apply(wanted: readonly ProxySettings[]): Promise<readonly ProxyError[]> {
    const before = this.#running
    const keys = wanted.map(keyOf)
    this.#running = new Map(Array.from(before).filter(([key]) => keys.includes(key)))
    await Promise.all(
      Array.from(before, async ([key, proxy]) => {
        if (!keys.includes(key)) await proxy.close()
      }),
    )
    const problems: ProxyError[] = []
    for (const settings of wanted) {
      if (this.#running.has(keyOf(settings))) continue
      const proxy = new CountingProxy({ settings, ...this.#options })
      try {
        await proxy.listen()
        this.#running.set(keyOf(settings), proxy)
      } catch (cause) {
        if (!(cause instanceof ProxyError)) throw cause
        problems.push(cause)
      }
    }
    return problems
  }

  async close(): Promise<void> {
    const all = Array.from(this.#running.values())
    this.#running = new Map()
    await Promise.all(all.map((proxy) => proxy.close()))
    this.#options.ledger.flush()
  }
}

const keyOf = ({ listen, target }: ProxySettings): string => `${listen} ${target}`
