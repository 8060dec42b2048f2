import type { KeyState } from '@vitrine/contract'
import { ApiError } from '../api-error.ts'
import type { KeysTable } from '../database/key-tables.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { knownKey } from './adopt.ts'
import { keyOf, wasRevoked } from './grants.ts'
import { KeyError, type KeyManager } from './port.ts'
import { checkEnabled, proveKey, recorded } from './use.ts'

/**
 * Whether projects can use the keys of images, for everyone who shows it: lists, shares, the check whether an image boots.
 * Found out by using the key each time, never by believing what was written down about it.
 */

/** What it takes to find out. */
export type KeyParts = Pick<Service, 'database' | 'keyManager' | 'keyLocks' | 'keyRepeats' | 'presence' | 'now'> & {
  readonly log: Pick<Service['log'], 'error'>
}

/** What the answer depends on, of an image. */
export type KeyedImage = Pick<ImagesTable, 'id' | 'owner' | 'encryption' | 'key_id'>

export interface KeyQuestion {
  readonly image: KeyedImage
  readonly projectId: string
}

/**
 * Why it is so, where the project cannot use the key or nobody knows: it was not let, or not any more; nobody else ever is; the
 * key is disabled; it is none that the manager knows; it is damaged; the manager does not answer; there is none.
 */
export type KeyTrouble =
  | 'not_granted'
  | 'never_granted'
  | 'disabled'
  | 'unknown_key'
  | 'damaged'
  | 'no_answer'
  | 'no_manager'

export interface KeyFinding {
  readonly state: KeyState
  /** Null unless something is wrong. */
  readonly trouble: KeyTrouble | null
}

export interface KeyInquiry {
  /** Who asks, where the key is used on its word: then it is written into the log of the key. */
  readonly cause?: Cause
  /** How long all answers together may take (milliseconds). */
  readonly limitMs?: number
}

/** Questions that the manager is asked at once. */
const atOnce = 8
/** A manager that is away must not hold up a list. */
const pageLimitMs = 3000

/** Where no key is needed. */
export const noKey: KeyFinding = { state: 'not_needed', trouble: null }
const granted: KeyFinding = { state: 'granted', trouble: null }
const noAnswer: KeyFinding = { state: 'unknown', trouble: 'no_answer' }

const prove = (
  service: KeyParts,
  manager: KeyManager,
  key: KeysTable,
  { image, projectId }: KeyQuestion,
  cause: Cause | undefined,
): Promise<void> => {
  const work = () => proveKey(service, manager, key, image, { projectId, token: null })
  if (cause === undefined) return work()
  const use = {
    type: 'key.prove',
    key: keyOf(key),
    version: key.version,
    imageId: image.id,
    granteeId: projectId,
  } as const
  return recorded(service, cause, use, work)
}

/** @throws what is no answer of the key manager */
const failed = (service: KeyParts, error: unknown, { image }: KeyQuestion): KeyFinding => {
  if (error instanceof ApiError) {
    if (error.code === 'key_disabled') return { state: 'revoked', trouble: 'disabled' }
    if (error.code === 'key_unknown' || error.code === 'key_unnamed')
      return { state: 'missing', trouble: 'unknown_key' }
  }
  if (!(error instanceof KeyError)) throw error
  switch (error.reason) {
    case 'unavailable':
      return noAnswer
    case 'damaged':
      service.log.error({ err: error, image: image.id, key: image.key_id }, 'the key of an image cannot be opened')
      return { state: 'missing', trouble: 'damaged' }
    case 'missing':
    case 'refused':
      return { state: 'missing', trouble: 'unknown_key' }
  }
}

const ask = async (
  service: KeyParts,
  manager: KeyManager,
  question: KeyQuestion,
  cause: Cause | undefined,
): Promise<KeyFinding> => {
  try {
    const key = await knownKey(service, manager, question.image)
    checkEnabled(key)
    try {
      await prove(service, manager, key, question, cause)
      return granted
    } catch (error) {
      if (!(error instanceof KeyError) || error.reason !== 'refused') throw error
    }
    const state = (await wasRevoked(service, keyOf(key), question.projectId)) ? 'revoked' : 'missing'
    return { state, trouble: key.grantable === 0 ? 'never_granted' : 'not_granted' }
  } catch (error) {
    return failed(service, error, question)
  }
}

/** Whether it takes the manager to answer. */
const isAsked = ({ image }: KeyQuestion): boolean => image.encryption !== null

/** Questions with the same answer. Each sealed image is opened for itself; where a client encrypted, only its key counts. */
const sameness = ({ image, projectId }: KeyQuestion): string =>
  JSON.stringify([projectId, image.owner, image.key_id, image.encryption === 'sealed' ? image.id : null])

const timer = (ms: number): { readonly over: Promise<void>; readonly clear: () => void } => {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const timeout = setTimeout(resolve, ms)
  return { over, clear: () => clearTimeout(timeout) }
}

/** Asks until all is answered, the manager turns out to be away, or the time is over. */
const askAll = async (
  service: KeyParts,
  manager: KeyManager,
  distinct: ReadonlyMap<string, KeyQuestion>,
  { cause, limitMs = pageLimitMs }: KeyInquiry,
): Promise<ReadonlyMap<string, KeyFinding>> => {
  const found = new Map<string, KeyFinding>()
  const left = [...distinct]
  let isOver = false
  const askOn = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && !isOver; next = left.shift()) {
      const [name, question] = next
      const finding = await ask(service, manager, question, cause)
      found.set(name, finding)
      if (finding.trouble === 'no_answer') isOver = true
    }
  }
  const { over, clear } = timer(limitMs)
  try {
    await Promise.race([Promise.all(Array.from({ length: atOnce }, askOn)), over])
  } finally {
    isOver = true
    clear()
  }
  return found
}

/**
 * What is to be said of each project and the key of each image, in the order of the questions. Plain images cost nothing.
 * @throws what is no answer of the key manager, such as an outage of the database
 */
export const keyFindingsOf = async (
  service: KeyParts,
  questions: readonly KeyQuestion[],
  inquiry: KeyInquiry = {},
): Promise<KeyFinding[]> => {
  const { keyManager: manager } = service
  const asked = questions.filter(isAsked)
  if (asked.length === 0) return questions.map(() => noKey)
  if (manager === undefined) {
    // Nobody is asked about the keys of others; but what the service itself sealed, it cannot open now.
    return questions.map(({ image }) =>
      image.encryption === 'sealed' ? { state: 'unknown', trouble: 'no_manager' } : noKey,
    )
  }
  const distinct = new Map(asked.map((question) => [sameness(question), question]))
  const found = await askAll(service, manager, distinct, inquiry)
  return questions.map((question) => (isAsked(question) ? (found.get(sameness(question)) ?? noAnswer) : noKey))
}

/** The same of one. */
export const keyFindingOf = async (
  service: KeyParts,
  question: KeyQuestion,
  inquiry: KeyInquiry = {},
): Promise<KeyFinding> => (await keyFindingsOf(service, [question], inquiry))[0] ?? noAnswer

/** Only the state of each. */
export const keyStatesOf = async (service: KeyParts, questions: readonly KeyQuestion[]): Promise<KeyState[]> =>
  (await keyFindingsOf(service, questions)).map(({ state }) => state)
