import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type Image, type ImageService, NoDataError, NotFoundError } from '@vitrine/sdk'
import type { Account } from '../accounts.ts'
import { candidates, type Data, type Existence, type Naming, type Sharing, settle, type TrackedImage } from './facts.ts'
import { storedFiles } from './stored-files.ts'

/** What a check looks at. */
export interface Scene {
  readonly data: string
  readonly producer: Account
  readonly consumer: Account
  readonly admin: Account
  readonly images: readonly TrackedImage[]
}

const find = async (images: ImageService, id: string): Promise<Image | undefined> => {
  try {
    return await images.getImage(id)
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

const listedIds = async ({ images }: Account): Promise<Set<string>> => {
  const listed = await images.listImages({ limit: 1000 }).toArray()
  return new Set(listed.map(({ id }) => id))
}

/** The bytes as they are served: their number and digests. */
const served = async (image: Image): Promise<{ sizeBytes: number; sha512: string; md5: string } | undefined> => {
  const sha512 = createHash('sha512')
  const md5 = createHash('md5')
  let sizeBytes = 0
  try {
    for await (const chunk of await image.downloadData()) {
      sha512.update(chunk)
      md5.update(chunk)
      sizeBytes += chunk.byteLength
    }
  } catch (error) {
    if (error instanceof NoDataError) return undefined
    throw error
  }
  return { sizeBytes, sha512: sha512.digest('hex'), md5: md5.digest('hex') }
}

/** What an image is, as the service tells and as the bytes prove. Administrators may read deactivated images. */
const dataOf = async (image: Image): Promise<Data> => {
  const { id, status, size, osHashValue, checksum } = image
  const bytes = await served(image)
  if (status === 'queued') {
    assert.deepEqual(
      { bytes, size, osHashValue, checksum },
      { bytes: undefined, size: null, osHashValue: null, checksum: null },
    )
    return { status: 'queued' }
  }
  assert.match(status, /^(?:active|deactivated)$/, `after a start ${id} is ${status}`)
  assert.ok(bytes, `${id} is ${status} and has bytes`)
  const told = { sizeBytes: size, sha512: osHashValue, md5: checksum }
  assert.deepEqual(bytes, told, `the bytes of ${id} are those that the service has the digests of`)
  const { sizeBytes, sha512 } = bytes
  return { status: status === 'active' ? 'active' : 'deactivated', sizeBytes, sha512 }
}

const sharingOf = async (tracked: TrackedImage, image: Image, consumer: Account): Promise<Sharing> => {
  if (image.visibility === 'private') {
    // The members of a private image cannot be read. No two requests that leave it private are ever under way.
    const kept = candidates(tracked.sharing).find((sharing) => sharing.visibility === 'private')
    return { visibility: 'private', member: kept?.member ?? 'none' }
  }
  assert.equal(image.visibility, 'shared')
  const members = await image.listMembers().toArray()
  assert.ok(members.length <= 1, `${image.id} has ${members.length} members`)
  const [member] = members
  if (member !== undefined) assert.equal(member.memberId, consumer.projectId)
  return { visibility: 'shared', member: member?.status ?? 'none' }
}

const namingOf = ({ name, tags }: Image): Naming => ({ name: name ?? '', tags })

const story = (image: TrackedImage): string => JSON.stringify(image, null, 1)

/** Compares one image with what is known of it, and takes what was found for the truth. */
const checkImage = async (scene: Scene, tracked: TrackedImage): Promise<void> => {
  const { producer, consumer, admin } = scene
  const { id, existence, data, sharing, naming } = tracked
  const known = story(tracked)
  const image = await find(producer.images, id)
  const seenByAdmin = await find(admin.images, id)
  assert.equal(seenByAdmin !== undefined, image !== undefined, `owner and administrator see the same of ${known}`)

  const absent: Existence = existence.value === 'there' ? 'gone' : existence.value
  const found = image === undefined ? absent : 'there'
  assert.ok(settle(existence, found), `the image is ${found}, but should be: ${known}`)
  if (image === undefined || seenByAdmin === undefined) {
    assert.equal(await find(consumer.images, id), undefined, `nobody sees ${known}`)
    return
  }
  const foundData = await dataOf(seenByAdmin)
  assert.ok(settle(data, foundData), `the data are ${JSON.stringify(foundData)}, but should be: ${known}`)
  const foundSharing = await sharingOf(tracked, image, consumer)
  assert.ok(settle(sharing, foundSharing), `the sharing is ${JSON.stringify(foundSharing)}, but should be: ${known}`)
  const foundNaming = namingOf(image)
  assert.ok(settle(naming, foundNaming), `the naming is ${JSON.stringify(foundNaming)}, but should be: ${known}`)
  const mayUse = foundSharing.visibility === 'shared' && foundSharing.member !== 'none'
  const used = await find(consumer.images, id)
  assert.equal(used !== undefined, mayUse, `what the consumer may see of ${known}`)
}

const idsOf = (images: readonly TrackedImage[]): Set<string> => new Set(images.map(({ id }) => id))

/** Lists are read from indexes and copies of their own: they must agree with the images. */
const checkLists = async ({ producer, consumer, admin, images }: Scene): Promise<void> => {
  const there = images.filter(({ existence }) => existence.value === 'there')
  const accepted = there.filter(
    ({ sharing: { value } }) => value.visibility === 'shared' && value.member === 'accepted',
  )
  assert.deepEqual(await listedIds(producer), idsOf(there), 'the list of the owner')
  assert.deepEqual(await listedIds(admin), idsOf(there), 'the list of the administrator')
  assert.deepEqual(await listedIds(consumer), idsOf(accepted), 'the list of the consumer')
}

/** One file for each image with data, holding its bytes, and no other. */
const checkFiles = async ({ data, images }: Scene): Promise<void> => {
  const expected = images
    .filter(({ existence }) => existence.value === 'there')
    .flatMap(({ data: { value } }) => (value.status === 'queued' ? [] : value.sha512))
  const files = await storedFiles(data)
  const orphans = files.filter(({ sha512 }) => !expected.includes(sha512)).map(({ path }) => path)
  assert.deepEqual(orphans, [], 'files that belong to no image')
  assert.deepEqual(files.map(({ sha512 }) => sha512).sort(), expected.sort(), 'the files of the images')
}

/**
 * Checks all that was ever promised, right after a start.
 * @throws AssertionError when something acknowledged is lost, half done, or left over
 */
export const checkPromises = async (scene: Scene): Promise<void> => {
  for (const image of scene.images) await checkImage(scene, image)
  await checkLists(scene)
  await checkFiles(scene)
}
