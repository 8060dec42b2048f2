import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { KeyGrantsTable, KeysTable } from '../database/key-tables.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { isAdopted, knownKey } from './adopt.ts'
import { asKeyAnswer } from './errors.ts'
import { declareIntent, keyOf, makeGrant, settleGrant, withdrawIntent } from './grants.ts'
import { type Key, KeyError, type KeyHolder, type KeyManager } from './port.ts'
import { deleteGrant, findGrant, lockGrant, updateGrant } from './queries.ts'
import { checkEnabled, proveKey, recorded } from './use.ts'

/**
 * Before an encrypted image is shared, the key manager is asked whether the consumer can use its key, and let it if that is
 * wanted. That may take its time, so it comes before the transaction that shares; the transaction then only looks whether what
 * was found out still holds.
 */

/** An image that is about to be shared with a project; the caller has decided that it may be. */
export interface SharePair {
  readonly image: Pick<ImagesTable, 'id' | 'owner' | 'encryption' | 'key_id'>
  readonly memberId: string
  /** `check`: the project must be let already. `grant`: it is let. `pretend`: it would be. */
  readonly grant: 'check' | 'grant' | 'pretend'
  /** On whose word a key is granted. */
  readonly authority: KeyHolder | null
}

/**
 * What is known of one pair: the key that the project can use, or why it may not be shared.
 *
 * `by`: a grant of ours lets it, which then has to stand still. `others`: it is let by other means, while we have granted
 * nothing, or have taken it back (`despite`). `pretence`: nothing lets it, but it would be let.
 */
type Clearance = { readonly keyId: string; readonly by: 'grant' | 'others' | 'despite' | 'pretence' } | ApiError

export interface Clearances {
  readonly of: (imageId: string, memberId: string) => Clearance | undefined
  /** False where there is no key manager: then nobody is asked. */
  readonly areNeeded: boolean
}

const nobodyAsks: Clearances = { of: () => undefined, areNeeded: false }

type GrantState = KeyGrantsTable['state']

/** Since the key manager was asked, the image or the grant has changed: it has to be asked again. */
class KeysChanged extends Error {
  override readonly name = 'KeysChanged'
}

const attemptsMax = 6
/** Grants that are asked for at once; those of one key wait for each other. */
const atOnce = 4
/** What others change is soon changed. */
const pauseMs = 50

/** How long a request waits for a key manager that does not answer; all that share with many ask it often. */
export interface Patience {
  awayMs: number
}
const awayMaxMs = 5000

export const newPatience = (): Patience => ({ awayMs: 0 })

interface Intent {
  readonly id: string
  readonly key: Key
  readonly memberId: string
}

interface Run {
  readonly service: Service
  readonly manager: KeyManager
  readonly cause: Cause
  readonly patience: Patience
  /** To be withdrawn in the end, whatever comes of it. */
  readonly intents: Intent[]
}

const notGranted = (key: KeysTable, project: string) =>
  apiError('key_not_granted', { key: key.id, owner: key.project_id, project })

/**
 * Decides whether a key may be granted on this word. One that was not made here is shown to be open to whoever speaks, too: the
 * service may do more with it than they (without a token that was shown before).
 * @throws ApiError `key_never_granted`, `key_of_other`, `key_not_adopted`, `key_not_held`; KeyError
 */
export const checkGrantable = async (
  service: Pick<Service, 'database'>,
  manager: KeyManager,
  key: KeysTable,
  authority: KeyHolder | null,
): Promise<void> => {
  const { id, project_id: owner } = key
  if (key.grantable === 0) throw apiError('key_never_granted', { key: id })
  if (authority?.projectId !== owner) throw apiError('key_of_other', { key: id, owner })
  if (key.adopted === 0) return
  if (!(await isAdopted(service, id))) throw apiError('key_not_adopted', { key: id })
  if (authority.token === null) return
  try {
    await manager.prove({ ...keyOf(key), version: key.version }, authority)
  } catch (error) {
    throw asKeyAnswer(error, id, () => apiError('key_not_held', { key: id, owner, project: owner }))
  }
}

/**
 * Decides beforehand whether the key of an image may be granted on this word, for what shares it later.
 * @throws ApiError `key_unknown`, `key_unnamed`, `key_disabled` and those of `checkGrantable`
 */
