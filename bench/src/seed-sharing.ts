import { createHash, randomUUID } from 'node:crypto'
import { defaultNoticeKinds, shownFacts } from '@vitrine/contract'
import { skeletonOf } from '../../packages/server/src/catalogue/look-alikes.ts'
import { insertListing, type ListingRow, type ProducerRow } from '../../packages/server/src/catalogue/queries.ts'
import type { Tx } from '../../packages/server/src/database/database.ts'
import { insertImage } from '../../packages/server/src/images/queries.ts'
import { insertRequest } from '../../packages/server/src/requests/queries.ts'
import { activeImage, type Dataset, inBulk, type Seeded, share, someImages } from './seed.ts'

const firstInstant = Date.UTC(2025, 0, 1)
const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const shown = (count: number): string => count.toLocaleString('en')

const insertProducer = async (tx: Tx, projectId: string, handle: string, name: string): Promise<ProducerRow> => {
  const row: ProducerRow = {
    project_id: projectId,
    handle,
    handle_skeleton: skeletonOf(handle),
    name,
    name_skeleton: skeletonOf(name),
    description: null,
    website: null,
    contact: null,
    created_at: firstInstant,
    updated_at: firstInstant,
  }
  await tx.insertInto('producers').values(row).execute()
  return row
}

const producersOfCatalogue = 50
const systems = [
  ['Debian', '13'],
  ['Ubuntu', '24.04'],
  ['Fedora', '42'],
  ['Rocky Linux', '9'],
  ['AlmaLinux', '10'],
  ['openSUSE Leap', '15.6'],
  ['Arch Linux', 'rolling'],
  ['FreeBSD', '14'],
] as const
const architectures = ['x86_64', 'x86_64', 'x86_64', 'aarch64', 'ppc64le'] as const
const syllables = ['ba', 'ce', 'di', 'fo', 'gu', 'ka', 'le', 'mi', 'no', 'pu', 'ra', 'se', 'ti', 'vo', 'zu'] as const

/** One of some three thousand words, the same for the same number; small numbers are as frequent as common words. */
const wordAt = (number: number): string =>
  [number % 15, Math.floor(number / 15) % 15, Math.floor(number / 225) % 15].map((at) => syllables[at]).join('')

/** Words as a text has them: few of them often, most of them seldom. */
const textAt = (seed: number, words: number): string =>
  Array.from({ length: words }, (_, index) => {
    const part = (Math.imul(seed * 131 + index + 1, 2_654_435_761) >>> 0) / 2 ** 32
    return wordAt(Math.floor(3375 * part ** 3))
  }).join(' ')

/** Words that searches of a benchmark look for. */
export const searched = { rare: 'quokka', common: 'server', even: 'evenly', odd: 'oddly' } as const
const rareListings = 3

const listingAt = (index: number, listings: number, producer: ProducerRow, imageId: string): ListingRow => {
  const [system, version] = systems[index % systems.length] ?? systems[0]
  const architecture = architectures[index % architectures.length] ?? 'x86_64'
  const isRare = index % Math.ceil(listings / rareListings) === 0
  const title = `${system} ${version} ${wordAt(index)} ${index}`
  return {
    id: randomUUID(),
    project_id: producer.project_id,
    image_id: imageId,
    slug: `listing-${index}`,
    title,
    title_skeleton: skeletonOf(title),
    summary: `A ${searched.common} image with ${textAt(index, 8)}`,
    description:
      `Made ${index % 2 === 0 ? searched.even : searched.odd} every week.${isRare ? ` ${searched.rare}` : ''}\n\n` +
      `${textAt(index + 7, 40)}\n\n- ${textAt(index + 13, 10)}\n- ${textAt(index + 17, 10)}`,
    os_name: system,
    os_version: version,
    architecture,
    licence: 'MIT',
    terms: null,
    documentation: 'https://docs.example.org/images',
    contact: 'images@example.org',
    icon: null,
    shown: JSON.stringify(shownFacts),
    published_at: firstInstant + index * 60_000,
    updated_at: firstInstant + index * 60_000,
  }
}

/** Listings of fifty producers, each of an image of its own. */
export const aCatalogue = (listings: number): Dataset<Record<never, never>> => ({
  name: `catalogue-${listings}`,
  described: `${shown(listings)} listings`,
  fill: async (database) => {
    const producers: ProducerRow[] = []
    await database.write(async (tx) => {
      for (let index = 0; index < producersOfCatalogue; index += 1) {
        const name = wordAt(3 * index + 300)
        producers.push(await insertProducer(tx, `producer-project-${index}`, `${name}-images`, `The ${name} images`))
      }
    })
    await inBulk(database, listings, async (tx, index) => {
      const producer = producers[index % producers.length]
      if (producer === undefined) return
      const image = activeImage(index, { owner: producer.project_id, visibility: 'shared' })
      await insertImage(tx, image)
      await insertListing(tx, listingAt(index, listings, producer, image.id), producer)
    })
    return {}
  },
})

