/** A Compose file as its users start it: with the defaults of its variables, or with values of the test's. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'

export interface Service {
  readonly image?: string
  readonly build?: {
    readonly context: string
    readonly dockerfile: string
    readonly args?: Record<string, string>
  }
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly profiles?: readonly string[]
  readonly ports?: readonly string[]
  readonly [key: string]: unknown
}

export interface Mount {
  /** A path of the machine, or the name of a volume. */
  readonly source: string
  readonly target: string
}

export class ComposeFile {
  readonly folder: string
  readonly services: Readonly<Record<string, Service>>

  constructor(path: string, variables: Readonly<Record<string, string>> = {}) {
    this.folder = dirname(path)
    const text = readFileSync(path, 'utf8').replace(
      /\$\{(\w+):-([^}]*)\}/g,
      (_, name: string, fallback: string) => variables[name] ?? fallback,
    )
    const { services } = parse(text, { merge: true }) as { services: Record<string, Service> }
    this.services = services
  }

  service(name: string): Service {
    const service = this.services[name]
    if (service === undefined) throw new Error(`no service ${name}`)
    return service
  }

  /** Paths beside the file become absolute. */
  mountsOf(name: string): readonly Mount[] {
    return (this.service(name).volumes ?? []).map((volume) => {
      const [source = '', target = ''] = volume.split(':')
      return { source: source.startsWith('.') ? resolve(this.folder, source) : source, target }
    })
  }
}
