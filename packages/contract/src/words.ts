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

/** What the event log of an image tells (extension, docs/reference/events.md). */
export const eventTypes = [
  'image.create',
  'image.update',
  'image.upload',
  'image.upload_failed',
  'image.deactivate',
  'image.reactivate',
  'image.delete',
  'member.create',
  'member.update',
  'member.delete',
] as const
export type EventType = (typeof eventTypes)[number]
