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

/** A share ends soon by itself. */
export const shareExpiring = (content: NoticeContent, place: Place): Letter => {
  const { image, producer } = content
  const endsAt = endOf(content)
  const when = endsAt === null ? 'soon' : `on ${dateText(endsAt)}`
  return {
    subject: `Ends ${endsAt === null ? 'soon' : endsAt.slice(0, 10)}: ${imageName(image)}`,
    blocks: [
      paragraph(
        `The image ${imageName(image)} that ${producerName(producer)} shares with your project ends ${when}. From then on it can neither be booted nor downloaded. Servers that run from it go on.`,
      ),
      ...(image === null ? [] : [imageFacts(image, sharedBy(producer), endsAt)]),
      paragraph('If you still need it, ask its producer for more time.'),
      ...catalogueLink(place, content),
    ],
  }
}
