import { randomUUID } from 'node:crypto'
import type { Database, Tx } from '../../packages/server/src/database/database.ts'
import { newImage } from '../../packages/server/src/images/create.ts'
import type { Image } from '../../packages/server/src/images/image.ts'
import { insertImage, memberCopies } from '../../packages/server/src/images/queries.ts'
import { insertMember, plainShare } from '../../packages/server/src/members/queries.ts'

export interface Projects {
  readonly producer: string
  readonly consumer: string
}

/** Images that benchmarks use by name. */
export interface Seeded {
  /** Shared with the consumer and others, `membersOfShown` in all. */
  readonly shownId: string
  /** Shared with others only, one less than that; the consumer may come and go. */
  readonly cycledIds: readonly string[]
}

export const membersOfShown = 100
export const cycledImages = 8

/** What the consumer has to do with the images, for the report. */
export const mixDescribed =
  'of 10 images, the consumer owns 1, 2 are public, 2 are shared with it and accepted, 1 pending, 1 rejected, 3 are not ' +
  'its business; every shared one has 3 members; newest first, they take turns'

/** What a consumer has answered. */
type Share = 'accepted' | 'pending' | 'rejected'

const turns: readonly { readonly kind: 'own' | 'public' | 'private' | Share | 'elsewhere' }[] = [
  { kind: 'own' },
  { kind: 'public' },
  { kind: 'accepted' },
  { kind: 'pending' },
  { kind: 'private' },
  { kind: 'public' },
  { kind: 'accepted' },
  { kind: 'rejected' },
  { kind: 'elsewhere' },
  { kind: 'private' },
]

const firstInstant = Date.UTC(2025, 0, 1)
const digest = (index: number, length: number): string => index.toString(16).padStart(length, 'a')

/** An image with bytes, as a list shows it. */
export const activeImage = (index: number, given: Partial<Image>): Image => ({
  ...newImage(randomUUID(), null, firstInstant + index * 1000),
  name: `debian-13-generic-amd64-${index}`,
  status: 'active',
  diskFormat: 'qcow2',
  containerFormat: 'bare',
  minDisk: 3,
  minRam: 512,
  sizeBytes: 348_323_840 + index,
  virtualSizeBytes: 3 * 1024 ** 3,
  checksum: digest(index, 32),
  hashAlgorithm: 'sha512',
  hashValue: digest(index, 128),
  tags: ['debian', 'server'],
  properties: new Map([
    ['architecture', 'x86_64'],
    ['hw_disk_bus', 'virtio'],
    ['os_distro', 'debian'],
    ['os_version', '13'],
  ]),
  locations: [{ store: 'file', key: digest(index, 32) }],
  ...given,
})

export const share = async (tx: Tx, image: Image, memberIds: readonly string[], status: Share): Promise<void> => {
  for (const memberId of memberIds) {
    const times = { created_at: image.createdAt, updated_at: image.createdAt }
    const copies = { ...memberCopies(image, memberId, false), ...plainShare }
    await insertMember(tx, { image_id: image.id, member_id: memberId, status, ...times, ...copies })
  }
}

export const others = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `another-project-${index}`)

const addListed = async (tx: Tx, index: number, { producer, consumer }: Projects): Promise<void> => {
  const { kind } = turns[index % turns.length] ?? { kind: 'private' }
  switch (kind) {
    case 'own':
    case 'private':
      return insertImage(tx, activeImage(index, { owner: kind === 'own' ? consumer : producer, visibility: 'private' }))
    case 'public':
      return insertImage(tx, activeImage(index, { owner: producer, visibility: 'public' }))
    case 'elsewhere':
    case 'accepted':
    case 'pending':
    case 'rejected': {
      const image = activeImage(index, { owner: producer, visibility: 'shared' })
      await insertImage(tx, image)
      if (kind === 'elsewhere') return share(tx, image, others(3), 'accepted')
      await share(tx, image, others(2), 'accepted')
      return share(tx, image, [consumer], kind)
    }
  }
}

const perTransaction = 1000

/** Does something for every index, many to a transaction. */
export const inBulk = async (
  database: Database,
  count: number,
  work: (tx: Tx, index: number) => Promise<void>,
): Promise<void> => {
  for (let first = 0; first < count; first += perTransaction) {
    await database.write(async (tx) => {
      for (let index = first; index < Math.min(count, first + perTransaction); index += 1) await work(tx, index)
    })
  }
}

/** Something to fill an empty service with, through its own queries. The service does not run meanwhile. */
export interface Dataset<Found> {
  /** Of a folder. */
  readonly name: string
  /** For people. */
  readonly described: string
  /** @param data folder of the service, with its secrets */
  readonly fill: (database: Database, projects: Projects, data: string) => Promise<Found>
}

/** No images: for what is measured with bytes alone. @param name of a folder */
export const noImages = (name: string): Dataset<unknown> => ({
  name,
  described: `an empty service (${name})`,
  fill: async () => ({}),
})

/** Images and memberships of all kinds. */
export const someImages = (images: number): Dataset<Seeded> => ({
  name: `with-${images}`,
  described: `${images.toLocaleString('en')} images`,
  fill: async (database, projects) => {
    const owned = { owner: projects.producer, visibility: 'shared' } as const
    // They are the oldest, so that they are on no first page.
    const shown = activeImage(-1, { ...owned, name: 'shown' })
    const cycled = Array.from({ length: cycledImages }, (_, index) =>
      activeImage(-2 - index, { ...owned, name: 'cycled' }),
    )
    await database.write(async (tx) => {
      await insertImage(tx, shown)
      await share(tx, shown, others(membersOfShown - 1), 'accepted')
      await share(tx, shown, [projects.consumer], 'accepted')
      for (const image of cycled) {
        await insertImage(tx, image)
        await share(tx, image, others(membersOfShown - 1), 'accepted')
      }
    })
    await inBulk(database, images - 1 - cycled.length, (tx, index) => addListed(tx, index, projects))
    return { shownId: shown.id, cycledIds: cycled.map(({ id }) => id) }
  },
})
