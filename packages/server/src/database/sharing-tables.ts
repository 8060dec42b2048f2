import type { DeliveryState, RequestState, RuleKind, RuleMode, UsageDisclosure } from '@vitrine/contract'
import type { Generated } from 'kysely'
import type { Flag } from './flag.ts'

/** Downloads of an image by a project that it is shared with. */
interface ShareUsageTable {
  image_id: string
  project_id: string
  downloads: number
  /** Beginning of the week (Monday, UTC) of the last download. */
  last_used_week: number
}

export interface ProducersTable {
  project_id: string
  handle: string
  /** What the handle looks like: equal for those that people take for one another. */
  handle_skeleton: string
  name: string
  name_skeleton: string
  description: string | null
  website: string | null
  contact: string | null
  created_at: number
  updated_at: number
}

export interface ListingsTable {
  id: string
  /** The producer: always the owner of the image. */
  project_id: string
  image_id: string
  slug: string
  title: string
  title_skeleton: string
  summary: string | null
  description: string | null
  os_name: string | null
  os_version: string | null
  architecture: string | null
  licence: string | null
  terms: string | null
  documentation: string | null
  contact: string | null
  /** Digest of the icon. */
  icon: string | null
  /** JSON: which facts of the image the page shows. */
  shown: string
  published_at: number
  updated_at: number
}

export interface ListingTermsTable {
  term: string
  published_at: number
  listing_id: string
}

interface IconsTable {
  digest: string
  media_type: string
  base64: string
}

export interface AccessRequestsTable {
  id: string
  listing_id: string
  listing_title: string
  listing_path: string
  image_id: string
  owner_id: string
  /** As the requester gave it; nobody checked that it exists. */
  project_id: string
  project_proven: Flag
  email: string
  /** What the limits count as one mailbox. */
  mailbox: string
  message: string | null
  state: RequestState
  confirm_digest: string
  track_digest: string
  /** Where it came from: an IPv4 address or the /64 of an IPv6 one. */
  network: string
  created_at: number
  /** When the mail that asks for confirmation was queued; null if none was. */
  mailed_at: number | null
  /** The request that stood already when this one, for the same, was confirmed. */
  same_as: string | null
  confirmed_at: number | null
  decided_at: number | null
  decided_by: string | null
  reason: string | null
}

export interface InvitationsTable {
  id: string
  image_id: string
  owner_id: string
  code_digest: string | null
  hint: string | null
  /** `name@domain` in small letters, for one that has no code. */
  addressee: string | null
  uses: number
  used: number
  email_domain: string | null
  status: 'pending' | 'accepted'
  message: string | null
  ends_at: number | null
  created_by: string | null
  created_at: number
  expires_at: number
  revoked_at: number | null
  /** 1: who claims it may use the key of the image, too. */
  grant_key: Flag
}

interface InvitationClaimsTable {
  invitation_id: string
  project_id: string
  user_id: string | null
  claimed_at: number
}

export interface NoticeAddressesTable {
  id: string
  project_id: string
  /** In small letters. */
  email: string
  kinds: string
  /** Whether `kinds` holds new listings, of which many are told at once. */
  wants_listings: Flag
  mode: 'instant' | 'daily'
  state: 'unconfirmed' | 'confirmed' | 'unsubscribed'
  confirm_digest: string
  confirm_sent_at: number
  /** Kept readable, since every mail repeats it; all it can do is to end the mails. */
  unsubscribe_key: string
  created_at: number
}

interface ProjectNamesTable {
  /** `name@domain` in small letters, as a token of the project said last. */
  name: string
  project_id: string
}

interface NoticeCountsTable {
  key: string
  /** Beginning of the hour or day. */
  begins_at: number
  count: number
}

export interface MailboxesTable {
  /** In small letters. */
  email: string
  /** Kept readable, since every mail repeats it; all it can do is to end the mails, or to bring them back. */
  unsubscribe_key: string
  /** 1: no mail that nobody signed in asked for. */
  unwanted: Flag
  mailed_at: number
}

export interface WebhooksTable {
  id: string
  project_id: string
  url: string
  secret: string
  kinds: string
  wants_listings: Flag
  enabled: Flag
  failing_since: number | null
  /** Deliveries that failed since one succeeded. */
  failures: number
  /** Until then nothing is sent to it. */
  retry_at: number | null
  created_at: number
}

export interface DeliveriesTable {
  sequence: Generated<number>
  id: string
  kind: 'mail' | 'webhook'
  /** A notice kind, or the name of a mail that nobody subscribes to. */
  notice: string
  /** Project that may see it and send it again; null for mails to people without a project. */
  project_id: string | null
  /** The notice address or webhook; null for mail that was asked for otherwise. */
  target_id: string | null
  /** Mailbox or URL. */
  target: string
  event_id: string | null
  image_id: string | null
  payload: string
  state: DeliveryState
  attempts: number
  next_at: number | null
  /** Until when a process that took it may go on with it. */
  claimed_until: number | null
  last_error: string | null
  created_at: number
  /** When it counts as failed. */
  give_up_at: number
  finished_at: number | null
}

interface ProjectSettingsTable {
  project_id: string
  usage: UsageDisclosure
  feed_digest: string | null
}

export interface RulesTable {
  id: string
  project_id: string
  kind: RuleKind
  producer_id: string
  /** Empty: whatever the producer shares. */
  listing_id: string
  mode: RuleMode
  /** How often it acted, or would have. */
  reported: number
  created_at: number
}

/** An end of shares that was announced for a date. */
export interface WithdrawalsTable {
  image_id: string
  at: number
  delete_image: Flag
  message: string | null
  /** JSON list of project ids; null: all. */
  projects: string | null
  project_id: string | null
  user_id: string | null
  created_at: number
}

export interface JobsTable {
  id: string
  project_id: string
  type: 'imsAddImageMembersJob' | 'imsDelImageMembersJob' | 'imsUpdateImageMembersJob'
  status: 'SUCCESS' | 'FAIL'
  begin_at: number
  end_at: number | null
  error_code: string | null
  fail_reason: string | null
  results: string
}

/** What a membership has beyond the Image API. */
export interface ShareColumns {
  message: string | null
  shared_by_user: string | null
  /** The listing through which it was asked for. */
  listing_id: string | null
  ends_at: number | null
  /** The end that it would have without the withdrawal; null: none, or no withdrawal. */
  own_ends_at: number | null
  /** Whether that end is a withdrawal. */
  withdrawn: Flag
  /** When to remind of the end; null when there is nothing to remind of any more. */
  remind_at: number | null
  /** Whether a rule of the consumer keeps the share out of its sight. */
  blocked: Flag
}

export interface SharingTables {
  share_usage: ShareUsageTable
  producers: ProducersTable
  listings: ListingsTable
  listing_terms: ListingTermsTable
  icons: IconsTable
  access_requests: AccessRequestsTable
  invitations: InvitationsTable
  invitation_claims: InvitationClaimsTable
  notice_addresses: NoticeAddressesTable
  project_names: ProjectNamesTable
  notice_counts: NoticeCountsTable
  mailboxes: MailboxesTable
  webhooks: WebhooksTable
  deliveries: DeliveriesTable
  project_settings: ProjectSettingsTable
  rules: RulesTable
  withdrawals: WithdrawalsTable
  jobs: JobsTable
}
