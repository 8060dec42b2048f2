import type { Letter } from '../letter.ts'
import type { MailContent } from '../queue.ts'
import { messageOf, oneLine, paragraph, quoted } from './parts.ts'

/** The producer denied a request. */
export const requestDenied = (content: Extract<MailContent, { template: 'request.denied' }>): Letter => ({
  subject: `Denied: ${quoted(content.listingTitle)}`,
  blocks: [
    paragraph(`${oneLine(content.producer)} denied your request for ${quoted(content.listingTitle)}.`),
    ...messageOf(oneLine(content.producer), content.reason),
  ],
})
