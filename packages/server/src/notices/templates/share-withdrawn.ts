import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import {
  catalogueLink,
  eventMessage,
  imageFacts,
  imageName,
  type Place,
  paragraph,
  producerName,
  sharedBy,
  textOf,
} from './parts.ts'

const reasons: Readonly<Record<string, string>> = {
  expired: 'The share came to the end that was set for it.',
  withdrawn: 'Its producer had announced to withdraw it.',
  image_deleted: 'The image was deleted.',
}

/** A share is over. */
export const shareWithdrawn = (content: NoticeContent, place: Place): Letter => {
  const { image, producer, detail } = content
  const reason = reasons[textOf(detail, 'reason') ?? '']
  return {
    subject: `No longer shared: ${imageName(image)}`,
    blocks: [
      paragraph(
        `${producerName(producer)} no longer shares the image ${imageName(image)} with your project.${reason === undefined ? '' : ` ${reason}`} It can neither be booted nor downloaded any more. Servers that run from it go on.`,
      ),
      ...eventMessage(content),
      ...(image === null ? [] : [imageFacts(image, sharedBy(producer), null)]),
      ...catalogueLink(place, content),
    ],
  }
}
