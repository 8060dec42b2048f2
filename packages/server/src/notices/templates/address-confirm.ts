import type { Letter } from '../letter.ts'
import type { MailContent } from '../queue.ts'
import { oneLine, paragraph } from './parts.ts'

/** Asks a mailbox whether it wants the notices of a project. */
export const addressConfirm = (content: Extract<MailContent, { template: 'address.confirm' }>): Letter => ({
  subject: `Confirm this address for notices of ${oneLine(content.projectName, 60)}`,
  blocks: [
    paragraph(
      `A user of the project ${oneLine(content.projectName)} (${oneLine(content.projectId)}) wants its notices to be sent to this address: images that are shared with it, answers, and ends of shares.`,
    ),
    { kind: 'link', label: 'Confirm this address', url: content.confirmUrl },
    paragraph('If you do not know what this is about, do nothing: no notices come without your confirmation.'),
  ],
})