export const checkGrantableLater = async (
  service: Pick<Service, 'database' | 'now' | 'keyManager'>,
  image: SharePair['image'],
  authority: KeyHolder,
): Promise<void> => {
  const { keyManager: manager } = service
  if (image.encryption === null || manager === undefined) return
  try {
    const key = await knownKey(service, manager, image)
    checkEnabled(key)
    await checkGrantable(service, manager, key, authority)
  } catch (error) {
    throw asKeyAnswer(error, image.key_id ?? '', () => apiError('key_manager_unavailable', {}))
  }
}

const prove = (run: Run, key: KeysTable, { image, memberId }: SharePair): Promise<void> => {
  const { service, manager, cause } = run
  const use = {
    type: 'key.prove',
    key: keyOf(key),
    version: key.version,
    imageId: image.id,
    granteeId: memberId,
  } as const
  return recorded(service, cause, use, () =>
    proveKey(service, manager, key, image, { projectId: memberId, token: null }),
  )
}

const intend = async ({ service, intents }: Run, key: Key, memberId: string): Promise<void> => {
  intents.push({ id: await declareIntent(service, key, memberId), key, memberId })
}

const grant = async (run: Run, key: KeysTable, pair: SharePair): Promise<Clearance> => {
  const { service, manager, cause } = run
  const { memberId } = pair
  await intend(run, keyOf(key), memberId)
  await makeGrant(service, manager, cause, keyOf(key), memberId, false)
  await prove(run, key, pair)
  return { keyId: key.id, by: 'grant' }
}

const grantStateOf = async ({ service }: Run, { id }: KeysTable, { memberId }: SharePair) =>
  (await findGrant(service.database.read, { key_id: id, project_id: memberId }))?.state

/**
 * What lets a project that has just used a key: its grant, or if there was none, other means. A grant may have come and gone
 * meanwhile, so that is found out once more while none is taken back.
 * @throws KeyError
 */
const letBy = async (run: Run, key: KeysTable, pair: SharePair, before: GrantState | undefined): Promise<Clearance> => {
  const keyId = key.id
  if (key.project_id === pair.memberId) return { keyId, by: 'others' }
  if (before !== undefined && before !== 'revoked') return { keyId, by: 'grant' }
  await intend(run, keyOf(key), pair.memberId)
  const now = await grantStateOf(run, key, pair)
  await prove(run, key, pair)
  return { keyId, by: now === undefined ? 'others' : now === 'revoked' ? 'despite' : 'grant' }
}

const clear = async (run: Run, pair: SharePair): Promise<Clearance> => {
  const { memberId, authority } = pair
  const key = await knownKey(run.service, run.manager, pair.image)
  checkEnabled(key)
  const before = await grantStateOf(run, key, pair)
  // One that others just begin, or take back, is granted after them.
  const isChanging = before === 'granting' || before === 'revoking'
  if (!isChanging || pair.grant !== 'grant') {
    try {
      await prove(run, key, pair)
      return await letBy(run, key, pair, before)
    } catch (error) {
      if (!(error instanceof KeyError) || error.reason !== 'refused') throw error
    }
  }
  if (key.grantable === 0) throw apiError('key_never_granted', { key: key.id })
  if (pair.grant === 'check') throw notGranted(key, memberId)
  await checkGrantable(run.service, run.manager, key, authority)
  if (pair.grant === 'pretend') return { keyId: key.id, by: 'pretence' }
  return grant(run, key, pair)
}

/** Refusals are for the pair; what is no answer at all, such as an outage of the database, ends everything. */
const clearOrRefuse = async (run: Run, pair: SharePair): Promise<Clearance> => {
  const { image, memberId } = pair
  const { patience } = run
  if (patience.awayMs > awayMaxMs) return apiError('key_manager_unavailable', {})
  const begun = performance.now()
  try {
    return await clear(run, pair)
  } catch (error) {
    if (error instanceof KeyError && error.reason === 'unavailable') patience.awayMs += performance.now() - begun
    const owner = image.owner ?? ''
    const keyId = image.key_id ?? ''
    const answer = asKeyAnswer(error, keyId, () =>
      apiError('key_not_granted', { key: keyId, owner, project: memberId }),
    )
    if (!(answer instanceof ApiError)) throw answer
    if (answer.status >= 500) run.service.log.error({ err: error, reqId: run.cause.requestId }, 'a key cannot be used')
    return answer
  }
}

