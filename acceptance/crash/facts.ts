import { isDeepStrictEqual } from 'node:util'
import type { MemberStatus } from '@vitrine/sdk'

/**
 * Something that requests change, one at a time. While a request is under way, and for good when its answer never came,
 * the change may have happened or not: its value is a doubt.
 */
export interface Fact<T> {
  value: T
  doubts: T[]
  busy: boolean
}

const fact = <T>(value: T): Fact<T> => ({ value, doubts: [], busy: false })

/** How a request ended: acknowledged, certainly without effect, or without an answer. */
export type Outcome = 'done' | 'refused' | 'unknown'

/** Sends a request that gives a fact a new value, and keeps what is known of it. */
export const change = async <T>(subject: Fact<T>, next: T, request: () => Promise<Outcome>): Promise<Outcome> => {
  subject.busy = true
  subject.doubts = [next]
  const outcome = await request()
  if (outcome !== 'unknown') subject.doubts = []
  if (outcome === 'done') subject.value = next
  subject.busy = false
  return outcome
}

/** Values that a fact may have. */
export const candidates = <T>(subject: Fact<T>): T[] => [subject.value, ...subject.doubts]

/** Takes what was found for the truth. @returns whether it is one of the values that the fact may have */
export const settle = <T>(subject: Fact<T>, found: T): boolean => {
  const isPossible = candidates(subject).some((value) => isDeepStrictEqual(value, found))
  subject.value = found
  subject.doubts = []
  return isPossible
}

export type Existence = 'unborn' | 'there' | 'gone'

export type Data =
  | { readonly status: 'queued' }
  | { readonly status: 'active' | 'deactivated'; readonly sizeBytes: number; readonly sha512: string }

export interface Sharing {
  readonly visibility: 'shared' | 'private'
  /** The consumer's membership; it is kept while the image is private. */
  readonly member: MemberStatus | 'none'
}

export interface Naming {
  readonly name: string
  readonly tags: readonly string[]
}

/** An image that was asked for, and all that is known of it. */
export interface TrackedImage {
  readonly id: string
  readonly existence: Fact<Existence>
  readonly data: Fact<Data>
  readonly sharing: Fact<Sharing>
  readonly naming: Fact<Naming>
}

export const trackedImage = (id: string): TrackedImage => ({
  id,
  existence: fact<Existence>('unborn'),
  data: fact<Data>({ status: 'queued' }),
  sharing: fact<Sharing>({ visibility: 'shared', member: 'none' }),
  naming: fact<Naming>({ name: id, tags: [] }),
})

/** Whether the image may be gone under the feet of other requests. */
export const mayBeGone = ({ existence }: TrackedImage): boolean => candidates(existence).includes('gone')
