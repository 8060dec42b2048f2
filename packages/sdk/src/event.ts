import { UnexpectedResponseError } from './errors.ts'
import { dateIn, isJsonObject, type JsonObject, type JsonValue, objectIn, stringIn } from './json.ts'

/** One thing that happened to an image. An extension: other clouds answer 404 to `listEvents`. */
export interface ImageEvent {
  id: string
  /** Such as `image.upload` or `member.update`; services may add others. */
  type: string
  imageId: string
  /** Consumer project concerned, for member events. */
  memberId: string | undefined
  /** Project that did it; undefined for the service itself. */
  projectId: string | undefined
  userId: string | undefined
  requestId: string | undefined
  createdAt: Date
  /** What changed. */
  detail: JsonObject
}

/** @throws UnexpectedResponseError when the document is no event */
export const parseEvent = (value: JsonValue): ImageEvent => {
  if (isJsonObject(value)) {
    const id = stringIn(value, 'id')
    const type = stringIn(value, 'type')
    const imageId = stringIn(value, 'image_id')
    const createdAt = dateIn(value, 'created_at')
    if (id !== undefined && type !== undefined && imageId !== undefined && createdAt !== undefined) {
      return {
        id,
        type,
        imageId,
        memberId: stringIn(value, 'member_id'),
        projectId: stringIn(value, 'project_id'),
        userId: stringIn(value, 'user_id'),
        requestId: stringIn(value, 'request_id'),
        createdAt,
        detail: objectIn(value, 'detail') ?? {},
      }
    }
  }
  throw new UnexpectedResponseError('The service sent an event without its id, type, image or date.')
}
