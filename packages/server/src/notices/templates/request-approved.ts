import { wireDate } from '../../http/json.ts'
import type { Letter } from '../letter.ts'
import type { MailContent } from '../queue.ts'
import { bootNote, imageFacts, messageOf, oneLine, paragraph, quoted, useCommands } from './parts.ts'

/** The producer approved a request. */
export const requestApproved = (content: Extract<MailContent, { template: 'request.approved' }>): Letter => {
  const { image, listingTitle, listingUrl, producer, projectId, accepted, message, endsAt, boot } = content
  const by = oneLine(producer)
  return {
    subject: `Approved: ${quoted(listingTitle)}`,
    blocks: [
      paragraph(
        `${by} approved your request for ${quoted(listingTitle)}: the image is shared with your project ${oneLine(projectId)}${accepted ? ' and is in the list of its images' : ''}.`,
      ),
      ...messageOf(by, message),
      imageFacts(image, [['Shared by', by]], endsAt === null ? null : wireDate(endsAt)),
      ...bootNote(boot),
      ...useCommands(image.id, accepted, boot),
      { kind: 'link', label: 'About the image', url: listingUrl },
    ],
  }
}
