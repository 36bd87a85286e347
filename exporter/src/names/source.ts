/** The contract of those who know containers by name. One file per kind of daemon. */
import type { ContainerFindings, Identity } from '../model.ts'

/** A daemon that has not answered after so long costs the name, nothing else. */
export const SILENCE_MILLISECONDS = 2000

/** A daemon that could not be asked, or whose answer is none. The message never holds what it answered. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

export interface Answer {
  readonly container: ContainerFindings
  /** Nothing is expected that a later answer might add. */
  readonly isWhole: boolean
}

export interface ContainerSource {
  /** @returns the socket or address where those who live there are known; undefined where there is none */
  addressFor(identity: Identity): string | undefined
  /**
   * @param id of the container, or of one that it runs in
   * @returns undefined when it is not known there
   * @throws NoAnswer
   */
  find(id: string, identity: Identity): Promise<Answer | undefined>
}

/** Ids as Docker, Podman, containerd and CRI-O make them. */
export const isRuntimeId = (id: string): boolean => /^[0-9a-f]{64}$/.test(id)
