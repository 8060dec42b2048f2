import type { JsonObject, JsonValue } from '@vitrine/sdk'
import { bytes, computed, type DocumentColumn, documentView, field, instant, prose, yesNo } from './columns.ts'
import { own, plainText, type View } from './output/view.ts'
import { shortHash } from './views.ts'

/** Enough of the digest to compare by eye; all of it with the other formats. */
const digestColumn: DocumentColumn = {
  ...field('hash', 'Hash'),
  row: (document) => shortHash(plainText(own(document, 'hash') ?? null)),
}

const isJsonObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object of that name in a document; empty when there is none. */
export const part = (document: JsonObject, key: string): JsonObject => {
  const value = own(document, key)
  return isJsonObject(value) ? value : {}
}

const textOf = (document: JsonObject, key: string): string | undefined => {
  const value = own(document, key)
  return typeof value === 'string' ? value : undefined
}

/** `sha512:0123...` of a document with the digests of an image; null before it has bytes. */
const hashOf = (image: JsonObject): JsonValue => {
  const digest = textOf(image, 'os_hash_value')
  if (digest !== undefined) return `${textOf(image, 'os_hash_algo')}:${digest}`
  const md5 = textOf(image, 'checksum')
  return md5 === undefined ? null : `md5:${md5}`
}

/** Where something comes from: the handle of the producer, which is unique, else its project. */
const fromColumn: DocumentColumn = {
  ...field('producer', 'From'),
  text: (document) => {
    const handle = textOf(document, 'producer')
    return handle === undefined ? plainText(own(document, 'owner') ?? null) : `@${handle}`
  },
}

/** What waits for this project. */
export const inboxView: View<JsonObject> = documentView(
  [
    field('id', 'ID'),
    field('name', 'Name'),
    fromColumn,
    bytes('size', 'Size'),
    field('disk_format', 'Format'),
    digestColumn,
    yesNo('can_boot', 'Boots'),
    prose('message', 'Message'),
    instant('ends_at', 'Ends'),
    instant('shared_at', 'Since'),
  ],
  [field('kind', 'Kind'), field('owner', 'From project'), field('member_status', 'Status'), field('key_state', 'Key')],
)

const termsOf = (terms: JsonObject) => ({
  owner: own(terms, 'shared_by') ?? null,
  producer: own(terms, 'producer') ?? null,
  message: own(terms, 'message') ?? null,
  shared_at: own(terms, 'shared_at') ?? null,
  ends_at: own(terms, 'ends_at') ?? null,
})

const imageFacts = (image: JsonObject) => ({
  name: own(image, 'name') ?? null,
  size: own(image, 'size') ?? null,
  disk_format: own(image, 'disk_format') ?? null,
  hash: hashOf(image),
})

/** A row of the inbox from an item of it; the id is the one to answer with. */
export const inboxRow = (item: JsonObject): JsonObject => {
  if (own(item, 'kind') === 'invitation') {
    const invitation = part(item, 'invitation')
    return {
      kind: 'invitation',
      id: own(invitation, 'id') ?? null,
      ...imageFacts(part(invitation, 'image')),
      ...termsOf(invitation),
      member_status: 'pending',
      expires_at: own(invitation, 'expires_at') ?? null,
      can_boot: null,
      key_state: null,
      reasons: [],
    }
  }
  const image = part(item, 'image')
  const membership = part(item, 'membership')
  const answer = part(item, 'can_boot')
  return {
    kind: 'share',
    id: own(image, 'id') ?? null,
    ...imageFacts(image),
    ...termsOf(membership),
    member_status: own(membership, 'status') ?? null,
    expires_at: null,
    can_boot: own(answer, 'can_boot') ?? null,
    key_state: own(membership, 'key_state') ?? null,
    reasons: own(answer, 'reasons') ?? [],
  }
}

/** Most images need no key, which is not worth a word. */
const keyColumn: DocumentColumn = {
  ...field('key_state', 'Key'),
  row: (share) => {
    const state = plainText(own(share, 'key_state') ?? null)
    return state === 'not_needed' ? '' : state
  },
}

const memberColumns = [
  field('member_id', 'Project'),
  field('status', 'Status'),
  instant('created_at', 'Shared'),
  instant('answered_at', 'Answered'),
]

const moreOfMembers = [field('image_id', 'Image'), instant('updated_at', 'Updated')]

/** The projects that an image is shared with. */
export const memberView: View<JsonObject> = documentView(memberColumns, moreOfMembers)

/** The same with the terms of the shares, and with their use as far as consumers agreed to tell it. */
export const shareView: View<JsonObject> = documentView(
  [
    ...memberColumns,
    instant('ends_at', 'Ends'),
    prose('message', 'Message'),
    computed('downloads', 'Downloads', (share) => own(part(share, 'usage'), 'downloads') ?? null),
    computed('last_used_week', 'Last used', (share) => own(part(share, 'usage'), 'last_used_week') ?? null),
    keyColumn,
  ],
  [...moreOfMembers, field('withdrawn', 'Withdrawn'), field('shared_by_user', 'Shared by')],
)
