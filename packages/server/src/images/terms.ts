import { createHash } from 'node:crypto'
import type { Image } from './image.ts'

/**
 * The digest of something that a list can ask for by equality. A digest, because values may be longer than an index
 * entry can be; 128 bits, because two of a project's own values must not meet by chance.
 */
export const termOf = (kind: 'name' | 'tag' | 'property', value: string, property = ''): string =>
  createHash('sha256').update(`${kind}\0${property}\0${value}`).digest('hex').slice(0, 32)

/** Every term that finds this image. */
export const termsOf = (image: Image): Set<string> =>
  new Set([
    ...(image.name === null ? [] : [termOf('name', image.name)]),
    ...image.tags.map((tag) => termOf('tag', tag)),
    ...[...image.properties].flatMap(([key, value]) => (value === null ? [] : [termOf('property', value, key)])),
  ])
