import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import { checkUploading } from '../data/uploading.ts'
import type { Cause } from '../events/events.ts'
import { fromRow, locationsOf } from '../images/image.ts'
import { findImage, findImageForChange } from '../images/queries.ts'
import { checkAddress, checkImportable, checkUnlocked, newTask, startImport } from '../imports/begin.ts'
import { type ImportWork, writeWork } from '../imports/work.ts'
import type { Service } from '../service.ts'
import { insertTask } from '../tasks/queries.ts'
import type { LocationRequest } from './request.ts'

/** Where the copies of an image are, for services that reach the stores themselves. */
export const readLocations = async ({ database, stores, now }: Service, actor: Actor, imageId: string) => {
  const found = await findImage(database.read, imageId, actor.projectId, now())
  const { row } = entitled(actor, 'image.locations', { image: imageId }, found)
  return locationsOf(row).flatMap(({ store, key }) => {
    const from = stores.byName(store)
    return from === undefined ? [] : [{ url: from.urlOf(key), metadata: { store } }]
  })
}

/** Nobody makes an image of what the service itself can reach: neither its files nor the objects of its stores. */
const checkScheme = (url: string, { webLocations }: Service, isService: boolean): void => {
  const isWeb = /^https?:\/\//i.test(url)
  if (isWeb && webLocations) return
  if (!isService) throw apiError('locations_hidden', {})
  throw apiError('import_address_refused', {
    why: isWeb ? 'locations on the web are not taken' : 'only http and https',
  })
}

/**
 * Begins to take the bytes behind an address for those of an image. They are copied, hashed and looked at like any others, so
 * that what was looked at is what is served, whatever stands behind the address later.
 * @param isService whether a service of the cloud asks
 * @throws ApiError
 */
export const addLocation = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  { url, expected }: LocationRequest,
  { isService, token }: { readonly isService: boolean; readonly token: string },
): Promise<void> => {
  const work: ImportWork = {
    origin: { method: 'web-download', uri: url },
    stores: [service.stores.byDefault.name],
    allMustSucceed: true,
    expected,
  }
  const task = await service.database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const { row } = entitled(actor, isService ? 'image.show' : 'image.change', { image: imageId }, found)
    const image = fromRow(row)
    checkScheme(url, service, isService)
    checkAddress(service, work.origin)
    checkImportable('web-download', image)
    await checkUnlocked(tx, image)
    await checkUploading(tx, service.limits, image.owner)
    const input = { image_id: imageId, loc_url: url, validation_data: expected?.hashes ?? [] }
    const made = newTask(service, cause, {
      type: 'location_import',
      owner: actor.projectId ?? '',
      image_id: imageId,
      input: JSON.stringify(input),
      work: writeWork(work),
    })
    await insertTask(tx, made)
    await startImport(tx, cause, image, made, work)
    return made
  })
  service.tasks.begin(task, token)
}
