/** Certificates for the server: read from their files, and again when those change. */
import { readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { createSecureContext, type SecureContextOptions, type SecureVersion, type TLSSocket } from 'node:tls'
import { ConfigError, reasonOf } from '../config/strict-yaml.ts'
import type { Log } from '../log.ts'
import { CIPHER_SUITES, type ClientAuthType, type TlsSettings, type TlsVersion } from './web-config.ts'

/** A client that does not finish its handshake is sent away after this. */
const HANDSHAKE_MILLISECONDS = 10_000

/**
 * An HTTPS server without a request handler. The files are looked at on each new connection, so that a renewed
 * certificate serves from the next one on; one that cannot be used is logged once and the previous one goes on.
 * @throws ConfigError when the files cannot be used at the start
 */
export function createTlsServer(settings: TlsSettings, log: Pick<Log, 'info' | 'warn'>): Server {
  const credentials = new Credentials(settings)
  const server = createServer({
    ...credentials.load(),
    ...clientCertificates(settings.clientAuthType),
    handshakeTimeout: HANDSHAKE_MILLISECONDS,
  })
  // before Node's own listener, which starts the handshake with the context of that moment
  server.prependListener('connection', () => {
    renew(server, credentials, log)
  })
  // before the HTTP listener, so that no request of an unwelcome client is read
  server.prependListener('secureConnection', (socket) => {
    if (!isWelcome(socket, settings.clientAuthType)) socket.destroy()
  })
  return server
}

function renew(server: Server, credentials: Credentials, log: Pick<Log, 'info' | 'warn'>): void {
  if (!credentials.haveChanged()) return
  try {
    server.setSecureContext(credentials.load())
    log.info('the certificate was read again')
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    log.warn({ reason: cause.message }, 'the new certificate cannot be used; the previous one goes on')
  }
}

class Credentials {
  readonly #settings: TlsSettings
  #signature = ''

  constructor(settings: TlsSettings) {
    this.#settings = settings
  }

  haveChanged(): boolean {
    return this.#currentSignature() !== this.#signature
  }

  /** @throws ConfigError */
  load(): SecureContextOptions {
    const { certFile, keyFile, clientCaFile, minVersion, maxVersion, cipherSuites } = this.#settings
    this.#signature = this.#currentSignature() // before the files: a change in between is seen next time
    const options: SecureContextOptions = {
      cert: readPem(certFile),
      key: readPem(keyFile),
      ...(clientCaFile !== undefined && { ca: readPem(clientCaFile) }),
      minVersion: SECURE_VERSIONS[minVersion],
      maxVersion: SECURE_VERSIONS[maxVersion],
      ...(cipherSuites.length > 0 && { ciphers: ciphersOf(cipherSuites) }),
    }
    try {
      createSecureContext(options)
    } catch (cause) {
      throw new ConfigError(certFile, [
        `cannot be used together with the key ${keyFile}: ${opensslReason(cause)}`,
      ])
    }
    return options
  }

  #currentSignature(): string {
    const { certFile, keyFile, clientCaFile } = this.#settings
    return [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])]
      .map(signatureOf)
      .join(' ')
  }
}

/** Differs after a file was written, or replaced by another. Cheap enough for each connection. */
function signatureOf(file: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(file, { bigint: true })
    return `${ino}:${size}:${mtimeNs}`
  } catch (cause) {
    return reasonOf(cause)
  }
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new ConfigError(file, [`cannot be read: ${reasonOf(cause)}`])
  }
}

/** OpenSSL names its trouble and never quotes a key. */
const opensslReason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const SECURE_VERSIONS: Record<TlsVersion, SecureVersion> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

/** Without the suites of TLS 1.3 Node would not offer that version at all. */
const ciphersOf = (suites: TlsSettings['cipherSuites']): string =>
  [
    ...new Set([
      CIPHER_SUITES.TLS_AES_128_GCM_SHA256,
      CIPHER_SUITES.TLS_AES_256_GCM_SHA384,
      CIPHER_SUITES.TLS_CHACHA20_POLY1305_SHA256,
      ...suites.map((suite) => CIPHER_SUITES[suite]),
    ]),
  ].join(':')

/** Node refuses only those who fail a check that is always made; the rest is decided by `isWelcome`. */
const clientCertificates = (type: ClientAuthType): { requestCert: boolean; rejectUnauthorized: boolean } => ({
  requestCert: type !== 'NoClientCert',
  rejectUnauthorized: type === 'RequireAndVerifyClientCert',
})

function isWelcome(socket: TLSSocket, type: ClientAuthType): boolean {
  const isGiven = socket.getPeerX509Certificate() !== undefined
  switch (type) {
    case 'NoClientCert':
    case 'RequestClientCert':
      return true
    case 'RequireAnyClientCert':
    case 'RequireClientCert':
      return isGiven
    case 'VerifyClientCertIfGiven':
      return !isGiven || socket.authorized
    case 'RequireAndVerifyClientCert':
      return socket.authorized
  }
}
