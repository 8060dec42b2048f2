import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import {
  catalogueLink,
  dateText,
  endOf,
  eventMessage,
  imageFacts,
  imageName,
  type Place,
  paragraph,
  producerName,
  sharedBy,
} from './parts.ts'

/** The producer announced that it will withdraw a share. */
export const shareWithdrawing = (content: NoticeContent, place: Place): Letter => {
  const { image, producer, detail } = content
  const endsAt = endOf(content)
  const when = endsAt === null ? 'soon' : `on ${dateText(endsAt)}`
  const deleted = detail.delete_image === true ? ' The image itself will be deleted.' : ''
  return {
    subject: `Being withdrawn${endsAt === null ? '' : ` ${endsAt.slice(0, 10)}`}: ${imageName(image)}`,
    blocks: [
      paragraph(
        `${producerName(producer)} withdraws the image ${imageName(image)} ${when}.${deleted} From then on it can neither be booted nor downloaded. Servers that run from it go on.`,
      ),
      ...eventMessage(content),
      ...(image === null ? [] : [imageFacts(image, sharedBy(producer), endsAt)]),
      ...catalogueLink(place, content),
    ],
  }
}
