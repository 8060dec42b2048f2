import type { Letter } from '../letter.ts'
import type { MailContent } from '../queue.ts'
import { paragraph, quoted } from './parts.ts'

/** What was asked for is gone. */
export const requestClosed = (content: Extract<MailContent, { template: 'request.closed' }>): Letter => ({
  subject: `No longer available: ${quoted(content.listingTitle)}`,
  blocks: [
    paragraph(
      `Your request for ${quoted(content.listingTitle)} is closed: its producer no longer offers the image. Nobody can decide it any more.`,
    ),
  ],
})
