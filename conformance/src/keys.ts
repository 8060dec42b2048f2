import { randomBytes } from 'node:crypto'
import { type ErrorCode, errorTable, KeyEventsSchema, KeyGrantsSchema, KeySchema, type KeyUse } from '@vitrine/contract'
import type { Actor } from './actors.ts'
import type { Answer } from './client.ts'
import { expectDocument } from './document.ts'
import { expectEqual, expectStatus } from './expect.ts'
import { change, expectRefusal, walk } from './extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from './json.ts'
import { eventually, type Scene } from './suite.ts'

/** What groups about keys and encrypted images have in common. */

type Body = { [key: string]: Json }

export const keyPath = (key: string): string => `/v2/keys/${key}`
export const grantPath = (key: string, project: string): string => `/v2/keys/${key}/grants/${project}`
export const encryptionPath = (image: string): string => `/v2/images/${image}/encryption`

export const createKey = async (by: Actor, body: Body = {}): Promise<Answer> =>
  expectDocument(expectStatus(await by.api.post('/v2/keys', body), 201), KeySchema)

/** Makes a key that goes when the group ends, after all images. */
export const madeKey = async (scene: Scene, by: Actor = scene.actors.owner, body: Body = {}): Promise<string> => {
  const key = stringAt((await createKey(by, body)).json, 'id')
  scene.atLast(() => by.api.delete(`${keyPath(key)}?data_keys=forget`))
  return key
}

export const shownKey = async (by: Actor, key: string): Promise<{ [name: string]: Json }> =>
  objectAt(expectDocument(expectStatus(await by.api.get(keyPath(key)), 200), KeySchema).json)

export const changeKey = async (by: Actor, key: string, body: Body): Promise<Answer> =>
  expectDocument(expectStatus(await change(by.api, keyPath(key), body), 200), KeySchema)

interface Sealing {
  by?: Actor
  /** Left out: a key that is made for it. */
  key?: string
  bytes?: Buffer
  attributes?: Body
}

/** A queued image whose bytes are to be sealed, and its key. */
export const sealedQueued = async (scene: Scene, of: Sealing = {}): Promise<{ image: string; key: string }> => {
  const { by = scene.actors.owner, attributes = {} } = of
  const key = of.key ?? (await madeKey(scene, by))
  const image = await scene.images.queued(attributes, by)
  expectStatus(await by.api.put(encryptionPath(image), { key_id: key }), 200)
  return { image, key }
}

/** The same with its bytes. */
export const sealed = async (scene: Scene, of: Sealing = {}) => {
  const { by = scene.actors.owner, bytes = randomBytes(1000) } = of
  const made = await sealedQueued(scene, of)
  expectStatus(await by.api.upload(`/v2/images/${made.image}/file`, bytes), 204)
  return { ...made, bytes }
}

export const grantKey = async (by: Actor, key: string, project: string): Promise<Answer> =>
  expectStatus(await by.api.put(grantPath(key, project)), 200)

/** The projects that may use a key besides its own, with the number of shares that need it. */
export const grantsOf = async (by: Actor, key: string): Promise<{ [project: string]: Json }> => {
  const answer = expectDocument(expectStatus(await by.api.get(`${keyPath(key)}/grants`), 200), KeyGrantsSchema)
  return Object.fromEntries(
    listAt(answer.json, 'grants').map((row) => [stringAt(row, 'project_id'), at(row, 'shares') ?? null]),
  )
}

/** Waits until a project may not use a key any more: grants end soon after what needed them. */
export const grantGone = (by: Actor, key: string, project: string) =>
  eventually(
    () => grantsOf(by, key),
    (grants) => !Object.hasOwn(grants, project),
    `the end of the grant for ${project}`,
  )

/** Whether the consumer of a share can use the key, as its producer sees it. */
export const stateOfShare = async (by: Actor, image: string, project: string): Promise<Json | undefined> => {
  const answer = expectStatus(await by.api.get(`/v2/images/${image}/shares`), 200)
  return at(
    listAt(answer.json, 'shares').find((row) => at(row, 'project_id') === project),
    'key_state',
  )
}

/** The same as the consumer sees it. */
export const stateOfMembership = async (consumer: Actor, image: string): Promise<Json | undefined> =>
  at(
    expectStatus(await consumer.api.get(`/v2/images/${image}?include=membership`), 200).json,
    'membership',
    'key_state',
  )

export const expectKeyState = async (scene: Scene, image: string, consumer: Actor, state: string): Promise<void> => {
  expectEqual(await stateOfShare(scene.actors.owner, image, consumer.projectId), state, 'key_state of the share')
  expectEqual(await stateOfMembership(consumer, image), state, 'key_state of the membership')
}

/** What is written down of a key: `type outcome`, newest first. */
export const usesOf = async (by: Actor, key: string): Promise<Json[]> => {
  expectDocument(expectStatus(await by.api.get(`${keyPath(key)}/events`), 200), KeyEventsSchema)
  return walk(by.api, `${keyPath(key)}/events?limit=1000`, 'events')
}

/** The uses of one kind; waits for them, since they may be written after the answer. */
export const usesLike = (by: Actor, key: string, type: KeyUse, count = 1) =>
  eventually(
    async () => (await usesOf(by, key)).filter((use) => at(use, 'type') === type),
    (uses) => uses.length >= count,
    `${count} of ${type} in the log of the key`,
  )

const keyCodes = Object.keys(errorTable).filter((code): code is ErrorCode => code.startsWith('key_'))

/** Which row of the error table about keys a message is of. */
export const keyCodeOf = (message: string): ErrorCode | undefined =>
  keyCodes.find((code) => {
    const form = errorTable[code].message.replace(/[.*+?^$()[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^.]+')
    return new RegExp(`^${form}`).test(message)
  })

/** Fails unless the answer is this refusal of the error table, in its words. Gives its message. */
export const expectKeyRefusal = (answer: Answer, code: ErrorCode): string => {
  const message = expectRefusal(answer, errorTable[code].status)
  expectEqual(keyCodeOf(message), code, `${answer.request}: what "${message}" says`)
  return message
}

/** Fails unless the message of the answer names all of these. */
export const expectNamed = (message: string, ...parts: string[]): void => {
  for (const part of parts) if (!message.includes(part)) throw new Error(`"${message}" does not name ${part}`)
}
