import type {
  AccessRequestDocument,
  CanBootDocument,
  DeliveryDocument,
  EncryptionDocument,
  EventDocument,
  InvitationDocument,
  KeyDocument,
  KeyEventDocument,
  KeyGrantDocument,
  ListingDocument,
  MembershipDocument,
  NoticeAddressDocument,
  ProducerDocument,
  PublicListingDocument,
  RuleDocument,
  ShareDocument,
  WebhookDocument,
} from '@vitrine/contract'
import { type JsonValue, parseJson } from '../src/json.ts'
import { imageId } from './fake-fetch.ts'

/** A document of the contract as it arrives: JSON. */
export const asJson = (document: object): JsonValue => parseJson(JSON.stringify(document))

export const membershipDocument = (changes: Partial<MembershipDocument> = {}): MembershipDocument => ({
  status: 'pending',
  shared_by: 'producer',
  producer: 'acme',
  shared_at: '2026-03-01T00:00:00Z',
  message: 'For the new cluster',
  ends_at: '2026-06-01T00:00:00Z',
  withdrawn: false,
  key_state: 'not_needed',
  ...changes,
})

export const shareDocument = (changes: Partial<ShareDocument> = {}): ShareDocument => ({
  image_id: imageId,
  project_id: 'consumer',
  status: 'accepted',
  shared_at: '2026-03-01T00:00:00Z',
  answered_at: '2026-03-02T00:00:00Z',
  shared_by_user: 'u1',
  message: null,
  ends_at: null,
  withdrawn: false,
  key_state: 'not_needed',
  usage: { downloads: 3, last_used_week: '2026-02-23' },
  ...changes,
})

export const producerDocument = (changes: Partial<ProducerDocument> = {}): ProducerDocument => ({
  handle: 'acme',
  name: 'Acme Images',
  description: null,
  website: 'https://acme.example.org',
  contact: null,
  path: '/catalogue/producers/acme',
  since: '2026-01-01T00:00:00Z',
  ...changes,
})

export const publicListingDocument = (changes: Partial<PublicListingDocument> = {}): PublicListingDocument => ({
  title: 'Debian 13 hardened',
  summary: 'A small Debian',
  description: '# Debian',
  os_name: 'Debian',
  os_version: '13',
  architecture: 'x86_64',
  licence: 'GPL-2.0',
  terms: null,
  documentation: null,
  contact: null,
  icon: null,
  producer: { handle: 'acme', name: 'Acme Images', path: '/catalogue/producers/acme' },
  slug: 'debian-13',
  path: '/catalogue/producers/acme/debian-13',
  requestable: true,
  image: { size: 10, disk_format: 'qcow2', created_at: '2026-01-01T00:00:00Z' },
  published_at: '2026-02-01T00:00:00Z',
  updated_at: '2026-02-02T00:00:00Z',
  ...changes,
})

export const listingDocument = (changes: Partial<ListingDocument> = {}): ListingDocument => ({
  ...publicListingDocument(),
  id: 'l1',
  image_id: imageId,
  shown: ['size', 'formats', 'dates'],
  warnings: [],
  ...changes,
})

export const requestDocument = (changes: Partial<AccessRequestDocument> = {}): AccessRequestDocument => ({
  id: 'r1',
  state: 'waiting',
  listing_id: 'l1',
  listing_title: 'Debian 13 hardened',
  image_id: imageId,
  project: 'consumer',
  project_proven: false,
  email: 'joe@example.org',
  message: null,
  created_at: '2026-03-01T00:00:00Z',
  confirmed_at: '2026-03-01T00:01:00Z',
  decided_at: null,
  reason: null,
  ...changes,
})

export const invitationDocument = (changes: Partial<InvitationDocument> = {}): InvitationDocument => ({
  id: 'i1',
  image_id: imageId,
  hint: 'vtr-ab',
  project: null,
  uses: 5,
  used: 1,
  email_domain: null,
  status: 'accepted',
  message: null,
  ends_at: null,
  grant: false,
  created_at: '2026-03-01T00:00:00Z',
  expires_at: '2026-03-15T00:00:00Z',
  state: 'open',
  claims: [{ project_id: 'consumer', claimed_at: '2026-03-02T00:00:00Z' }],
  ...changes,
})

