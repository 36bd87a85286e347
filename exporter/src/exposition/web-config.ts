/**
 * The file of `--web.config.file`: TLS, response headers and basic authentication, in the format that Prometheus
 * exporters share (https://prometheus.io/docs/prometheus/latest/configuration/https/). It is read once at the start;
 * the certificate files that it names are read again whenever they change.
 */
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { readStrictYaml } from '../config/strict-yaml.ts'

const CLIENT_AUTH_TYPES = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'RequireClientCert', // an older name of RequireAnyClientCert
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const
export type ClientAuthType = (typeof CLIENT_AUTH_TYPES)[number]

/** Oldest first. */
export const TLS_VERSIONS = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const
export type TlsVersion = (typeof TLS_VERSIONS)[number]

/** The format's names, and OpenSSL's. The suites of TLS 1.3 are always offered, as by the other exporters. */
export const CIPHER_SUITES = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
} as const
export type CipherSuite = keyof typeof CIPHER_SUITES

const cipherSuite = z.enum(Object.keys(CIPHER_SUITES) as [CipherSuite, ...CipherSuite[]])

const file = z.string().min(1)

const tlsSchema = z
  .strictObject({
    cert_file: file,
    key_file: file,
    client_auth_type: z.enum(CLIENT_AUTH_TYPES).default('NoClientCert'),
    client_ca_file: file.optional(),
    min_version: z.enum(TLS_VERSIONS).default('TLS12'),
    max_version: z.enum(TLS_VERSIONS).default('TLS13'),
    cipher_suites: z.array(cipherSuite).default([]),
    prefer_server_cipher_suites: z.boolean().optional(),
  })
  .refine((tls) => tls.client_ca_file === undefined || tls.client_auth_type !== 'NoClientCert', {
    path: ['client_ca_file'],
    error: 'needs a `client_auth_type` that asks for certificates',
  })
  .refine((tls) => TLS_VERSIONS.indexOf(tls.min_version) <= TLS_VERSIONS.indexOf(tls.max_version), {
    path: ['max_version'],
    error: 'must not be below `min_version`',
  })

/** What a header may hold: no line end, nothing beyond Latin-1. */
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must fit on one line')

const headersSchema = z.strictObject({
  'Content-Security-Policy': headerValue.optional(),
  'Strict-Transport-Security': headerValue.optional(),
  'X-Content-Type-Options': headerValue.optional(),
  'X-Frame-Options': headerValue.optional(),
  'X-XSS-Protection': headerValue.optional(),
})

const bcryptHash = z
  .string()
  .regex(/^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/, 'must be a bcrypt hash')

const webConfigSchema = z.strictObject({
  tls_server_config: tlsSchema.optional(),
  http_server_config: z
    .strictObject({ http2: z.boolean().optional(), headers: headersSchema.prefault({}) })
    .prefault({}),
  basic_auth_users: z.record(z.string(), bcryptHash).default({}),
})

/** Paths are absolute. */
export interface TlsSettings {
  readonly certFile: string
  readonly keyFile: string
  readonly clientAuthType: ClientAuthType
  /** Absent: the authorities that Node comes with. */
  readonly clientCaFile: string | undefined
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** Empty: Node's own choice. */
  readonly cipherSuites: readonly CipherSuite[]
}

export interface WebConfig {
  readonly tls: TlsSettings | undefined
  /** On every response; empty ones are left out. */
  readonly headers: ReadonlyMap<string, string>
  /** The bcrypt hash of each user's password. Without users everybody may read. */
  readonly users: ReadonlyMap<string, string>
  /** Sentences about settings that are accepted and have no effect. */
  readonly notes: readonly string[]
}

/** Plain HTTP, open to all: what is served without a web configuration. */
export const openWebConfig: WebConfig = { tls: undefined, headers: new Map(), users: new Map(), notes: [] }

/**
 * @throws ConfigError which lists all that is wrong with the file, without a hash. Certificates are looked at when the
 * server is made.
 */
export function loadWebConfig(path: string | undefined): WebConfig {
  if (path === undefined) return openWebConfig
  const content = readStrictYaml(path, webConfigSchema)
  const { tls_server_config: tls, http_server_config: http, basic_auth_users: users } = content
  return {
    tls: tls && tlsSettingsOf(tls, dirname(resolve(path))),
    headers: new Map(Object.entries(http.headers).filter(isSet)),
    users: new Map(Object.entries(users)),
    notes: notesOf(content),
  }
}

const isSet = (header: [string, string | undefined]): header is [string, string] =>
  header[1] !== undefined && header[1] !== ''

const tlsSettingsOf = (tls: z.output<typeof tlsSchema>, folder: string): TlsSettings => ({
  certFile: resolve(folder, tls.cert_file),
  keyFile: resolve(folder, tls.key_file),
  clientAuthType: tls.client_auth_type,
  clientCaFile: tls.client_ca_file === undefined ? undefined : resolve(folder, tls.client_ca_file),
  minVersion: tls.min_version,
  maxVersion: tls.max_version,
  cipherSuites: tls.cipher_suites,
})

function notesOf({
  tls_server_config: tls,
  http_server_config: http,
}: z.output<typeof webConfigSchema>): string[] {
  return [
    ...(tls?.prefer_server_cipher_suites === undefined
      ? []
      : ['prefer_server_cipher_suites has no effect: the cipher suites on offer are all good ones']),
    ...(http.http2 === true ? ['http2 has no effect: HTTP/1.1 is served'] : []),
  ]
}
