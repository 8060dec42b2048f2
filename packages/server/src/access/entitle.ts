import { type ApiError, apiError } from '../api-error.ts'
import type { Actor } from './actor.ts'
import { type Action, type Decision, decide, type ImageFacts, type MembershipFacts } from './decide.ts'

/** What the caller named in its request, for the sentences of errors. */
export interface Names {
  readonly image: string
  readonly member?: string
}

const denials: Readonly<Record<Action, (names: Names) => ApiError>> = {
  'image.show': () => apiError('forbidden', { what: 'see it' }),
  'image.download': () => apiError('forbidden', { what: 'download it' }),
  'image.change': () => apiError('forbidden', { what: 'change it' }),
  'image.events': () => apiError('forbidden', { what: 'read what happened to it' }),
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
      return apiError('role_required', { role: 'member' })
    case 'deny':
      return denials[action](names)
  }
}

/**
 * Lets through what `decide` allows.
 * @throws ApiError that says what the decision was: 404 for what the caller must not know of, else 403
 */
export const entitle = (
  actor: Actor,
  action: Action,
  image: ImageFacts,
  membership: MembershipFacts,
  names: Names,
): void => {
  const decision = decide(actor, action, image, membership)
  if (decision !== 'allow') throw refusal(decision, action, image, names)
}
