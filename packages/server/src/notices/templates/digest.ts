import type { DigestContent, NoticeContent } from '../content.ts'
import { type Block, type Letter, paragraph } from '../letter.ts'
import { letterOfNotice } from './notice.ts'
import { dateText, type Place, producerName } from './parts.ts'

const lineOf = (item: NoticeContent, place: Place): readonly [string, string] => [
  dateText(item.at),
  `${letterOfNotice(item, place).subject}${item.image === null || item.image.id === null ? '' : ` (${item.image.id})`}`,
]

/** The notices of a day, by producer. */
export const digest = ({ items, more }: DigestContent, place: Place): Letter => {
  const count = items.length + more
  const byProducer = Map.groupBy(items, ({ producer }) => producerName(producer))
  return {
    subject: `${count} ${count === 1 ? 'notice' : 'notices'} about shared images`,
    blocks: [
      ...[...byProducer].flatMap(([producer, ofProducer]): Block[] => [
        paragraph(`From ${producer}:`),
        { kind: 'facts', facts: ofProducer.map((item) => lineOf(item, place)) },
      ]),
      ...(more === 0 ? [] : [paragraph(`And ${more} more.`)]),
      { kind: 'commands', intro: 'See what waits for you, and accept or reject it:', lines: ['vitrine inbox'] },
    ],
  }
}
