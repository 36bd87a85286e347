/**
 * What stands in for `node:24-slim` where no registry can be reached: the Node and npm that run the tests, a shell and
 * the few programs that the Dockerfile uses, with their libraries, of this machine.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from '../names/real-runtime.ts'

const PROGRAMS = ['sh', 'env', 'mkdir', 'ln', 'find', 'chmod', 'cp', 'rm']
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
const FOLDERS = ['bin', 'etc/ssl/certs', 'root', 'run', 'tmp', 'usr/bin', 'usr/local/bin', 'usr/local/lib']

/** What npm needs to know to find packages as it does outside. */
export const BUILD_ENVIRONMENT = [
  `NPM_CONFIG_REGISTRY=${npmConfig('registry')}`,
  ...(existsSync(CERTIFICATES) ? [`NODE_EXTRA_CA_CERTS=${CERTIFICATES}`] : []),
]

/** @param folder empty; becomes the root of the image */
export function makeBase(folder: string): void {
  for (const name of FOLDERS) mkdirSync(join(folder, name), { recursive: true })
  const programs = PROGRAMS.map((name) => [
    realpathSync(output('sh', '-c', `command -v ${name}`)),
    `bin/${name}`,
  ])
  const node: string[][] = [[realpathSync(process.execPath), 'usr/local/bin/node']]
  for (const [from = '', to = ''] of [...programs, ...node]) {
    copyFileSync(from, join(folder, to))
    for (const library of librariesOf(from)) copyLibrary(library, folder)
  }
  symlinkSync('/bin/env', join(folder, 'usr/bin/env'))
  cpSync(npmFolder(), join(folder, 'usr/local/lib/npm'), { recursive: true })
  symlinkSync('../lib/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm'))
  if (existsSync(CERTIFICATES)) copyFileSync(CERTIFICATES, join(folder, CERTIFICATES))
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n')
}

function output(program: string, ...words: readonly string[]): string {
  return run(program, words).toString().trim()
}

const librariesOf = (program: string): readonly string[] =>
  output('ldd', program).match(/(?<=^\s*|=> )\/\S+/gm) ?? []

function copyLibrary(library: string, folder: string): void {
  const to = join(folder, library)
  if (existsSync(to)) return
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(library, to)
}

const npmFolder = (): string => dirname(dirname(realpathSync(output('sh', '-c', 'command -v npm'))))

/** Where packages are that were fetched before. */
export function npmCache(): string {
  const folder = npmConfig('cache')
  mkdirSync(folder, { recursive: true })
  return folder
}

function npmConfig(key: string): string {
  return output('npm', 'config', 'get', key)
}
