import { producerPath } from '../../catalogue/documents.ts'
import { wireDate } from '../../http/json.ts'
import type { MailedProducer, NoticeContent, NoticedImage } from '../content.ts'
import { type Block, oneLine, paragraph, quoted } from '../letter.ts'
import { textOf } from '../meaning.ts'
import type { MailedBoot } from '../queue.ts'

/** Where links lead: scheme and host, without a slash at the end. */
export interface Place {
  readonly origin: string
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1.5 GiB (1610612736 bytes)`. */
export const sizeText = (bytes: number | null): string => {
  if (bytes === null) return 'not uploaded yet'
  const power = Math.min(units.length - 1, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]} (${bytes} bytes)`
}

/** An instant for people: `2026-01-31 12:00 UTC`. */
export const dateText = (instant: number | string): string => {
  const date = typeof instant === 'number' ? wireDate(instant) : instant
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(date) ? `${date.slice(0, 10)} ${date.slice(11, 16)} UTC` : oneLine(date)
}

export const imageName = (image: { readonly name: string | null } | null): string =>
  image === null || image.name === null || image.name === '' ? 'an image without a name' : quoted(image.name)

/** The producer as a reader knows it: handle and name, else the project. */
export const producerName = (producer: MailedProducer | null): string => {
  if (producer === null) return 'the cloud'
  if (producer.handle === null) return `project ${oneLine(producer.projectId)}`
  return producer.name === null ? `@${producer.handle}` : `${quoted(producer.name)} (@${producer.handle})`
}

/** The same in a few characters, for subjects. */
export const shortProducer = (producer: MailedProducer | null): string => {
  if (producer === null) return 'the cloud'
  return producer.handle === null ? `project ${oneLine(producer.projectId, 40)}` : `@${producer.handle}`
}

/** Who shares, for the list of facts: what they are called, and their project where that is not said by it. */
export const sharedBy = (producer: MailedProducer | null): readonly (readonly [string, string])[] => [
  ['Shared by', producerName(producer)],
  ...(producer === null || producer.handle === null ? [] : [['Project', oneLine(producer.projectId)] as const]),
]

/** What the image is, who shares it, and until when. */
export const imageFacts = (
  image: NoticedImage,
  by: readonly (readonly [string, string])[],
  endsAt: string | null,
): Block => ({
  kind: 'facts',
  facts: [
    ['Image', imageName(image)],
    ...(image.id === null ? [] : [['Id', oneLine(image.id)] as const]),
    ...by,
    ...(image.sizeBytes === null && image.hashValue === null ? [] : [['Size', sizeText(image.sizeBytes)] as const]),
    ...(image.hashValue === null ? [] : [[image.hashAlgorithm ?? 'Hash', image.hashValue] as const]),
    ...(endsAt === null ? [] : [['Ends', dateText(endsAt)] as const]),
  ],
})

/** Words of the producer. */
export const messageOf = (by: string, message: string | null): Block[] =>
  message === null || message.trim() === '' ? [] : [{ kind: 'quotation', by, text: message }]

const sentenceMax = 500

const ofShare = { can: 'Your project can boot it now.', cannot: 'Your project cannot boot it yet' }

/** Whether the image boots, if that is known. */
export const bootNote = (boot: MailedBoot | undefined, { can, cannot } = ofShare): Block[] => {
  if (boot === undefined) return []
  const { canBoot, denials, remarks } = boot
  const told = canBoot
    ? [can]
    : denials.flatMap(({ text, next }, index) => {
        const before = index === 0 ? cannot : 'Also'
        return [`${before}: ${text}`, ...(next === null ? [] : [next])]
      })
  return [...told, ...remarks].map((text) => paragraph(oneLine(text, sentenceMax)))
}

/** How to accept an image and to boot it. Ids of images are UUIDs, so they need no quoting in a shell. */
export const useCommands = (imageId: string, accepted: boolean, boot?: MailedBoot): Block[] => [
  ...(accepted
    ? []
    : [
        {
          kind: 'commands' as const,
          intro: 'Accept it, so that it is in the list of your images (either command does):',
          lines: [`vitrine accept ${imageId}`, `openstack image set --accept ${imageId}`],
        },
      ]),
  {
    kind: 'commands',
    intro:
      boot?.canBoot === false
        ? 'Once nothing stands against it, boot it by its id:'
        : accepted
          ? 'Boot it:'
          : 'It can be booted by its id whether you accept it or not:',
    lines: [`openstack server create --image ${imageId} --flavor FLAVOR NAME`],
  },
]

/** Where to read more: the page of the producer, or the catalogue if it has none. */
export const catalogueLink = ({ origin }: Place, { producer }: Pick<NoticeContent, 'producer'>): Block[] => [
  producer === null || producer.handle === null
    ? { kind: 'link', label: 'The catalogue', url: `${origin}/catalogue` }
    : { kind: 'link', label: 'This producer in the catalogue', url: `${origin}${producerPath(producer.handle)}` },
]

/** The message that an event carries. */
export const eventMessage = ({ detail, producer }: NoticeContent): Block[] =>
  messageOf(producerName(producer), textOf(detail, 'message'))

/** When the share ends, if the event says so. */
export const endOf = ({ detail }: NoticeContent): string | null => textOf(detail, 'ends_at')

export { oneLine, paragraph, quoted, textOf }
