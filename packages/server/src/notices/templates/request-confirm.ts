import type { Letter } from '../letter.ts'
import type { MailContent } from '../queue.ts'
import { oneLine, paragraph, quoted } from './parts.ts'

/** Asks whether the mailbox is the requester's. */
export const requestConfirm = (content: Extract<MailContent, { template: 'request.confirm' }>): Letter => ({
  subject: `Confirm your request for ${quoted(content.listingTitle)}`,
  blocks: [
    paragraph(
      `Somebody, most likely you, asked for access to ${quoted(content.listingTitle)} for the project ${oneLine(content.projectId)}. The producer sees the request once you confirm it.`,
    ),
    { kind: 'link', label: 'Confirm the request', url: content.confirmUrl },
    { kind: 'link', label: 'What was asked for', url: content.listingUrl },
    paragraph('If it was not you, do nothing: without your confirmation nobody is told.'),
  ],
})
