import type { DataKeyDocument, KeyDocument, KeyEventDocument, KeyGrantDocument } from '@vitrine/contract'
import type { KeyStatus, KeyUse } from '@vitrine/contract/words'
import { UnexpectedResponseError } from './errors.ts'
import { flag, instant, integer, orNull, record, type Shape, text, wireBody, withFields, word } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { projectId } from './member.ts'
import { collection, paginated } from './paginated.ts'
import { waitUntil } from './wait.ts'

export type KeyAttributes = {
  /** For people. */
  name?: string | undefined
  /** Images of the project are encrypted with it when no key is named. */
  default?: boolean | undefined
  /** False: no other project may ever be let use it. Default true. */
  grantable?: boolean | undefined
}

export type KeyChanges = {
  /** Null takes the name away. */
  name?: string | null | undefined
  status?: KeyStatus | undefined
  default?: boolean | undefined
  /** False is for ever. */
  grantable?: boolean | undefined
}

const readKey = record('key', {
  id: text,
  name: orNull(text),
  /** Project that it belongs to. */
  project_id: text,
  /** A disabled key opens and closes nothing, for nobody. */
  status: word<KeyStatus>(),
  /** Whether images of the project are encrypted with it when no key is named. */
  default: flag,
  /** Whether other projects may be let use it. */
  grantable: flag,
  /** Whether it is a secret of a Barbican that was made elsewhere. */
  adopted: flag,
  /** Counts the rotations, from 1. */
  version: integer,
  /** Whether data keys are still being wrapped anew after a rotation. */
  rotating: flag,
  /** How many images are encrypted with it. */
  images: integer,
  created_at: instant,
  updated_at: instant,
} satisfies Shape<KeyDocument>)

const readGrant = record('grant of a key', {
  key_id: text,
  /** Project that may use the key. */
  project_id: text,
  granted_by_user: orNull(text),
  /** Shares that need it. It ends with the last of them. */
  shares: integer,
  created_at: instant,
} satisfies Shape<KeyGrantDocument>)
/** One project that may use a key of another one. */
export type KeyGrant = ReturnType<typeof readGrant>

const readKeyEvent = record('event of a key', {
  id: text,
  type: word<KeyUse>(),
  key_id: text,
  version: orNull(integer),
  /** Project that did it; null for the service itself. */
  project_id: orNull(text),
  user_id: orNull(text),
  request_id: orNull(text),
  /** Image that it was done for. */
  image_id: orNull(text),
  /** Project that a grant is about. */
  grantee_id: orNull(text),
  outcome: word<KeyEventDocument['outcome']>(),
  created_at: instant,
} satisfies Shape<KeyEventDocument>)
/** One use or change of a key. */
export type KeyEvent = ReturnType<typeof readKeyEvent>

const readDataKey = record('data key', { plain: text, wrapped: text } satisfies Shape<DataKeyDocument>)
const readUnwrapped = record('data key', { plain: text })

/** A key to encrypt something with. */
export interface DataKey {
  /** 32 bytes. To be used and forgotten. */
  plain: Uint8Array<ArrayBuffer>
  /** The same, wrapped by the key: to be kept beside what it encrypts, and given to `unwrap`. */
  wrapped: string
}

const fromBase64 = (base64: string): Uint8Array<ArrayBuffer> => {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    throw new UnexpectedResponseError('The service sent a data key that is not base64.')
  }
}

export interface RotateOptions extends CallOptions {
  /** Come back when nothing is wrapped by the version before any more. Default: at once. */
  wait?: boolean | undefined
}

export interface KeyDeleteOptions extends CallOptions {
  /** Also when data keys were made with it: what is encrypted with them is lost. */
  forgetDataKeys?: boolean | undefined
}

