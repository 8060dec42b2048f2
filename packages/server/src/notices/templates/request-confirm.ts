import type { Letter } from '../letter.ts'
import type { MailContent } from '../queue.ts'
import { paragraph, quoted } from './parts.ts'

// Whoever asks chooses the mailbox and this text: what is no id could be a message to a stranger.
const projectOf = (id: string): string => (/^[\w-]{1,64}$/.test(id) ? ` for the project ${id}` : '')

/** Asks whether the mailbox is the requester's. */
export const requestConfirm = (content: Extract<MailContent, { template: 'request.confirm' }>): Letter => ({
  subject: `Confirm your request for ${quoted(content.listingTitle)}`,
  blocks: [
    paragraph(
      `Somebody, most likely you, asked for access to ${quoted(content.listingTitle)}${projectOf(content.projectId)}. The producer sees the request once you confirm it.`,
    ),
    { kind: 'link', label: 'Confirm the request', url: content.confirmUrl },
    { kind: 'link', label: 'What was asked for', url: content.listingUrl },
    paragraph('If it was not you, do nothing: without your confirmation nobody is told.'),
  ],
})
