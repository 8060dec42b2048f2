import type { ImageService, Key } from '@vitrine/sdk'
import type { Invocation } from './context.ts'
import { listNeedsVitrine, needsVitrine } from './extension.ts'
import { findOne, type Kind } from './find-one.ts'
import { printable } from './text.ts'

/** Keys are not part of other clouds, as the beginning of a sentence. */
export const keysAre = 'Keys are'

const keyKind: Kind<Key> = {
  name: 'key',
  list: 'vitrine key list',
  id: ({ id }) => id,
  label: ({ name }) => name,
  describe: ({ name }) => name ?? '(no name)',
}

/** A whole id is asked for as it is: a key that others told of need not be in the own list. */
const wholeId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The own key of an id, of the beginning of one, or of a name that only one key has.
 * @throws CommandError when there is none (not found), or more than one (conflict)
 */
export const findKey = (
  invocation: Pick<Invocation, 'signal'>,
  service: ImageService,
  reference: string,
): Promise<Key> => {
  const { signal } = invocation
  return wholeId.test(reference)
    ? needsVitrine(invocation, service, keysAre, service.getKey(reference.toLowerCase(), { signal }))
    : findOne(listNeedsVitrine(keysAre, service.listKeys({ signal })), reference, keyKind)
}

/** A key as it is named to a person. */
export const keyLabel = ({ id, name }: Pick<Key, 'id' | 'name'>): string =>
  name === null ? id : `${printable(name)} (${id})`
