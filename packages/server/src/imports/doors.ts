import { apiError } from '../api-error.ts'
import type { Door } from '../data/attempt.ts'
import { keepBlob } from '../data/blobs.ts'
import { withData } from '../data/rules.ts'
import { contentCheckOf } from '../data/upload.ts'
import type { Cause } from '../events/events.ts'
import { fromRow, type Image, type Location } from '../images/image.ts'
import { type ImageAndMembership, updateImage } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { findTask, type Task } from '../tasks/queries.ts'
import { recordImport } from './begin.ts'
import { importStateOf, withImportState } from './work.ts'

/** The image of a task was claimed when the import began. @throws ApiError `image_deleted`, `upload_lost` */
const claimOf = (task: Task) => (found: ImageAndMembership | undefined) => {
  if (found === undefined) throw apiError('image_deleted', {})
  const image = fromRow(found.row)
  if (importStateOf(image).taskId !== task.id) throw apiError('upload_lost', {})
  return { before: image, after: image }
}

const withCopy = (image: Image, location: Location): Image => {
  const state = importStateOf(image)
  const remaining = state.remaining.filter((name) => name !== location.store)
  return {
    ...image,
    locations: [...image.locations, location],
    properties: withImportState(image, { ...state, remaining }),
  }
}

/** How an import brings bytes to one store, while the task is this process's: another may have taken this one for dead. */
const importDoor = (
  service: Service,
  cause: Cause,
  task: Task,
  how: Pick<Door, 'check'> & { readonly next: (image: Image, bytes: Parameters<Door['keep']>[2]) => Image },
): Door => ({
  state: 'writing',
  claim: claimOf(task),
  check: how.check,
  keep: async (tx, image, bytes, location) => {
    const current = await findTask(tx, task.id)
    const isOurs = current?.process_id === service.presence.processId && importStateOf(image).taskId === task.id
    if (!isOurs || image.locations.some(({ store }) => store === location.store)) return false
    if (!(await keepBlob(tx, location.key, bytes.sizeBytes))) return false
    await updateImage(tx, image, withCopy(how.next(image, bytes), location))
    const at = service.now()
    await recordImport(tx, { ...cause, at }, image, 'image.store_add', { store: location.store })
    return true
  },
  release: async () => undefined,
})

/** The first copy, of bytes from outside. */
export const fetchDoor = (service: Service, cause: Cause, task: Task): Door => {
  let judgedAs: Pick<Image, 'diskFormat' | 'containerFormat'> | undefined
  return importDoor(service, cause, task, {
    check: (image) => {
      judgedAs = image
      const check = contentCheckOf(service, image)
      if (check === undefined) throw apiError('formats_changed', {})
      return check
    },
    next: (image, bytes) => {
      // A PATCH may have said meanwhile that they are something else than what they were judged as.
      const isSame = judgedAs?.diskFormat === image.diskFormat && judgedAs.containerFormat === image.containerFormat
      if (!isSame) throw apiError('formats_changed', {})
      return withData(image, bytes, service.now())
    },
  })
}

/** A further copy, of bytes that were looked at when they first came. */
export const copyDoor = (service: Service, cause: Cause, task: Task): Door =>
  importDoor(service, cause, task, { check: () => undefined, next: (image) => image })
