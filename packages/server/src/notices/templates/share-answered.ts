import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import { imageFacts, imageName, oneLine, paragraph, sharedBy } from './parts.ts'

/** A consumer accepted or rejected an image of the project. */
export const shareAnswered = (content: NoticeContent): Letter => {
  const { image, memberId, detail } = content
  const answer = detail.to === 'accepted' ? 'accepted' : 'rejected'
  const consumer = `project ${oneLine(memberId ?? '')}`
  return {
    subject: `${answer === 'accepted' ? 'Accepted' : 'Rejected'}: ${imageName(image)} by ${oneLine(consumer, 50)}`,
    blocks: [
      paragraph(`${consumer} ${answer} your image ${imageName(image)}.`),
      ...(image === null ? [] : [imageFacts(image, sharedBy(content.producer), null)]),
      ...(image === null || image.id === null
        ? []
        : [
            {
              kind: 'commands' as const,
              intro: 'With whom it is shared:',
              lines: [`vitrine members ${image.id}`, `openstack image member list ${image.id}`],
            },
          ]),
    ],
  }
}
