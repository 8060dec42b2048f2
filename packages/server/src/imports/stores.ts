import { apiError } from '../api-error.ts'
import type { Image } from '../images/image.ts'
import type { Service } from '../service.ts'
import type { ImportRequest } from './request.ts'

/**
 * The stores that an import brings the bytes to.
 * @returns none when all of them have a copy already
 * @throws ApiError `import_store_unknown`, `invalid_body`
 */
export const storesFor = (
  { stores }: Pick<Service, 'stores'>,
  { method, stores: choice }: Pick<ImportRequest, 'method' | 'stores'>,
  image: Pick<Image, 'locations'>,
): string[] => {
  const wanted = choice.all ? stores.names : [...new Set(choice.names ?? [stores.byDefault.name])]
  const unknown = wanted.find((name) => stores.byName(name) === undefined)
  if (unknown !== undefined) throw apiError('import_store_unknown', { store: unknown })
  if (method !== 'copy-image') return [...wanted]
  const held = new Set(image.locations.map(({ store }) => store))
  const double = wanted.find((name) => held.has(name))
  if (double !== undefined && !choice.all) {
    throw apiError('invalid_body', { why: `the store ${double} has a copy of the image already` })
  }
  return wanted.filter((name) => !held.has(name))
}
