import type { KeyedImage, KeyFinding } from '../keys/states.ts'
import type { Remark } from './sight.ts'

/** What to say of a project and the key of an encrypted image. */
export type KeyRemark = Remark<'key'> & { readonly next: string | null }

// Clients may mark images with any text; only what looks like the id of a key is repeated.
const named = ({ key_id: id }: KeyedImage): string => (id !== null && /^[\w-]{1,64}$/.test(id) ? ` ${id}` : '')

const denied = (text: string, next: string): KeyRemark => ({ rule: 'key', effect: 'denies', text, next })

/** Undefined for what is not encrypted. */
export const whyKey = (
  image: KeyedImage,
  project: string,
  { state, trouble }: KeyFinding,
  { isShared }: { readonly isShared: boolean } = { isShared: true },
): KeyRemark | undefined => {
  if (image.encryption === null) return undefined
  const key = `key${named(image)}`
  if (state === 'not_needed') {
    const text = `The image is encrypted by whoever uploaded it; this service asks nobody whether project ${project} can use its ${key}.`
    return { rule: 'key', effect: 'informs', text, next: null }
  }
  const owner = image.owner ?? 'that owns it'
  switch (trouble) {
    case null:
      return {
        rule: 'key',
        effect: 'allows',
        text: `The image is encrypted, and project ${project} can use its ${key}.`,
        next: null,
      }
    case 'not_granted': {
      const any = state === 'revoked' ? ' any more' : ''
      const withShare = isShared ? '' : `; or share with it: vitrine share ${image.id} ${project} --grant`
      return denied(
        `The image is encrypted, and project ${project} may not use its ${key}${any}, which belongs to project ${owner}.`,
        `Project ${owner} can let it: vitrine key grant${named(image)} ${project}${withShare}`,
      )
    }
    case 'never_granted':
      return denied(
        `The image is encrypted, and its ${key} is marked as never to be used by other projects than ${owner}.`,
        `Project ${owner} can copy the image under another key, and share the copy: vitrine image copy ${image.id} --key KEY`,
      )
    case 'disabled':
      return denied(
        `The image is encrypted, and its ${key} is disabled: nobody can use it.`,
        `Project ${owner}, which it belongs to, can enable it: vitrine key enable${named(image)}`,
      )
    case 'unknown_key':
      return denied(
        `The image is encrypted, and the key manager of this service knows no ${key} of its owner.`,
        'Nobody can be let use it here; its owner can share an image that is sealed by the service, or not encrypted.',
      )
    case 'damaged':
      return denied(
        `The image is encrypted, and its ${key} cannot be opened: what is kept of it is damaged.`,
        'Tell the operator of this service.',
      )
    case 'no_answer':
      return denied(
        `The image is encrypted, and the key manager does not answer: whether project ${project} can use its ${key} is not known.`,
        'Try again in a moment.',
      )
    case 'no_manager':
      return denied(
        'The image is encrypted by this service, which has no key manager now to open it.',
        'Tell the operator to set VITRINE_KEY_MANAGER.',
      )
  }
}