const pairKey = (imageId: string, memberId: string): string => `${imageId} ${memberId}`

/** Pairs that need one grant come one after the other: what the first has granted lets the next. */
const clearAll = async (run: Run, pairs: readonly SharePair[]): Promise<Clearances> => {
  const found = new Map<string, Clearance>()
  const asked = pairs.filter(({ image }) => image.encryption !== null)
  const left = [...Map.groupBy(asked, ({ image, memberId }) => pairKey(image.key_id ?? '', memberId)).values()]
  const clearOn = async (): Promise<void> => {
    try {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        for (const pair of next) found.set(pairKey(pair.image.id, pair.memberId), await clearOrRefuse(run, pair))
      }
    } catch (error) {
      left.length = 0
      throw error
    }
  }
  // All of them are over when this goes on: what was granted in vain is taken back then.
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, clearOn))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return { of: (imageId, memberId) => found.get(pairKey(imageId, memberId)), areNeeded: true }
}

/** What is not settled here is settled by the worker: a key manager that is away is not waited for once for each. */
const withdrawAll = async ({ service, manager, cause, intents }: Run): Promise<void> => {
  const due: Intent[] = []
  for (const intent of intents) {
    if (await withdrawIntent(service, intent.id, intent.key, intent.memberId)) due.push(intent)
  }
  try {
    for (const { key, memberId } of due) await settleGrant(service, manager, cause, key, memberId)
  } catch (error) {
    service.log.error({ err: error, reqId: cause.requestId }, 'a grant could not be settled; it is tried again')
    service.keyWork.kick()
  }
}

/**
 * Runs work that shares, with what the key manager says about the pairs. What was granted for it and is not needed when it is
 * over is taken back.
 * @param pairsOf reads them and decides that they may be shared; asked again when they have changed meanwhile
 * @param patience for calls that are parts of one request
 * @throws what `pairsOf` and `work` throw
 */
export const withClearances = async <Result>(
  service: Service,
  cause: Cause,
  pairsOf: () => Promise<readonly SharePair[]>,
  work: (clearances: Clearances) => Promise<Result>,
  patience = newPatience(),
): Promise<Result> => {
  const { keyManager: manager } = service
  for (let attempt = 1; ; attempt++) {
    const pairs = await pairsOf()
    if (manager === undefined) return work(nobodyAsks)
    const run: Run = { service, manager, cause, patience, intents: [] }
    try {
      return await work(await clearAll(run, pairs))
    } catch (error) {
      if (!(error instanceof KeysChanged)) throw error
      if (attempt === attemptsMax) {
        throw apiError('conflict', { why: 'The key of the image was changed by others again and again; try again' })
      }
    } finally {
      await withdrawAll(run)
    }
    await sleep(pauseMs * attempt)
  }
}

/**
 * Lets a share begin only if its consumer can use the key. From then on the grant behind it is this share's, and ends with it.
 * @throws ApiError `key_not_granted`, `key_never_granted`, `key_of_other`, `key_unknown`, `key_disabled`,
 *   `key_manager_unavailable`
 */
export const checkCleared = async (
  tx: Tx,
  { of, areNeeded }: Clearances,
  image: Pick<ImagesTable, 'id' | 'encryption' | 'key_id'>,
  memberId: string,
): Promise<void> => {
  if (image.encryption === null || !areNeeded) return
  const clearance = of(image.id, memberId)
  if (clearance instanceof ApiError) throw clearance
  if (clearance === undefined || clearance.keyId !== image.key_id) throw new KeysChanged()
  const { keyId, by } = clearance
  if (by === 'pretence') return
  const name = { key_id: keyId, project_id: memberId }
  const grant = await lockGrant(tx, name)
  if (grant?.state === 'granted') await updateGrant(tx, name, { standing: 0 })
  else if (by === 'despite' && grant?.state === 'revoked') await deleteGrant(tx, name)
  else if (by !== 'others' || grant !== undefined) throw new KeysChanged()
}

/** Pairs of which nothing is encrypted, for tests and for sharing without a key manager. */
export const noClearances: Clearances = nobodyAsks
