/** What is used of the package net-snmp: https://github.com/markabrahams/node-net-snmp. */
declare module 'net-snmp' {
  import type { Socket } from 'node:dgram'

  export interface Varbind {
    readonly oid: string
    readonly type: number
    readonly value: number | string | boolean | Buffer | null | undefined
  }

  /** Its message may hold the community. */
  export interface SnmpError extends Error {
    readonly code?: number | string
    readonly status?: number
  }

  export interface SessionOptions {
    readonly version: number
    readonly port: number
    readonly transport: 'udp4' | 'udp6'
    /** Milliseconds until a question is repeated. */
    readonly timeout: number
    readonly retries: number
    readonly reportOidMismatchErrors: boolean
    readonly context?: string
    readonly dgramModule: { createSocket(type: 'udp4' | 'udp6'): Socket }
  }

  export interface User {
    readonly name: string
    readonly level: number
    readonly authProtocol?: string
    readonly authKey?: string
    readonly privProtocol?: string
    readonly privKey?: string
  }

  export interface Session {
    on(event: 'error', listener: (error: Error) => void): this
    get(oids: readonly string[], done: (error: SnmpError | null, found?: readonly Varbind[]) => void): void
    getBulk(
      oids: readonly string[],
      nonRepeaters: number,
      maxRepetitions: number,
      done: (error: SnmpError | null, found?: readonly (readonly Varbind[])[]) => void,
    ): void
    close(): void
  }

  const snmp: {
    createSession(host: string, community: string, options: SessionOptions): Session
    createV3Session(host: string, user: User, options: SessionOptions): Session
    readonly Version2c: number
    readonly Version3: number
    readonly SecurityLevel: {
      readonly authPriv: number
      readonly authNoPriv: number
      readonly noAuthNoPriv: number
    }
    /** The numbers of protocols, as text. */
    readonly AuthProtocols: Readonly<Record<string, string>>
    readonly PrivProtocols: Readonly<Record<string, string>>
    readonly ResponseInvalidCode: Readonly<Record<string, number>>
  }
  export default snmp
}
