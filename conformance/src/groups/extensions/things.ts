import { expectStatus } from '../../expect.ts'
import { published, ruled, unique } from '../../extensions.ts'
import { storeNames } from '../../imports.ts'
import { at, listAt, stringAt } from '../../json.ts'
import { grantKey, madeKey } from '../../keys.ts'
import { makeNamespace } from '../../metadefs.ts'
import type { Scene } from '../../suite.ts'

/** One of everything that a project can have, all of it the producer's. */
export type Things = Record<string, string>

/** A key that another project may use, which makes it no less the producer's. */
const thingKey = async (scene: Scene): Promise<string> => {
  const key = await madeKey(scene)
  await grantKey(scene.actors.owner, key, scene.actors.consumer.projectId)
  return key
}

/** Definitions that belong to the producer, though only an administrator could make them. */
const thingNamespace = (scene: Scene): Promise<string> => {
  const kept = [{ name: 'kept' }]
  const parts = { objects: kept, tags: kept, resource_type_associations: kept }
  const properties = { kept: { title: 'Kept', type: 'string' } }
  const owner = scene.actors.owner.projectId
  return makeNamespace(scene, { owner, properties, ...parts }, crypto.randomUUID())
}

/**
 * Makes one of everything.
 * @returns ids by the segment of a path that they follow, as `listings` in `/v2/listings/{id}`
 */
export const makeThings = async (scene: Scene): Promise<Things> => {
  const { owner, consumer } = scene.actors
  const image = await scene.images.active({ tags: ['kept'] })
  await scene.images.share(image, consumer)
  const { id: listing } = await published(scene, image)
  const made = async (path: string, body: { [key: string]: string }) => {
    const answer = expectStatus(await owner.api.post(path, body), 201)
    const id = stringAt(answer.json, 'id')
    scene.afterwards(() => owner.api.delete(`${path}/${id}`))
    return id
  }
  const webhook = await made('/v2/webhooks', { url: 'https://hooks.example.org/conformance' })
  expectStatus(await owner.api.post(`/v2/webhooks/${webhook}/test`), 202)
  const deliveries = expectStatus(await owner.api.get('/v2/deliveries?limit=1'), 200)
  const batch = { images: [image], projects: [consumer.projectId] }
  const job = expectStatus(await owner.api.post('/v1/cloudimages/members', batch), 200)
  const address = await owner.api.post('/v2/notice-addresses', { email: `${unique()}@example.org` })
  if (address.status === 201)
    scene.afterwards(() => owner.api.delete(`/v2/notice-addresses/${stringAt(address.json, 'id')}`))
  return {
    images: image,
    members: consumer.projectId,
    shares: consumer.projectId,
    tags: 'kept',
    listings: listing,
    invitations: await made('/v2/invitations', { image_id: image }),
    rules: await ruled(scene, owner, { kind: 'block', producer: unique() }),
    webhooks: webhook,
    deliveries: stringAt(listAt(deliveries.json, 'deliveries')[0], 'id'),
    // A service without mail has neither of these.
    'notice-addresses': String(at(address.json, 'id') ?? crypto.randomUUID()),
    'access-requests': crypto.randomUUID(),
    // Tasks are for administrators; a store is no project's, and what follows its name is an image.
    tasks: crypto.randomUUID(),
    stores: (await storeNames(scene))?.byDefault ?? 'none',
    '{store}': image,
    // Goes with its image.
    links: stringAt(expectStatus(await owner.api.post(`/v2/images/${image}/links`, {}), 201).json, 'id'),
    keys: await thingKey(scene),
    namespaces: await thingNamespace(scene),
    objects: 'kept',
    properties: 'kept',
    resource_types: 'kept',
    grants: consumer.projectId,
    jobs: stringAt(job.json, 'job_id'),
    v1: owner.projectId,
  }
}

/**
 * A path of the OpenAPI document with ids in place of its parameters.
 * @throws when there is no example of such a thing
 */
export const fillIn = (template: string, things: Things): string => {
  const segments = template.split('/')
  return segments
    .map((segment, index) => {
      if (!segment.startsWith('{')) return segment
      const id = things[segments[index - 1] ?? '']
      if (id === undefined) throw new Error(`there is no example for ${segment} in ${template}: add one`)
      return id
    })
    .join('/')
}
