/**
 * The words of the Image API v2 that travel on the wire, without any dependency, so that a browser client can use them.
 * Source: https://docs.openstack.org/api-ref/image/v2/ ; what we fix beyond it is in docs/reference.
 */

/** A consumer's answer to a share. Names in capitals as in php-opencloud, values in lower case as on the wire. */
export const MemberStatus = { PENDING: 'pending', ACCEPTED: 'accepted', REJECTED: 'rejected' } as const
export type MemberStatus = (typeof MemberStatus)[keyof typeof MemberStatus]
export const memberStatuses = ['pending', 'accepted', 'rejected'] as const satisfies readonly MemberStatus[]

export const visibilities = ['community', 'public', 'private', 'shared'] as const
export type Visibility = (typeof visibilities)[number]

/** Every status of the API; `killed` and `pending_delete` are read from other clouds and never produced here. */
export const imageStatuses = [
  'queued',
  'saving',
  'active',
  'killed',
  'deleted',
  'uploading',
  'importing',
  'pending_delete',
  'deactivated',
] as const
export type ImageStatus = (typeof imageStatuses)[number]

export const diskFormats = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] as const
export type DiskFormat = (typeof diskFormats)[number]

export const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const
export type ContainerFormat = (typeof containerFormats)[number]

/** The two documents that PATCH of an image accepts. */
export const patchMediaTypes = {
  v21: 'application/openstack-images-v2.1-json-patch',
  v20: 'application/openstack-images-v2.0-json-patch',
} as const

/** Kinds of long work: `import` is asked of the tasks API, the others come of calls on an image. */
export const taskTypes = ['import', 'api_image_import', 'location_import'] as const
export type TaskType = (typeof taskTypes)[number]

export const taskStatuses = ['pending', 'processing', 'success', 'failure'] as const
export type TaskStatus = (typeof taskStatuses)[number]

/** Ways to import bytes. */
export const importMethods = ['glance-direct', 'web-download', 'glance-download', 'copy-image'] as const
export type ImportMethod = (typeof importMethods)[number]

/** What the event log tells (extension, docs/reference/events.md). */
export const eventTypes = [
  'image.create',
  'image.update',
  'image.upload',
  'image.upload_failed',
  'image.stage',
  'image.import',
  'image.import_failed',
  // A copy of the bytes came to a store, or went from one.
  'image.store_add',
  'image.store_remove',
  'image.deactivate',
  'image.reactivate',
  'image.delete',
  'member.create',
  'member.update',
  'member.delete',
  // Message or end of a share changed.
  'member.change',
  // An end was announced, or taken back; and the reminder before an end.
  'member.withdraw',
  'member.keep',
  'member.expiring',
  'listing.publish',
  'listing.update',
  'listing.withdraw',
  'request.receive',
  'request.approve',
  'request.deny',
  'invitation.create',
  'invitation.claim',
  'invitation.revoke',
  // What a rule that only reports would have done.
  'rule.report',
] as const
export type EventType = (typeof eventTypes)[number]

/** What an address gets unless it says otherwise: all notices but news of the catalogue. */
export const defaultNoticeKinds = [
  'share.created',
  'share.answered',
  'share.expiring',
  'share.withdrawing',
  'share.kept',
  'share.withdrawn',
  'request.received',
  'invitation.received',
] as const

/** Notices that a project can ask for (extension, docs/reference/notices.md). */
export const noticeKinds = [...defaultNoticeKinds, 'listing.published'] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** Where a request for access stands. `closed`: the image is gone, or the request was never confirmed. */
export const requestStates = ['unconfirmed', 'waiting', 'approved', 'denied', 'closed'] as const
export type RequestState = (typeof requestStates)[number]

export const ruleKinds = ['accept', 'block'] as const
export type RuleKind = (typeof ruleKinds)[number]

/** Whether a rule acts or only tells what it would do. */
export const ruleModes = ['enforce', 'audit'] as const
export type RuleMode = (typeof ruleModes)[number]

/** How much of its use of shared images a project lets their producers see. */
export const usageDisclosures = ['nothing', 'counted', 'named'] as const
export type UsageDisclosure = (typeof usageDisclosures)[number]

export const deliveryStates = ['waiting', 'digest', 'sent', 'failed'] as const
export type DeliveryState = (typeof deliveryStates)[number]

/** Why a share ends, or ended: nothing said, its end date, a withdrawal, or the image is deleted. */
export const endReasons = ['unshared', 'expired', 'withdrawn', 'image_deleted'] as const
export type EndReason = (typeof endReasons)[number]

export const keyStatuses = ['enabled', 'disabled'] as const
export type KeyStatus = (typeof keyStatuses)[number]

/**
 * Whether a project can use the key of an image, found out by using it: no key is needed; it was never let; it is let; it was
 * let and is not any more; the key manager does not answer.
 */
export const keyStates = ['not_needed', 'missing', 'granted', 'revoked', 'unknown'] as const
export type KeyState = (typeof keyStates)[number]

/** Where a resumable upload stands. */
export const uploadStates = ['open', 'done', 'failed'] as const
export type UploadState = (typeof uploadStates)[number]

/** What is written down of a key. */
export const keyUses = [
  'key.create',
  'key.update',
  'key.rotate',
  'key.delete',
  'key.grant',
  'key.revoke',
  // Used to seal an image, to open one, to wrap its data key anew, to see whether a project can, by a project for itself.
  'key.seal',
  'key.open',
  'key.rewrap',
  'key.prove',
  'key.data_key',
  'key.unwrap',
] as const
export type KeyUse = (typeof keyUses)[number]

export const metadefVisibilities = ['public', 'private'] as const
export type MetadefVisibility = (typeof metadefVisibilities)[number]

export const metadefPropertyTypes = ['array', 'boolean', 'integer', 'number', 'object', 'string'] as const
export type MetadefPropertyType = (typeof metadefPropertyTypes)[number]

/** What only the service sets in metadata definitions. */
export const metadefReadOnlyKeys = ['created_at', 'updated_at', 'self', 'schema'] as const
