import { type ApiError, apiError } from '../api-error.ts'
import type { Actor } from './actor.ts'
import { type Action, type Decision, decide, type ImageFacts, relationOf } from './decide.ts'

/** What the caller named in its request, for the sentences of errors. */
export interface Names {
  readonly image: string
  readonly member?: string
}

const denials: Readonly<Record<Action, (names: Names) => ApiError>> = {
  'image.show': () => apiError('forbidden', { what: 'see it' }),
  'image.download': () => apiError('forbidden', { what: 'download it' }),
  'image.link': () => apiError('forbidden', { what: 'make links to its bytes' }),
  'image.change': () => apiError('forbidden', { what: 'change it' }),
  'image.stores': () => apiError('role_required', { role: 'admin' }),
  'image.locations': () => apiError('role_required', { role: 'service' }),
  'image.events': () => apiError('forbidden', { what: 'read what happened to it' }),
  'image.publish': () => apiError('forbidden', { what: 'announce it' }),
  'member.invite': () => apiError('members_by_owner', {}),
  'image.explain': () => apiError('forbidden', { what: 'ask about it' }),
  'share.list': () => apiError('forbidden', { what: 'see with whom it is shared' }),
  'member.list': () => apiError('forbidden', { what: 'read its members' }),
  'member.show': () => apiError('forbidden', { what: 'read its members' }),
  'member.create': () => apiError('members_by_owner', {}),
  'member.update': ({ member = '' }) => apiError('member_status_of_owner', { member }),
  'member.delete': () => apiError('members_by_owner', {}),
}

const refusal = (
  decision: Exclude<Decision, 'allow'>,
  action: Action,
  { visibility }: ImageFacts,
  names: Names,
): ApiError => {
  switch (decision) {
    case 'hide':
      return apiError('image_not_found', { image: names.image })
    case 'hide_member':
      return apiError('member_not_found', { image: names.image, member: names.member ?? '' })
    case 'not_shared':
      return apiError('members_need_shared', { visibility })
    case 'role':
      return apiError('role_required', { role: action === 'image.locations' ? 'service' : 'member' })
    case 'deny':
      return denials[action](names)
  }
}

/** An image as it was looked up: its record, and whether the actor's project is a member of it. */
export interface FoundImage {
  readonly row: ImageFacts
  readonly isMember: boolean
}

/**
 * Lets through what `decide` allows, and nothing else that was found.
 * @param memberRow for calls on one member: whose row it is, null if there is none
 * @throws ApiError that says what the decision was: 404 for what the caller must not know of, else 403
 */
export const entitled = <Found extends FoundImage>(
  actor: Actor,
  action: Action,
  names: Names,
  found: Found | undefined,
  memberRow?: 'own' | 'other' | null,
): Found => {
  if (found === undefined) throw apiError('image_not_found', { image: names.image })
  const { row, isMember } = found
  const membership = memberRow === undefined ? { actorIsMember: isMember } : { actorIsMember: isMember, row: memberRow }
  const decision = decide(actor, action, row, membership)
  if (decision !== 'allow') throw refusal(decision, action, row, names)
  return found
}

/**
 * The project whose rows alone the actor may see, of what hangs on an image: its own, if it is only a member of it.
 * Undefined for owner and administrator, who see all.
 */
export const onlyOf = (actor: Actor, { row, isMember }: FoundImage): string | undefined =>
  relationOf(actor, row, { actorIsMember: isMember }) === 'member' && actor.projectId !== null
    ? actor.projectId
    : undefined
