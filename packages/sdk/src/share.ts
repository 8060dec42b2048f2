import type {
  ExplanationDocument,
  MembershipDocument,
  ShareDocument,
  ShareManyResult as ShareManyResultDocument,
  StatisticsDocument,
  WithdrawalDocument,
} from '@vitrine/contract'
import { type KeyState, memberStatuses } from '@vitrine/contract/words'
import { httpError, UnexpectedResponseError } from './errors.ts'
import {
  flag,
  instant,
  integer,
  listOf,
  type Open,
  oneOf,
  orElse,
  orNull,
  record,
  type Shape,
  text,
  wireBody,
  withFields,
  word,
} from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { ResourceIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { projectId } from './member.ts'
import { collection } from './paginated.ts'

/** Whether a project can use the key of an image. A service that knows no keys needs none. */
const keyState = orElse<Open<KeyState>>(word<KeyState>(), 'not_needed')

export const readMembership = record('membership', {
  /** The project's own answer. */
  status: oneOf(memberStatuses),
  /** Project that shared the image. */
  shared_by: orNull(text),
  /** Handle of that project in the catalogue. */
  producer: orNull(text),
  shared_at: instant,
  message: orNull(text),
  /** When the share ends by itself. */
  ends_at: orNull(instant),
  /** Whether that end is a withdrawal that was announced. */
  withdrawn: flag,
  /** Whether the own project can use the key of the image. */
  key_state: keyState,
} satisfies Shape<MembershipDocument>)
/** The share through which the project sees an image. */
export type Membership = ReturnType<typeof readMembership>

const readShare = record('share', {
  image_id: text,
  /** Consumer. */
  project_id: text,
  /** The consumer's answer. */
  status: oneOf(memberStatuses),
  shared_at: instant,
  answered_at: orNull(instant),
  /** Id of the user who shared it. */
  shared_by_user: orNull(text),
  message: orNull(text),
  /** When the share ends by itself. */
  ends_at: orNull(instant),
  /** Whether that end is a withdrawal that was announced. */
  withdrawn: flag,
  /** Whether the consumer can use the key of the image. */
  key_state: keyState,
  /** Only of consumers that agreed to be named. */
  usage: orNull(
    record('usage of a share', {
      downloads: integer,
      /** Monday of that week, `YYYY-MM-DD`. */
      last_used_week: orNull(text),
    } satisfies Shape<NonNullable<ShareDocument['usage']>>),
  ),
} satisfies Shape<ShareDocument>)

/** What goes along with a share. */
export type ShareTerms = {
  /** Plain text to the consumer, up to 2,000 characters. */
  message?: string | undefined
  /** When the share ends by itself. */
  endsAt?: Date | undefined
}

/** What a share is made with. */
export type ShareAttributes = ShareTerms & {
  /** Let the project use the key of an encrypted image, too: both happen or neither. */
  grant?: boolean | undefined
}

/** One image shared with one project, as its producer sees it. */
export class Share extends withFields(readShare) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** Changes message and end; null takes a value away. */
  async update(
    changes: { [Name in keyof ShareTerms]: ShareTerms[Name] | null },
    options: CallOptions = {},
  ): Promise<this> {
    const path = ['images', this.imageId, 'shares', this.projectId]
    return Object.assign(this, readShare(await this.#api.call('PATCH', path, { ...options, json: wireBody(changes) })))
  }
}

export const listShares = (api: ImageApi, imageId: string, options: CallOptions): ResourceIterator<Share> =>
  collection(api, ['images', imageId, 'shares'], 'shares', options, (share) => new Share(api, share))

/** Which images with which projects: every image x every project, at most 1,000 pairs. */
export interface ShareManyPairs {
  images: readonly string[]
  /** Ids, or `name@domain`, which invites the project of that name. */
  projects: readonly (string | number)[]
  /** All pairs or none. Default: each pair for itself. */
  atomic?: boolean | undefined
  /** Only tell what would happen. */
  dryRun?: boolean | undefined
}

type WireResult = ShareManyResultDocument['results'][number]

const readShareResult = record('result of sharing', {
  image_id: text,
  /** As it was named in the call. */
  project: text,
  /** What happened, or would have; `unchanged`: it was so already. */
  result: word<WireResult['result']>(),
  error: orNull(
    record('error of sharing', {
      /** The HTTP status that a call for this pair alone would have had. */
      status: integer,
      /** Name of the error, as in the table of errors. */
      code: text,
      message: text,
    } satisfies Shape<NonNullable<WireResult['error']>>),
  ),
} satisfies Shape<WireResult>)
/** What became of one pair of image and project. */
export type ShareResult = ReturnType<typeof readShareResult>

const readShareManyResult = record('results of sharing', {
  /** False for a dry run, and for an atomic call with a failure. */
  applied: flag,
  results: listOf(readShareResult),
} satisfies Shape<ShareManyResultDocument>)
export type ShareManyResult = ReturnType<typeof readShareManyResult>

/** Shares or unshares every pair. Pairs that fail are told in the result, not thrown. */
export const changeShares = async (
  api: ImageApi,
  action: 'share' | 'unshare',
  { images, projects, atomic, dryRun, message, endsAt, grant }: ShareManyPairs & ShareAttributes,
  options: CallOptions,
): Promise<ShareManyResult> => {
  const json = wireBody({ action, images, projects: projects.map(projectId), atomic, dryRun, message, endsAt, grant })
  return readShareManyResult(await api.call('POST', ['shares'], { ...options, json }))
}

/** Shares one image with one project. @throws HttpError of the class of the pair's own status when it fails */
export const shareOne = async (
  api: ImageApi,
  imageId: string,
  project: string | number,
  attributes: ShareAttributes,
  options: CallOptions,
): Promise<ShareResult> => {
  const { results } = await changeShares(
    api,
    'share',
    { images: [imageId], projects: [project], ...attributes },
    options,
  )
  const [result] = results
  if (result === undefined) throw new UnexpectedResponseError('The service told nothing of the share.')
  if (result.error === null) return result
  const { status, code, message } = result.error
  const url = `${await api.endpoint()}/shares`
  throw httpError({ status, body: { error: { code, message } }, method: 'POST', url })
}

type Planned = NonNullable<WithdrawalDocument['planned']>

const readWithdrawal = record('withdrawal', {
  image_id: text,
  /** Shares by the consumer's answer: accepted, pending (`waiting`), rejected. */
  accepted: integer,
  waiting: integer,
  rejected: integer,
  /** By consumers that let their use be counted. */
  downloads: integer,
  /** Monday of that week, `YYYY-MM-DD`. */
  last_used_week: orNull(text),
  /** Invitations that can still be claimed. */
  invitations: integer,
  /** Requests that wait for an answer. */
  requests: integer,
  /** Path of the listing in the catalogue. */
  listing: orNull(text),
  /** The withdrawal that is announced. */
  planned: orNull(
    record('planned withdrawal', {
      at: instant,
      delete_image: flag,
      message: orNull(text),
      /** Only these projects; null: all. */
      projects: orNull(listOf(text)),
    } satisfies Shape<Planned>),
  ),
} satisfies Shape<WithdrawalDocument>)
/** What a withdrawal touches, or would touch, and the one that is announced. */
export type Withdrawal = ReturnType<typeof readWithdrawal>

export interface WithdrawOptions {
  /** Only these. Default: every project that the image is shared with. */
  projects?: readonly (string | number)[] | undefined
  /** When; until then the consumers keep the image and are told. Default: now. */
  at?: Date | undefined
  /** Delete the image, too. */
  deleteImage?: boolean | undefined
  /** Plain text to the consumers. */
  message?: string | undefined
}

const withdrawalPath = (imageId: string): string[] => ['images', imageId, 'withdrawal']

export const getWithdrawal = async (api: ImageApi, imageId: string, options: CallOptions): Promise<Withdrawal> =>
  readWithdrawal(await api.call('GET', withdrawalPath(imageId), options))

export const withdraw = async (
  api: ImageApi,
  imageId: string,
  { projects, ...rest }: WithdrawOptions,
  options: CallOptions,
): Promise<Withdrawal> => {
  const json = wireBody({ ...rest, projects: projects?.map(projectId) })
  return readWithdrawal(await api.call('POST', withdrawalPath(imageId), { ...options, json }))
}

export const cancelWithdrawal = async (api: ImageApi, imageId: string, options: CallOptions): Promise<void> => {
  await api.call('DELETE', withdrawalPath(imageId), options)
}

type ByListing = NonNullable<StatisticsDocument['by_listing']>

const readStatistics = record('statistics', {
  image_id: text,
  accepted: integer,
  waiting: integer,
  rejected: integer,
  /** By consumers that let their use be counted. */
  downloads: integer,
  /** Monday of that week, `YYYY-MM-DD`. */
  last_used_week: orNull(text),
  /** What came by way of the listing of the image. */
  by_listing: orNull(
    record('statistics of a listing', {
      path: text,
      requests: integer,
      accepted: integer,
      downloads: integer,
    } satisfies Shape<ByListing>),
  ),
} satisfies Shape<StatisticsDocument>)
/** Counts for the producer of an image. */
export type Statistics = ReturnType<typeof readStatistics>

export const getStatistics = async (api: ImageApi, imageId: string, options: CallOptions): Promise<Statistics> =>
  readStatistics(await api.call('GET', ['images', imageId, 'statistics'], options))

type WireReason = ExplanationDocument['reasons'][number]

const readExplanation = record('explanation', {
  image_id: text,
  project_id: text,
  /** May show it by its id. */
  see: flag,
  /** Finds it in its list. */
  list: flag,
  /** May download or boot it. */
  download: flag,
  reasons: listOf(
    record('reason', {
      /** Name of the rule. */
      rule: text,
      effect: word<WireReason['effect']>(),
      /** The rule as a sentence, with the facts that it found. */
      text,
    } satisfies Shape<WireReason>),
  ),
} satisfies Shape<ExplanationDocument>)
/** Why a project may do what with an image, or may not. */
export type Explanation = ReturnType<typeof readExplanation>

export const explain = async (
  api: ImageApi,
  imageId: string,
  project: string | number | undefined,
  options: CallOptions,
): Promise<Explanation> => {
  const query = { project: project === undefined ? undefined : projectId(project) }
  return readExplanation(await api.call('GET', ['images', imageId, 'explain'], { ...options, query }))
}
