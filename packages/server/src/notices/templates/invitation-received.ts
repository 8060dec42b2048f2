import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import {
  bootNote,
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

const onceAccepted = {
  can: 'Once it has accepted, your project can boot it.',
  cannot: 'Also once it has accepted, your project cannot boot it yet',
}

/** A project of this name was invited to an image. */
export const invitationReceived = (content: NoticeContent, place: Place): Letter => {
  const { image, producer, detail, boot } = content
  const expiresAt = textOf(detail, 'expires_at')
  return {
    subject: `Invitation: ${imageName(image)} by ${shortProducer(producer)}`,
    blocks: [
      paragraph(`${producerName(producer)} invites your project to use an image.`),
      ...eventMessage(content),
      ...(image === null ? [] : [imageFacts(image, sharedBy(producer), endOf(content))]),
      ...bootNote(boot, onceAccepted),
      {
        kind: 'commands',
        intro: `See what waits for you, and accept or reject it${expiresAt === null ? '' : ` until ${dateText(expiresAt)}`}:`,
        lines: ['vitrine inbox'],
      },
      ...catalogueLink(place, content),
    ],
  }
}
