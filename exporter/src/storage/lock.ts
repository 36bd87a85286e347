/** One exporter per folder of books: two that write to the same would each lose what the other books. */
import { mkdirSync, openSync, readFileSync, writeSync, ftruncateSync } from 'node:fs'
import { join } from 'node:path'

/** The folder cannot serve as storage; the message is a sentence that says why and what to do. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}

/**
 * Holds the folder until this process ends.
 * @param lockFile undefined where libc cannot be called: nothing is checked then
 * @throws StorageError when another exporter holds it
 */
export function holdFolder(folder: string, lockFile: ((descriptor: number) => boolean) | undefined): void {
  const file = join(folder, 'lock')
  let descriptor: number
  try {
    mkdirSync(folder, { recursive: true })
    descriptor = openSync(file, 'a+')
  } catch {
    return // what cannot be written to needs no lock; the journal says so
  }
  if (lockFile?.(descriptor) === false) {
    const pid = readFileSync(file, 'utf8').trim()
    throw new StorageError(
      `another exporter${pid === '' ? '' : ` (process ${pid})`} keeps its books in ${folder}: give this one a --storage.path of its own, or none with "--storage.path="`,
    )
  }
  try {
    ftruncateSync(descriptor)
    writeSync(descriptor, `${process.pid}\n`)
  } catch {
    // A full disk: the pid is only for people.
  }
}
