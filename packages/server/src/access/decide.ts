import type { Visibility } from '@vitrine/contract'
import type { Actor, Role } from './actor.ts'

/** What can be done to an image or to its members. */
export const actions = [
  'image.show',
  'image.change',
  'image.download',
  'image.link',
  'image.stores',
  'image.locations',
  'image.events',
  'image.publish',
  'member.invite',
  'image.explain',
  'share.list',
  'member.list',
  'member.show',
  'member.create',
  'member.update',
  'member.delete',
] as const
export type Action = (typeof actions)[number]

/** The facts about an image that access depends on. */
export interface ImageFacts {
  readonly owner: string | null
  readonly visibility: Visibility
}

/**
 * The facts about memberships: whether the actor's project is a member of the image, and for the calls on one member,
 * whose row it is (null: there is no such row).
 */
export interface MembershipFacts {
  readonly actorIsMember: boolean
  readonly row?: 'own' | 'other' | null
}

/**
 * - `allow`
 * - `hide`: the caller must not learn that the image exists (404)
 * - `hide_member`: the image is there, the member row is not, or not for this caller (404)
 * - `not_shared`: only shared images have members (403)
 * - `role`: visible, but the caller lacks the role (403)
 * - `deny`: visible, but not the caller's to do (403)
 */
export type Decision = 'allow' | 'hide' | 'hide_member' | 'not_shared' | 'role' | 'deny'

/** How the actor stands to the image; the first that fits. */
export type Relation = 'admin' | 'owner' | 'member' | 'public' | 'none'

/** Memberships count only while the image is shared. An image without owner is there for everyone. */
export const relationOf = (actor: Actor, image: ImageFacts, membership: MembershipFacts): Relation => {
  if (!actor.roles.has('reader')) return 'none'
  if (actor.roles.has('admin')) return 'admin'
  if (image.owner !== null && image.owner === actor.projectId) return 'owner'
  if (image.visibility === 'public' || image.visibility === 'community' || image.owner === null) return 'public'
  return image.visibility === 'shared' && membership.actorIsMember ? 'member' : 'none'
}

/**
 * The table: who may do what, with the role that it needs on the own project. Whoever is not named sees the image and is
 * denied.
 */
const rules: Readonly<Record<Action, Partial<Record<Exclude<Relation, 'none'>, Role>>>> = {
  'image.show': { admin: 'admin', owner: 'reader', member: 'reader', public: 'reader' },
  'image.download': { admin: 'admin', owner: 'member', member: 'member', public: 'member' },
  // What a link lets others read, its maker must be able to read.
  'image.link': { admin: 'admin', owner: 'member', member: 'member', public: 'member' },
  'image.change': { admin: 'admin', owner: 'member' },
  'image.stores': { admin: 'admin' },
  'image.locations': { admin: 'admin', owner: 'service', member: 'service', public: 'service' },
  'image.events': { admin: 'admin', owner: 'reader', member: 'reader' },
  'image.publish': { admin: 'admin', owner: 'member' },
  'member.invite': { admin: 'admin', owner: 'member' },
  'image.explain': { admin: 'admin', owner: 'reader', member: 'reader', public: 'reader' },
  'share.list': { admin: 'admin', owner: 'reader' },
  'member.list': { admin: 'admin', owner: 'reader', member: 'reader' },
  'member.show': { admin: 'admin', owner: 'reader', member: 'reader' },
  'member.create': { admin: 'admin', owner: 'member' },
  'member.update': { admin: 'admin', member: 'member' },
  'member.delete': { admin: 'admin', owner: 'member' },
}

const onRows: ReadonlySet<Action> = new Set(['member.show', 'member.update', 'member.delete'])

const permitted = (action: Action, relation: Exclude<Relation, 'none'>, actor: Actor): Decision => {
  const role = rules[action][relation]
  if (role === undefined) return 'deny'
  return actor.roles.has(role) ? 'allow' : 'role'
}

/**
 * Decides whether the actor may do this, from facts alone. Checks in the order that the answers depend on: is the image
 * visible; is it the kind of image that has members; is the member row visible; is the actor entitled.
 */
export const decide = (actor: Actor, action: Action, image: ImageFacts, membership: MembershipFacts): Decision => {
  const relation = relationOf(actor, image, membership)
  if (relation === 'none') return 'hide'

  const onMembers = action.startsWith('member.')
  if (onMembers && image.visibility !== 'shared') return action === 'member.show' ? 'hide_member' : 'not_shared'
  if (onRows.has(action)) {
    const { row } = membership
    const seesAll = relation === 'admin' || relation === 'owner'
    if (row === null || row === undefined || (row === 'other' && !seesAll)) return 'hide_member'
  }
  return permitted(action, relation, actor)
}
