/** Certificates for tests, made by openssl in a folder of their own. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Pair {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: Buffer
  readonly key: Buffer
}

const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { stdio: 'pipe' })
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function pair(certFile: string, keyFile: string): Pair {
  return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) }
}

/** Signs itself: a server's certificate that a client can trust by name, or an authority. */
export function selfSigned(folder: string, name: string): Pair {
  const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)]
  openssl(
    'req',
    '-x509',
    ...KEY,
    '-keyout',
    keyFile,
    '-out',
    certFile,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
  )
  return pair(certFile, keyFile)
}

/** @param names in the form of openssl, such as `DNS:localhost`; without them the name alone counts */
export function signedBy(authority: Pair, folder: string, name: string, names: readonly string[] = []): Pair {
  const alternatives = names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join()}`]
  const [certFile, keyFile, request] = [
    join(folder, `${name}.crt`),
    join(folder, `${name}.key`),
    join(folder, `${name}.csr`),
  ]
  openssl('req', '-new', ...KEY, '-keyout', keyFile, '-out', request, '-subj', `/CN=${name}`, ...alternatives)
  openssl(
    'x509',
    '-req',
    '-in',
    request,
    '-CA',
    authority.certFile,
    '-CAkey',
    authority.keyFile,
    '-CAcreateserial',
    '-copy_extensions',
    'copy',
    '-out',
    certFile,
    '-days',
    '2',
  )
  return pair(certFile, keyFile)
}