/** A key of the project. Its material never leaves the key manager. */
export class Key extends withFields(readKey) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** Asks the service for the key as it is now. */
  async refresh(options: CallOptions = {}): Promise<this> {
    return this.#take(await this.#call('GET', [], options))
  }

  /** Changes what is given, and nothing else. */
  async update(changes: KeyChanges, options: CallOptions = {}): Promise<this> {
    return this.#take(await this.#call('PATCH', [], { ...options, json: wireBody(changes) }))
  }

  enable(options: CallOptions = {}): Promise<this> {
    return this.update({ status: 'enabled' }, options)
  }

  /** Nothing that it encrypts can be read or written until it is enabled again, by nobody. */
  disable(options: CallOptions = {}): Promise<this> {
    return this.update({ status: 'disabled' }, options)
  }

  /** Takes the place of the default key of the project. */
  makeDefault(options: CallOptions = {}): Promise<this> {
    return this.update({ default: true }, options)
  }

  /** From now on and for ever no other project can be let use it. @throws ConflictError while one may */
  neverGrant(options: CallOptions = {}): Promise<this> {
    return this.update({ grantable: false }, options)
  }

  /** Makes a new version. Whoever may use the key uses that one; data keys of images are wrapped anew meanwhile. */
  async rotate({ wait, ...options }: RotateOptions = {}): Promise<this> {
    this.#take(await this.#call('POST', ['rotate'], options))
    if (wait !== true) return this
    const isDone = async () => !this.rotating || !(await this.refresh(options)).rotating
    await waitUntil(isDone, this.#api.transport.clock, options.signal)
    return this
  }

  /** Lets a project use the key. The grant waits for a share, and ends with the last share that needs it. */
  async grant(project: string | number, options: CallOptions = {}): Promise<KeyGrant> {
    return readGrant(await this.#call('PUT', ['grants', projectId(project)], options))
  }

  /** Takes that back. Shares stand, and cannot be opened any more. */
  async revoke(project: string | number, options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['grants', projectId(project)], options)
  }

  /** The projects that may use the key, besides its own. */
  listGrants(options: CallOptions = {}): ResourceIterator<KeyGrant> {
    return collection(this.#api, [...path, this.id, 'grants'], 'grants', options, (grant) => readGrant(grant))
  }

  /** Every use and change of the key, newest first. */
  listEvents(options: PageOptions & CallOptions = {}): PaginatedIterator<KeyEvent> {
    return paginated(this.#api, [...path, this.id, 'events'], 'events', {}, options, (event) => readKeyEvent(event))
  }

  /** Makes a data key for what the project encrypts by itself. */
  async createDataKey(options: CallOptions = {}): Promise<DataKey> {
    return createDataKey(this.#api, this.id, options)
  }

  /** Opens a wrapped data key. */
  async unwrap(wrapped: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return unwrapDataKey(this.#api, this.id, wrapped, options)
  }

  /** Deletes the key, for ever. @throws ConflictError while something is encrypted with it */
  async delete({ forgetDataKeys, ...options }: KeyDeleteOptions = {}): Promise<void> {
    const query = { data_keys: forgetDataKeys === true ? 'forget' : undefined }
    await this.#call('DELETE', [], { ...options, query })
  }

  #take(document: JsonValue | undefined): this {
    return Object.assign(this, readKey(document))
  }

  #call(method: string, rest: string[], request: Parameters<ImageApi['call']>[2]): Promise<JsonValue | undefined> {
    return this.#api.call(method, [...path, this.id, ...rest], request)
  }
}

const path = ['keys']

export const listKeys = (api: ImageApi, options: PageOptions & CallOptions): PaginatedIterator<Key> =>
  paginated(api, path, 'keys', {}, options, (key) => new Key(api, key))

export const getKey = async (api: ImageApi, id: string, options: CallOptions): Promise<Key> =>
  new Key(api, await api.call('GET', [...path, id], options))

export const createKey = async (
  api: ImageApi,
  attributes: KeyAttributes & { secretId?: string | undefined },
  options: CallOptions,
): Promise<Key> => new Key(api, await api.call('POST', path, { ...options, json: wireBody(attributes) }))

export const createDataKey = async (api: ImageApi, keyId: string, options: CallOptions): Promise<DataKey> => {
  const { plain, wrapped } = readDataKey(await api.call('POST', [...path, keyId, 'data-keys'], options))
  return { plain: fromBase64(plain), wrapped }
}

export const unwrapDataKey = async (
  api: ImageApi,
  keyId: string,
  wrapped: string,
  options: CallOptions,
): Promise<Uint8Array<ArrayBuffer>> => {
  const answer = await api.call('POST', [...path, keyId, 'unwrap'], { ...options, json: { wrapped } })
  return fromBase64(readUnwrapped(answer).plain)
}
