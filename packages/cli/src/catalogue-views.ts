import type { JsonObject, JsonValue } from '@vitrine/sdk'
import { bytes, computed, type DocumentColumn, documentView, field, instant, prose, yesNo } from './columns.ts'
import { own, plainText, type View } from './output/view.ts'
import { part } from './share-views.ts'
import { formatBytes } from './units.ts'

const textAt = (document: JsonObject, key: string): string => plainText(own(document, key) ?? null)

/** What a listing is asked for by: `handle/slug`. */
const reference = (listing: JsonObject): string =>
  `${textAt(part(listing, 'producer'), 'handle')}/${textAt(listing, 'slug')}`

const system: DocumentColumn = computed('os', 'System', (listing) =>
  [textAt(listing, 'os_name'), textAt(listing, 'os_version')].filter((word) => word !== '').join(' '),
)

const ofImage = (key: string): ((listing: JsonObject) => JsonValue) => {
  return (listing) => own(part(listing, 'image'), key) ?? null
}

const size: DocumentColumn = {
  ...computed('size', 'Size', ofImage('size')),
  text: (listing) => {
    const sizeBytes = ofImage('size')(listing)
    return typeof sizeBytes === 'number' ? formatBytes(sizeBytes) : ''
  },
}

/** Listings as everyone sees them. */
export const catalogueView: View<JsonObject> = documentView(
  [
    computed('listing', 'Listing', reference),
    field('title', 'Title'),
    system,
    field('architecture', 'Architecture'),
    size,
    prose('summary', 'Summary'),
  ],
  [yesNo('requestable', 'Requestable'), instant('published_at', 'Published'), instant('updated_at', 'Updated')],
)

/** One listing: its long texts are shown below it. */
export const publicListingView: View<JsonObject> = {
  ...catalogueView,
  columns: [
    ...catalogueView.columns,
    computed('hash', 'Hash', (listing) => {
      const digest = ofImage('os_hash_value')(listing)
      return digest === null ? null : `${plainText(ofImage('os_hash_algo')(listing))}:${plainText(digest)}`
    }),
  ],
}

/** Listings as their producer sees them. */
export const ownListingView: View<JsonObject> = documentView(
  [
    field('id', 'ID'),
    computed('listing', 'Listing', reference),
    field('title', 'Title'),
    field('image_id', 'Image'),
    yesNo('requestable', 'Requestable'),
    instant('updated_at', 'Updated'),
  ],
  [system, instant('published_at', 'Published'), bytes('size', 'Size')],
)

export const producerView: View<JsonObject> = documentView([
  field('handle', 'Handle'),
  field('name', 'Name'),
  instant('since', 'Since'),
])

/** Requests for access, as their producer sees them. */
export const requestView: View<JsonObject> = documentView(
  [
    field('id', 'ID'),
    field('state', 'State'),
    field('listing_title', 'Listing'),
    {
      ...field('project', 'Project'),
      // Who was signed in to it cannot have mistyped it, nor asked in the name of others.
      text: (request) => `${textAt(request, 'project')}${own(request, 'project_proven') === true ? ' (proven)' : ''}`,
    },
    field('email', 'E-mail'),
    prose('message', 'Message'),
    instant('created_at', 'Since'),
  ],
  [
    field('listing_id', 'Listing id'),
    field('image_id', 'Image'),
    instant('confirmed_at', 'Confirmed'),
    instant('decided_at', 'Decided'),
    field('reason', 'Reason'),
    yesNo('project_proven', 'Proven'),
  ],
)

export const invitationView: View<JsonObject> = documentView(
  [
    field('id', 'ID'),
    field('image_id', 'Image'),
    {
      ...computed('to', 'For', (invitation) => own(invitation, 'project') ?? own(invitation, 'hint') ?? null),
      text: (invitation) => {
        const project = textAt(invitation, 'project')
        return project === '' ? `code ${textAt(invitation, 'hint')}…` : project
      },
    },
    computed('claimed', 'Claimed', (invitation) => `${textAt(invitation, 'used')} of ${textAt(invitation, 'uses')}`),
    field('state', 'State'),
    instant('expires_at', 'Expires'),
  ],
  [
    field('email_domain', 'Domain'),
    field('status', 'Status'),
    yesNo('grant', 'With key'),
    field('message', 'Message'),
    instant('ends_at', 'Ends'),
    instant('created_at', 'Created'),
  ],
)
