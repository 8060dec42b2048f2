import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import {
  bootNote,
  catalogueLink,
  endOf,
  eventMessage,
  imageFacts,
  imageName,
  type Place,
  paragraph,
  producerName,
  sharedBy,
  shortProducer,
  useCommands,
} from './parts.ts'

/** An image was shared with the project. */
export const shareCreated = (content: NoticeContent, place: Place): Letter => {
  const { image, producer, projectId, boot } = content
  return {
    subject: `Shared with you: ${imageName(image)} by ${shortProducer(producer)}`,
    blocks: [
      paragraph(`${producerName(producer)} shares an image with your project ${projectId}.`),
      ...eventMessage(content),
      ...(image === null ? [] : [imageFacts(image, sharedBy(producer), endOf(content))]),
      ...bootNote(boot),
      ...(image === null || image.id === null ? [] : useCommands(image.id, false, boot)),
      ...catalogueLink(place, content),
    ],
  }
}
