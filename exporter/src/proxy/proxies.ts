/** All proxies of a configuration: those that stay as they are go on when it is read again. */
import { CountingProxy, ProxyError, type ProxyOptions, type ProxySettings } from './proxy.ts'

export class Proxies {
  readonly #options: Pick<ProxyOptions, 'ledger' | 'log'>
  /** By their settings. */
  #running = new Map<string, CountingProxy>()
  /** One change at a time: a configuration may be read again while the one before is being taken over. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: Pick<ProxyOptions, 'ledger' | 'log'>) {
    this.#options = options
  }

  /**
   * Those that are not wanted any more end, new ones begin. One that cannot listen leaves the others alone.
   * @returns what could not listen
   */
  apply(wanted: readonly ProxySettings[]): Promise<readonly ProxyError[]> {
    return this.#inTurn(() => this.#apply(wanted))
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#apply([])
      this.#options.ledger.flush()
    })
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(change)
    this.#turn = result.catch(() => undefined)
    return result
  }

  async #apply(wanted: readonly ProxySettings[]): Promise<readonly ProxyError[]> {
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
}

const keyOf = ({ listen, target }: ProxySettings): string => `${listen} ${target}`
