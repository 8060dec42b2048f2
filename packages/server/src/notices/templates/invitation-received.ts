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
  shortProducer,
  textOf,
} from './parts.ts'

/** A project of this name was invited to an image. */
export const invitationReceived = (content: NoticeContent, place: Place): Letter => {
  const { image, producer, detail } = content
  const expiresAt = textOf(detail, 'expires_at')
  return {
    subject: `Invitation: ${imageName(image)} by ${shortProducer(producer)}`,
    blocks: [
      paragraph(`${producerName(producer)} invites your project to use an image.`),
      ...eventMessage(content),
      ...(image === null ? [] : [imageFacts(image, sharedBy(producer), endOf(content))]),
      {
        kind: 'commands',
        intro: `See what waits for you, and accept or reject it${expiresAt === null ? '' : ` until ${dateText(expiresAt)}`}:`,
        lines: ['vitrine inbox'],
      },
      ...catalogueLink(place, content),
    ],
  }
}
