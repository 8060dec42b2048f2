import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import { imageName, messageOf, oneLine, paragraph, quoted, textOf } from './parts.ts'

/** Somebody asks for access to an image of the project. */
export const requestReceived = ({ image, detail }: NoticeContent): Letter => {
  const project = textOf(detail, 'project')
  const email = textOf(detail, 'email')
  const id = textOf(detail, 'request_id')
  const title = textOf(detail, 'listing_title')
  const what = title === null ? imageName(image) : quoted(title)
  const who = project === null ? 'Somebody' : `Project ${oneLine(project)}`
  return {
    subject: `Access requested: ${what}`,
    blocks: [
      paragraph(`${who} asks for access to ${what}.`),
      ...messageOf('The requester', textOf(detail, 'message')),
      {
        kind: 'facts',
        facts: [
          ['Image', `${imageName(image)}${image === null || image.id === null ? '' : ` (${image.id})`}`],
          ...(project === null ? [] : [['Project', oneLine(project)] as const]),
          ...(email === null ? [] : [['Mailbox', oneLine(email, 254)] as const]),
          ...(id === null ? [] : [['Request', oneLine(id)] as const]),
        ],
      },
      {
        kind: 'commands',
        intro: 'Decide:',
        lines:
          id === null
            ? ['vitrine requests']
            : [`vitrine approve ${oneLine(id)}`, `vitrine deny ${oneLine(id)} --reason TEXT`],
      },
    ],
  }
}
