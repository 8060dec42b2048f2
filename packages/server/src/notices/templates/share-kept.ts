import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import {
  catalogueLink,
  dateText,
  endOf,
  imageFacts,
  imageName,
  type Place,
  paragraph,
  producerName,
  sharedBy,
} from './parts.ts'

/** The producer called a withdrawal off that it had announced. */
export const shareKept = (content: NoticeContent, place: Place): Letter => {
  const { image, producer } = content
  const endsAt = endOf(content)
  const then = endsAt === null ? 'It stays shared with your project.' : `It stays shared until ${dateText(endsAt)}.`
  return {
    subject: `Not withdrawn after all: ${imageName(image)}`,
    blocks: [
      paragraph(`${producerName(producer)} no longer withdraws the image ${imageName(image)}. ${then}`),
      ...(image === null ? [] : [imageFacts(image, sharedBy(producer), endsAt)]),
      ...catalogueLink(place, content),
    ],
  }
}