export const keyDocument = (changes: Partial<KeyDocument> = {}): KeyDocument => ({
  id: 'k1',
  name: 'golden',
  project_id: 'producer',
  status: 'enabled',
  default: false,
  grantable: true,
  adopted: false,
  version: 1,
  rotating: false,
  images: 2,
  created_at: '2026-03-01T00:00:00Z',
  updated_at: '2026-03-01T00:00:00Z',
  ...changes,
})

export const keyGrantDocument = (changes: Partial<KeyGrantDocument> = {}): KeyGrantDocument => ({
  key_id: 'k1',
  project_id: 'consumer',
  granted_by_user: 'u1',
  shares: 0,
  created_at: '2026-03-01T00:00:00Z',
  ...changes,
})

export const keyEventDocument = (changes: Partial<KeyEventDocument> = {}): KeyEventDocument => ({
  id: 'ke1',
  type: 'key.open',
  key_id: 'k1',
  version: 1,
  project_id: 'consumer',
  user_id: 'u2',
  request_id: 'req-1',
  image_id: imageId,
  grantee_id: null,
  outcome: 'done',
  created_at: '2026-03-01T00:00:00Z',
  ...changes,
})

export const encryptionDocument = (changes: Partial<EncryptionDocument> = {}): EncryptionDocument => ({
  image_id: imageId,
  kind: 'sealed',
  key_id: 'k1',
  key_project: 'producer',
  key_state: 'granted',
  content: null,
  ...changes,
})

export const canBootDocument = (changes: Partial<CanBootDocument> = {}): CanBootDocument => ({
  image_id: imageId,
  project_id: 'consumer',
  can_boot: false,
  reasons: [
    { rule: 'status', effect: 'allows', text: 'The image is active.', next: null },
    {
      rule: 'key',
      effect: 'denies',
      text: 'Project consumer may not use its key k1.',
      next: 'vitrine key grant k1 consumer',
    },
  ],
  ...changes,
})

export const ruleDocument = (changes: Partial<RuleDocument> = {}): RuleDocument => ({
  id: 'rule1',
  kind: 'block',
  producer_id: 'spammer',
  producer: null,
  listing: null,
  mode: 'enforce',
  created_at: '2026-03-01T00:00:00Z',
  reported: 4,
  ...changes,
})

export const addressDocument = (changes: Partial<NoticeAddressDocument> = {}): NoticeAddressDocument => ({
  id: 'a1',
  email: 'ops@example.org',
  state: 'unconfirmed',
  kinds: ['share.created'],
  mode: 'instant',
  created_at: '2026-03-01T00:00:00Z',
  ...changes,
})

export const webhookDocument = (changes: Partial<WebhookDocument> = {}): WebhookDocument => ({
  id: 'w1',
  url: 'https://hooks.example.org/vitrine',
  kinds: ['share.created'],
  enabled: true,
  failing_since: null,
  created_at: '2026-03-01T00:00:00Z',
  ...changes,
})

export const deliveryDocument = (changes: Partial<DeliveryDocument> = {}): DeliveryDocument => ({
  id: 'd1',
  kind: 'mail',
  notice: 'share.created',
  target: 'ops@example.org',
  image_id: imageId,
  state: 'failed',
  attempts: 9,
  last_error: '550 no such mailbox',
  created_at: '2026-03-01T00:00:00Z',
  next_at: null,
  finished_at: '2026-03-04T00:00:00Z',
  ...changes,
})

export const eventDocument = (changes: Partial<EventDocument> = {}): EventDocument => ({
  id: 'e1',
  type: 'member.create',
  image_id: imageId,
  member_id: 'consumer',
  project_id: 'producer',
  user_id: 'u1',
  request_id: 'req-1',
  created_at: '2026-03-01T00:00:00Z',
  detail: {},
  ...changes,
})
