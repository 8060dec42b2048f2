import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Image, Key } from '@vitrine/sdk'
import type { Random } from '../crash/random.ts'
import { waitFor } from '../wait.ts'
import type { World } from './world.ts'

/** How many rounds ended in which way, to show that the kills met what they were to meet. */
export type Tally = Record<string, number>

const count = (tally: Tally, what: string): void => {
  tally[what] = (tally[what] ?? 0) + 1
}

const makeImage = async ({ producer }: World, key: Key, bytes: Uint8Array): Promise<Image> => {
  const image = await producer.images.createImage({ name: 'crash', diskFormat: 'raw', containerFormat: 'bare' })
  await image.encrypt({ keyId: key.id })
  await image.uploadData(bytes)
  return image
}

const granteesOf = async (key: Key): Promise<string[]> =>
  (await key.listGrants().toArray()).map(({ projectId }) => projectId).sort()

/**
 * How long something takes undisturbed, soon after a start: so kills come in the midst of it on every machine.
 */
const elapsedInNewLife = async (world: World, work: () => Promise<unknown>): Promise<number> => {
  await world.kill()
  await world.start()
  await world.producer.images.listKeys().toArray()
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** Kills the service a moment after a call was begun, and starts it again. @returns whether the call was answered */
const killDuring = async (world: World, call: Promise<unknown>, afterMs: number): Promise<boolean> => {
  const answered = call.then(
    () => true,
    () => false,
  )
  await sleep(afterMs)
  await world.kill()
  const isAnswered = await answered
  await world.start()
  return isAnswered
}

/** Whether something was granted, and taken back by nobody's call. */
const isUndone = async (key: Key): Promise<boolean> =>
  (await key.listEvents().toArray()).some(({ type, projectId }) => type === 'key.revoke' && projectId === null)

/** Ids that nobody has; the embedded identity does not ask. */
const someProjects = (howMany: number): string[] =>
  Array.from({ length: howMany }, () => randomUUID().replaceAll('-', ''))

/**
 * Shares with grants, withdraws, and is killed meanwhile: afterwards the projects that have the image are those that hold its
 * key, to the last one.
 */
export const killWhileSharing = async (world: World, random: Random, rounds: number): Promise<Tally> => {
  const { producer, consumer, keyManager, stranger } = world
  const tally: Tally = {}
  const bytes = randomBytes(1000)
  const isTogether = async (image: Image, key: Key): Promise<number> => {
    const shares = await image.listShares().toArray()
    assert.deepEqual(await granteesOf(key), shares.map(({ projectId }) => projectId).sort())
    for (const { keyState } of shares) assert.equal(keyState, 'granted')
    for (const party of [consumer, stranger]) {
      const isShared = shares.some(({ projectId }) => projectId === party.projectId)
      assert.equal(await party.holds(key.id), isShared, 'whoever has the image has the key')
    }
    return shares.length
  }
  // With Barbican, only projects that have users can be let use a key.
  const others = keyManager === 'Barbican' ? [stranger.projectId] : someProjects(4)
  const projects = [consumer.projectId, ...others]
  const share = (image: Image) => producer.images.shareMany({ images: [image.id], projects, grant: true })
  const trialKey = await producer.images.createKey()
  const trial = await makeImage(world, trialKey, bytes)
  const shareMs = await elapsedInNewLife(world, () => share(trial))
  assert.equal(await isTogether(trial, trialKey), projects.length)
  const endMs = await elapsedInNewLife(world, () => trial.withdraw())
  // In the same life, a grant ends a moment after its share.
  await waitFor('the end of the grants', async () => (await granteesOf(trialKey)).length === 0 || undefined)
  for (let round = 0; round < rounds; round += 1) {
    const key = await producer.images.createKey()
    const image = await makeImage(world, key, bytes)
    const isShared = await killDuring(world, share(image), random.below(shareMs * 1.2))
    const shared = await isTogether(image, key)
    if (isShared) assert.equal(shared, projects.length)
    const wasUndone = await isUndone(key)
    count(tally, shared > 0 ? 'shared' : wasUndone ? 'begun and undone' : 'not begun')

    const seen = await consumer.images.getImage(image.id).catch(() => undefined)
    if (seen !== undefined) {
      assert.ok(Buffer.from(await seen.downloadData().then(({ stream }) => new Response(stream).bytes())).equals(bytes))
    }
    const ending = random.chance(0.5) ? image.withdraw() : image.delete()
    const isEnded = await killDuring(world, ending, random.below(endMs * 1.5))
    const isThere = await producer.images.getImage(image.id).then(
      () => true,
      () => false,
    )
    const left = isThere ? await isTogether(image, key) : (await granteesOf(key)).length
    if (!isThere) assert.equal(left, 0, 'grants of an image that is gone')
    else if (isEnded) assert.equal(left, 0, 'shares after a withdrawal that was answered')
    count(tally, left === 0 ? 'ended' : 'not ended')
  }
  return tally
}

/** Rotates a key of many images and is killed meanwhile: nobody loses anything. */
export const killWhileRotating = async (
  world: World,
  random: Random,
  rounds: number,
  imageCount: number,
): Promise<Tally> => {
  const { producer, consumer } = world
  const tally: Tally = {}
  const key = await producer.images.createKey()
  const contents = new Map<string, Buffer>()
  for (let index = 0; index < imageCount; index += 1) {
    const bytes = randomBytes(1000)
    const image = await makeImage(world, key, bytes)
    await image.share(consumer.projectId, { grant: true })
    contents.set(image.id, bytes)
  }
  const rotateMs = await elapsedInNewLife(world, () => key.rotate({ wait: true }))
  for (let round = 0; round < rounds; round += 1) {
    const before = (await key.refresh()).version
    const isAnswered = await killDuring(world, key.rotate(), random.below(rotateMs))
    const after = (await key.refresh()).version
    assert.ok(after === before + 1 || (after === before && !isAnswered), `version ${after} after ${before}`)
    const isUnderWay = key.rotating
    for (const { images } of [producer, consumer]) {
      for (const [id, bytes] of contents) {
        const { stream } = await (await images.getImage(id)).downloadData()
        assert.ok(Buffer.from(await new Response(stream).bytes()).equals(bytes), `the bytes of ${id}`)
      }
    }
    await waitFor('the end of the rotation', async () => !(await key.refresh()).rotating || undefined)
    assert.deepEqual(await granteesOf(key), [consumer.projectId])
    count(tally, after === before ? 'not rotated' : isUnderWay ? 'went on after the start' : 'rotated')
  }
  return tally
}
