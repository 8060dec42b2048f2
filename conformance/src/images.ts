import type { Actor, Actors } from './actors.ts'
import { expectStatus } from './expect.ts'
import { type Json, objectAt, stringAt } from './json.ts'

type Attributes = { [name: string]: Json }

/** Makes images for checks, remembers them, and deletes them. */
export interface Images {
  /** A queued image: raw and bare, owned by the producer unless `by` says otherwise. Returns its id. */
  queued(attributes?: Attributes, by?: Actor): Promise<string>
  /** The same with data. */
  active(attributes?: Attributes, by?: Actor, bytes?: Uint8Array): Promise<string>
  deactivated(attributes?: Attributes, by?: Actor): Promise<string>
  /** An image in one of these three statuses, named as in a table. */
  in(status: string, attributes?: Attributes, by?: Actor): Promise<string>
  /** Shares an image of any owner; with a status, the consumer answers at once. */
  share(id: string, consumer: Actor, status?: string): Promise<void>
  /** The document as the administrator sees it. */
  read(id: string): Promise<{ [key: string]: Json }>
  /** Has an image that a check made itself deleted in the end. */
  remember(id: string): string
  /** Deletes every image made, also protected ones. */
  cleanUp(): Promise<void>
}

const sampleBytes: Uint8Array = Buffer.from('0123456789')

export const createImages = (actors: Actors): Images => {
  const made: string[] = []
  const admin = actors.admin.api

  const images: Images = {
    async queued(attributes = {}, by = actors.owner) {
      // Only an administrator may publish; the image is the producer's all the same.
      const isPublic = attributes.visibility === 'public'
      const sender = isPublic ? actors.admin : by
      const answer = await sender.api.post('/v2/images', {
        name: 'conformance',
        disk_format: 'raw',
        container_format: 'bare',
        ...(isPublic ? { owner: by.projectId } : {}),
        ...attributes,
      })
      return images.remember(stringAt(expectStatus(answer, 201).json, 'id'))
    },
    async active(attributes, by = actors.owner, bytes = sampleBytes) {
      const id = await images.queued(attributes, by)
      expectStatus(await by.api.upload(`/v2/images/${id}/file`, bytes), 204)
      return id
    },
    async deactivated(attributes, by) {
      const id = await images.active(attributes, by)
      expectStatus(await admin.post(`/v2/images/${id}/actions/deactivate`), 204)
      return id
    },
    in(status, attributes, by) {
      if (status !== 'queued' && status !== 'active' && status !== 'deactivated')
        throw new Error(`no image is made ${status} here`)
      return images[status](attributes, by)
    },
    async share(id, consumer, status) {
      expectStatus(await admin.post(`/v2/images/${id}/members`, { member: consumer.projectId }), 200)
      if (status === undefined || status === 'pending') return
      expectStatus(await admin.put(`/v2/images/${id}/members/${consumer.projectId}`, { status }), 200)
    },
    async read(id) {
      return objectAt(expectStatus(await admin.get(`/v2/images/${id}`), 200).json)
    },
    remember(id) {
      made.push(id)
      return id
    },
    async cleanUp() {
      for (const id of made.splice(0)) {
        const answer = await admin.delete(`/v2/images/${id}`)
        if (answer.status !== 403) continue
        await admin.patch(`/v2/images/${id}`, [{ op: 'replace', path: '/protected', value: false }])
        await admin.delete(`/v2/images/${id}`)
      }
    },
  }
  return images
}
