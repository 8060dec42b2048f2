import { errorTable } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectEqual, expectField, expectMembers, expectStatus } from '../../expect.ts'
import { at, type Json, listAt, stringAt } from '../../json.ts'
import { expectKeyRefusal, keyCodeOf } from '../../keys.ts'
import type { Scene } from '../../suite.ts'

/** `shared`, or the row of the error table that hinders it. */
export type Outcome = string

/** One of the ways in which an image comes to be shared. */
export interface Way {
  name: string
  /** False: it has no word for granting the key with the share. */
  grants: boolean
  /** What it has one word for. */
  says?: Record<Outcome, Outcome>
  share(scene: Scene, image: string, consumer: Actor, grant: boolean): Promise<Outcome>
}

type Body = { [key: string]: Json }

export const shareMany = async (by: Actor, body: Body): Promise<Answer> =>
  expectStatus(await by.api.post('/v2/shares', { action: 'share', ...body }), 200)

/** How each pair of a call came out, in order. */
export const outcomesOf = (answer: Answer): Outcome[] =>
  listAt(answer.json, 'results').map((row) => {
    const error = at(row, 'error')
    if (error === null) return stringAt(row, 'result')
    const code = stringAt(error, 'code')
    if (!code.startsWith('key_')) return code
    expectEqual(keyCodeOf(stringAt(error, 'message')), code, `what the message of ${code} says`)
    expectEqual([at(error, 'status'), at(row, 'result')], [403, 'failed'], `status and result of ${code}`)
    return code
  })

/** A refusal as an outcome; anything but one about keys is a fault. */
const refusalOf = (answer: Answer): Outcome => {
  const code = keyCodeOf(stringAt(answer.json, 'error', 'message'))
  if (code === undefined) throw new Error(`${answer.request}: ${answer.status} with ${answer.text}`)
  expectKeyRefusal(answer, code)
  return code
}

const claimed = async (scene: Scene, image: string, consumer: Actor, body: Body, by: 'code' | 'invitation') => {
  const { owner } = scene.actors
  const made = await owner.api.post('/v2/invitations', { image_id: image, ...body })
  // What can never be is refused at once, or when it is claimed.
  if (made.status === 403) return refusalOf(made)
  expectStatus(made, 201)
  const id = stringAt(made.json, 'id')
  const word = by === 'code' ? { code: stringAt(made.json, 'code') } : { invitation: id }
  const answer = await consumer.api.post('/v2/invitation-claims', word)
  expectField(await owner.api.get(`/v2/invitations/${id}`), ['used'], answer.status === 200 ? 1 : 0)
  if (answer.status === 200) return 'shared'
  if (answer.text.includes(image)) throw new Error('the refusal tells the id of the image')
  return refusalOf(answer)
}

/** The codes of Open Telekom Cloud for what our table says. */
const cloudCodes: Record<string, Outcome> = {
  'IMG.0099': 'key_not_granted',
  'IMG.0098': 'key_never_granted',
  'IMG.0097': 'key_disabled',
  'IMG.0095': 'key_unknown',
}

const granting = (grant: boolean): Body => (grant ? { grant } : {})

export const ways: Way[] = [
  {
    name: 'POST members',
    grants: false,
    async share({ actors }, image, consumer, grant) {
      // A key of the body that the Image API does not know is read over.
      const body = { member: consumer.projectId, ...granting(grant) }
      const answer = await actors.owner.api.post(`/v2/images/${image}/members`, body)
      return answer.status === 200 ? 'shared' : refusalOf(answer)
    },
  },
  {
    name: 'POST /v2/shares',
    grants: true,
    async share({ actors }, image, consumer, grant) {
      const body = { images: [image], projects: [consumer.projectId], ...granting(grant) }
      return outcomesOf(await shareMany(actors.owner, body)).join()
    },
  },
  {
    name: 'POST /v2/shares, atomic with a plain image',
    grants: true,
    async share({ actors, images }, image, consumer, grant) {
      const plain = await images.queued()
      const named = { images: [plain, image], projects: [consumer.projectId] }
      const answer = await shareMany(actors.owner, { ...named, atomic: true, ...granting(grant) })
      const [ofPlain, ofImage = ''] = outcomesOf(answer)
      expectEqual(ofPlain, 'shared', 'the plain image alone')
      expectField(answer, ['applied'], ofImage === 'shared')
      const members = ofImage === 'shared' ? [consumer.projectId] : []
      expectMembers(await actors.owner.api.get(`/v2/images/${plain}/members`), members)
      return ofImage
    },
  },
  {
    name: 'an invitation by code',
    grants: true,
    share: (scene, image, consumer, grant) => claimed(scene, image, consumer, granting(grant), 'code'),
  },
  {
    name: 'an invitation by name',
    grants: true,
    share: (scene, image, consumer, grant) =>
      claimed(scene, image, consumer, { project: consumer.projectName, ...granting(grant) }, 'invitation'),
  },
  {
    name: 'the batch call of Open Telekom Cloud',
    grants: true,
    says: { key_unnamed: 'key_unknown' },
    async share({ actors: { owner } }, image, consumer, grant) {
      const body = { images: [image], projects: [consumer.projectId], ...granting(grant) }
      const answer = await owner.api.post('/v1/cloudimages/members', body)
      if (answer.status === 400) return cloudCodes[stringAt(answer.json, 'error', 'code')] ?? answer.text
      const id = stringAt(expectStatus(answer, 200).json, 'job_id')
      const { json } = expectStatus(await owner.api.get(`/v1/${owner.projectId}/jobs/${id}`), 200)
      if (at(json, 'status') === 'SUCCESS') return 'shared'
      expectEqual(at(json, 'entities', 'results', 0, 'status'), 'failed', 'the result of the pair')
      const code = stringAt(json, 'error_code')
      return cloudCodes[code] ?? code
    },
  },
]

/** Fails unless every outcome of a table is one that there is. */
export const knownOutcome = (outcome: string): Outcome => {
  if (outcome !== 'shared' && outcome !== '-' && !Object.hasOwn(errorTable, outcome))
    throw new Error(`${outcome} is no outcome`)
  return outcome
}
