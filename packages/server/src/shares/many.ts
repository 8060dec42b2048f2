import type { ShareManyResult } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { decide } from '../access/decide.ts'
import { entitled } from '../access/entitle.ts'
import { ApiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { asApiError } from '../http/errors.ts'
import { findImage, findImageForChange, type ImageAndMembership } from '../images/queries.ts'
import { checkStorable } from '../images/text.ts'
import { lockInvitations, parseProjectName } from '../invitations/create.ts'
import { type Clearances, checkCleared, newPatience, type SharePair, withClearances } from '../keys/clearance.ts'
import type { KeyHolder } from '../keys/port.ts'
import { lockGrants } from '../keys/queries.ts'
import { findMember } from '../members/queries.ts'
import { beginShare, endShare, type ShareTerms } from '../members/share.ts'
import { keepRulesForBatch } from '../rules/lock.ts'
import type { Service } from '../service.ts'
import { claimantsOf, inviteByName, revokeOpen } from './by-name.ts'
import { isOver } from './plan.ts'

/** What is asked of every pair of image and project. */
export interface Batch {
  readonly action: 'share' | 'unshare'
  /** Each once. */
  readonly images: readonly string[]
  /** Each once. */
  readonly projects: readonly string[]
  /** Whether `name@domain` means the project of that name. */
  readonly byName: boolean
  readonly terms: ShareTerms
  /** On whose word the projects are let use the keys of encrypted images, too; null: they are not. */
  readonly grantsBy: KeyHolder | null
  /** All pairs or none. */
  readonly atomic: boolean
  /** Only tell what would happen. */
  readonly dryRun: boolean
}

type Done = 'shared' | 'unchanged' | 'invited' | 'unshared'

/** What became of one pair. */
export interface PairOutcome {
  readonly imageId: string
  readonly project: string
  readonly result: Done | 'failed'
  readonly error: ApiError | null
}

export interface BatchOutcome {
  readonly applied: boolean
  /** One for each pair, images first, in the order of the batch. */
  readonly pairs: readonly PairOutcome[]
}

interface Run {
  readonly service: Service
  readonly actor: Actor
  readonly cause: Cause
  readonly batch: Batch
}

/** A run within `withClearances`. */
interface ClearedRun extends Run {
  readonly clearances: Clearances
}

/**
 * The name that a project goes by, in small letters; undefined for an id.
 * @throws ApiError `invalid_attribute`
 */
const nameOf = (project: string): string | undefined => (project.includes('@') ? parseProjectName(project) : undefined)

/**
 * Projects of a request, each once.
 * @throws ApiError `invalid_attribute` for what is neither an id that can be stored nor `name@domain`
 */
export const parseProjects = (projects: readonly string[]): string[] => {
  for (const project of projects) {
    checkStorable('projects', project)
    nameOf(project)
  }
  return [...new Set(projects)]
}

/** Undoes a transaction and keeps what it found out. */
class Undone extends Error {
  override readonly name = 'Undone'
  readonly pairs: readonly PairOutcome[]

  constructor(pairs: readonly PairOutcome[]) {
    super('the transaction is undone on purpose')
    this.pairs = pairs
  }
}

/**
 * The pairs for which the key manager has to be asked. What may not be shared is left out: the transaction says why.
 */
const pairsToClear = async (run: Run, imageIds: readonly string[]): Promise<SharePair[]> => {
  const { service, actor, cause, batch } = run
  if (batch.action === 'unshare') return []
  const mode = batch.grantsBy === null ? 'check' : batch.dryRun ? 'pretend' : 'grant'
  const isName = (project: string): boolean => batch.byName && nameOf(project) !== undefined
  // A project that is named is let use the key once it claims; that it may be, is found out now.
  const projects = batch.grantsBy === null ? batch.projects.filter((project) => !isName(project)) : batch.projects
  const pairs: SharePair[] = []
  for (const imageId of imageIds) {
    const found = await findImage(service.database.read, imageId, actor.projectId, cause.at)
    if (found === undefined || found.row.encryption === null) continue
    if (decide(actor, 'member.create', found.row, { actorIsMember: found.isMember }) !== 'allow') continue
    pairs.push(
      ...projects.map((memberId): SharePair => {
        const grant = isName(memberId) ? 'pretend' : mode
        return { image: found.row, memberId, grant, authority: batch.grantsBy }
      }),
    )
  }
  return pairs
}

const endPair = async (tx: Tx, { cause }: Run, image: ImagesTable, project: string): Promise<Done> => {
  const row = await findMember(tx, image.id, project)
  if (row === undefined || isOver(row, cause.at)) return 'unchanged'
  await endShare(tx, cause, image, row, 'unshared')
  return 'unshared'
}

const sharePair = async (tx: Tx, run: ClearedRun, image: ImagesTable, project: string): Promise<Done> => {
  const { cause, batch, service, clearances } = run
  const present = await findMember(tx, image.id, project)
  if (present !== undefined && !isOver(present, cause.at)) {
    // A share that stands already may still want its key.
    if (batch.grantsBy !== null) await checkCleared(tx, clearances, image, project)
    return 'unchanged'
  }
  await beginShare(tx, service.limits, cause, image, project, batch.terms, clearances)
  return 'shared'
}

/** A share by name may have become one by id since. */
const unshareName = async (tx: Tx, run: Run, image: ImagesTable, name: string): Promise<Done> => {
  let ended = (await revokeOpen(tx, run.cause, image, name)) > 0
  for (const project of await claimantsOf(tx, image.id, name, run.cause.at)) {
    if ((await endPair(tx, run, image, project)) === 'unshared') ended = true
  }
  return ended ? 'unshared' : 'unchanged'
}

const inviteName = async (tx: Tx, run: ClearedRun, image: ImagesTable, name: string, given: string): Promise<Done> => {
  const { batch, service, cause, clearances } = run
  const grantsKey = batch.grantsBy !== null
  if (grantsKey) await checkCleared(tx, clearances, image, given)
  return inviteByName(tx, service.limits, cause, image, name, batch.terms, grantsKey)
}

const doPair = (tx: Tx, run: ClearedRun, image: ImagesTable, project: string): Promise<Done> => {
  const { batch } = run
  const name = batch.byName ? nameOf(project) : undefined
  if (batch.action === 'unshare')
    return name === undefined ? endPair(tx, run, image, project) : unshareName(tx, run, image, name)
  return name === undefined ? sharePair(tx, run, image, project) : inviteName(tx, run, image, name, project)
}

const failed = (imageId: string, project: string, error: ApiError): PairOutcome => ({
  imageId,
  project,
  result: 'failed',
  error,
})

/** An image of a batch; undefined: there is none of this id. */
type Found = readonly [imageId: string, image: ImageAndMembership | undefined]

/**
 * Locks everything that sharing these images needs, in the order that all keep (see `keepRules`): then no two batches wait
 * for each other, whatever they have in common.
 */
const lockAll = async (tx: Tx, { actor, cause, batch }: Run, imageIds: readonly string[]): Promise<Found[]> => {
  const all: Found[] = []
  for (const imageId of [...imageIds].sort()) {
    all.push([imageId, await findImageForChange(tx, imageId, actor.projectId, cause.at)])
  }
  const keys = all.map(([, found]) => found?.row.key_id ?? null)
  const projects = batch.projects.filter((project) => !batch.byName || nameOf(project) === undefined)
  const hasNames = projects.length < batch.projects.length
  if (batch.action === 'unshare') {
    // Whom a name stands for is found out later.
    await lockGrants(tx, keys, hasNames ? undefined : projects)
    return all
  }
  const owners = [...new Set(all.flatMap(([, found]) => found?.row.owner ?? []))].sort()
  if (hasNames) for (const owner of owners) await lockInvitations(tx, owner)
  await lockGrants(tx, keys, projects)
  await keepRulesForBatch(tx, projects, owners)
  return all
}

/**
 * All pairs of one image. What a rule refuses fails for itself alone; refusals come before the pair has changed anything.
 */
const doImage = async (tx: Tx, run: ClearedRun, [imageId, found]: Found): Promise<PairOutcome[]> => {
  const { actor, batch } = run
  const refusedOr = async <Result>(work: () => Promise<Result>): Promise<Result | ApiError> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ApiError) return error
      throw error
    }
  }
  const image = await refusedOr(async () => entitled(actor, 'member.create', { image: imageId }, found).row)
  if (image instanceof ApiError) return batch.projects.map((project) => failed(imageId, project, image))

  const pairs: PairOutcome[] = []
  for (const project of batch.projects) {
    const result = await refusedOr(() => doPair(tx, run, image, project))
    if (result instanceof ApiError) pairs.push(failed(imageId, project, result))
    else pairs.push({ imageId, project, result, error: null })
  }
  return pairs
}