/** Shares that wait for the consumer, of a producer with a profile. */
export const anInbox = (pending: number): Dataset<Record<never, never>> => ({
  name: `inbox-${pending}`,
  described: `${shown(pending)} pending shares`,
  fill: async (database, { producer, consumer }) => {
    await database.write(async (tx) => void (await insertProducer(tx, producer, 'acme', 'Acme Images')))
    await inBulk(database, pending, async (tx, index) => {
      const image = activeImage(index, { owner: producer, visibility: 'shared' })
      await insertImage(tx, image)
      await share(tx, image, [consumer], 'pending')
    })
    return {}
  },
})

/** For each image the requests for it that wait. */
export interface Requested {
  readonly requestIds: readonly (readonly string[])[]
}

/** Confirmed requests, each of a project and a mailbox of its own, for listed images of the producer. */
export const waitingRequests = (name: string, images: number, requestsEach: number): Dataset<Requested> => ({
  name,
  described: `${shown(images * requestsEach)} requests`,
  fill: async (database, { producer: projectId }) => {
    const producer = await database.write((tx) => insertProducer(tx, projectId, 'acme', 'Acme Images'))
    const requestIds: string[][] = Array.from({ length: images }, () => [])
    for (const [index, ids] of requestIds.entries()) {
      await database.write(async (tx) => {
        const image = activeImage(index, { owner: projectId, visibility: 'shared' })
        await insertImage(tx, image)
        const listing = listingAt(index, images, producer, image.id)
        await insertListing(tx, listing, producer)
        for (let number = 0; number < requestsEach; number += 1) {
          const id = randomUUID()
          const at = firstInstant + (index * requestsEach + number) * 1000
          await insertRequest(tx, {
            id,
            listing_id: listing.id,
            listing_title: listing.title,
            listing_path: `/catalogue/producers/${producer.handle}/${listing.slug}`,
            image_id: image.id,
            owner_id: projectId,
            project_id: `requester-${index}-${number}`,
            project_proven: 0,
            email: `requester-${index}-${number}@example.org`,
            mailbox: `requester-${index}-${number}@example.org`,
            message: 'We would like to use it for our builds.',
            state: 'waiting',
            confirm_digest: digestOf(`confirm ${id}`),
            track_digest: digestOf(`track ${id}`),
            network: `203.0.113.${number}`,
            created_at: at,
            mailed_at: at,
            same_as: null,
            confirmed_at: at,
            decided_at: null,
            decided_by: null,
            reason: null,
          })
          ids.push(id)
        }
      })
    }
    return { requestIds }
  },
})

const insertAddress = async (tx: Tx, projectId: string, email: string): Promise<void> => {
  await tx
    .insertInto('notice_addresses')
    .values({
      id: randomUUID(),
      project_id: projectId,
      email,
      kinds: JSON.stringify(defaultNoticeKinds),
      wants_listings: 0,
      mode: 'instant',
      state: 'confirmed',
      confirm_digest: digestOf(`confirm ${email}`),
      confirm_sent_at: firstInstant,
      unsubscribe_key: digestOf(`unsubscribe ${email}`),
      created_at: firstInstant,
    })
    .execute()
}

/** The images of the other benchmarks, with a notice address for the producer and the consumer. */
export const imagesWithNotices = (images: number): Dataset<Seeded> => {
  const plain = someImages(images)
  return {
    name: `${plain.name}-and-notices`,
    described: plain.described,
    fill: async (database, projects, data) => {
      const seeded = await plain.fill(database, projects, data)
      await database.write(async (tx) => {
        await insertAddress(tx, projects.producer, 'producer@example.org')
        await insertAddress(tx, projects.consumer, 'consumer@example.org')
      })
      return seeded
    },
  }
}

/** An image, and a project that will be told when it is shared with it. */
export interface Watcher {
  readonly imageId: string
  readonly projectId: string
  readonly mailbox: string
}

/** Images of the producer, and as many projects, each with a mailbox. */
export const watchers = (count: number): Dataset<{ readonly watchers: readonly Watcher[] }> => ({
  name: `watchers-${count}`,
  described: `${shown(count)} projects with a notice address`,
  fill: async (database, { producer }) => {
    const found: Watcher[] = []
    await inBulk(database, count, async (tx, index) => {
      const image = activeImage(index, { owner: producer, visibility: 'shared' })
      await insertImage(tx, image)
      const mailbox = `watcher-${index}@example.org`
      const projectId = `watcher-${index}`
      await insertAddress(tx, projectId, mailbox)
      found.push({ imageId: image.id, projectId, mailbox })
    })
    return { watchers: found }
  },
})