/** One transaction for all images. */
const doTogether = async (run: ClearedRun): Promise<BatchOutcome> => {
  const { service, batch } = run
  try {
    const pairs = await service.database.write(async (tx) => {
      const pairs: PairOutcome[] = []
      for (const one of await lockAll(tx, run, batch.images)) pairs.push(...(await doImage(tx, run, one)))
      const fails = batch.atomic && pairs.some(({ result }) => result === 'failed')
      if (batch.dryRun || fails) throw new Undone(pairs)
      return pairs
    })
    return { applied: true, pairs }
  } catch (error) {
    if (error instanceof Undone) return { applied: false, pairs: error.pairs }
    throw error
  }
}

/** One transaction for each image: what is done stays, whatever becomes of the others. */
const doEach = async (run: Run): Promise<BatchOutcome> => {
  const { service, batch, cause } = run
  const patience = newPatience()
  const pairs: PairOutcome[] = []
  for (const imageId of batch.images) {
    const share = (clearances: Clearances): Promise<PairOutcome[]> =>
      service.database.write(async (tx) => {
        const cleared = { ...run, clearances }
        const pairs: PairOutcome[] = []
        for (const one of await lockAll(tx, run, [imageId])) pairs.push(...(await doImage(tx, cleared, one)))
        return pairs
      })
    try {
      pairs.push(...(await withClearances(service, cause, () => pairsToClear(run, [imageId]), share, patience)))
    } catch (error) {
      service.log.error({ err: error, reqId: cause.requestId }, 'an image of a batch failed')
      pairs.push(...batch.projects.map((project) => failed(imageId, project, asApiError(error))))
    }
  }
  return { applied: true, pairs }
}

/** Shares many images with many projects, or ends such shares. */
export const runBatch = async (service: Service, actor: Actor, cause: Cause, batch: Batch): Promise<BatchOutcome> => {
  const run = { service, actor, cause, batch }
  const together = (clearances: Clearances) => doTogether({ ...run, clearances })
  const { applied, pairs } = await (batch.atomic || batch.dryRun
    ? withClearances(service, cause, () => pairsToClear(run, batch.images), together)
    : doEach(run))
  const keyOf = (imageId: string, project: string): string => JSON.stringify([imageId, project])
  const byPair = new Map(pairs.map((pair) => [keyOf(pair.imageId, pair.project), pair]))
  const ordered = batch.images.flatMap((imageId) =>
    batch.projects.flatMap((project) => byPair.get(keyOf(imageId, project)) ?? []),
  )
  return { applied, pairs: ordered }
}

export const batchDocument = ({ applied, pairs }: BatchOutcome): ShareManyResult => ({
  applied,
  results: pairs.map(({ imageId, project, result, error }) => ({
    image_id: imageId,
    project,
    result,
    error: error === null ? null : { status: error.status, code: error.code, message: error.message },
  })),
})
