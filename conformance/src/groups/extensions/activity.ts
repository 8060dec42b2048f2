import { ActivitySchema, EventSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectMatch, expectStatus } from '../../expect.ts'
import { expectRefusal, published, walk } from '../../extensions.ts'
import { at, type Json, parseJson, stringAt } from '../../json.ts'
import { type EventStream, openStream, type StreamEvent } from '../../stream.ts'
import { eventually, type Group, type Scene, sleep } from '../../suite.ts'

const path = '/v2/activity'

const typesOf = (events: Json[], image: string): string[] =>
  events.filter((event) => at(event, 'image_id') === image).map((event) => stringAt(event, 'type'))

/** What the activity of an actor says of an image, newest first, once all of it is told. */
const told = async (actor: Actor, image: string, count: number): Promise<string[]> =>
  eventually(
    async () => typesOf(await walk(actor.api, `${path}?limit=1000`, 'events'), image),
    (types) => types.length >= count,
    `${count} events of the image for ${actor.name}`,
  )

const runList = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, stranger } = actors
  await own('owner and consumer see what happened, newest first, each what concerns it', async () => {
    const image = await images.active()
    await published(scene, image)
    await images.share(image, consumer, 'accepted')
    expectStatus(await owner.api.post('/v2/invitations', { image_id: image }), 201)
    const ofOwner = await told(owner, image, 6)
    expectEqual(
      ofOwner,
      ['invitation.create', 'member.update', 'member.create', 'listing.publish', 'image.upload', 'image.create'],
      'the activity of the owner',
    )
    expectEqual(await told(consumer, image, 2), ['member.update', 'member.create'], 'the activity of the consumer')
    expectEqual(typesOf(await walk(stranger.api, `${path}?limit=1000`, 'events'), image), [], 'of a stranger')
    expectDocument(expectStatus(await ownerReader.api.get(path), 200), ActivitySchema)
  })
  await own('of what others did, neither user nor request is told', async () => {
    const image = await images.active()
    expectStatus(await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }), 200)
    await told(consumer, image, 1)
    const events = await walk(consumer.api, `${path}?limit=1000`, 'events')
    const [event] = events.filter((item) => at(item, 'image_id') === image)
    expectEqual([at(event, 'user_id'), at(event, 'request_id')], [null, null], 'user and request')
  })
  await own('pages of two are the whole without gap or double; type picks', async () => {
    const image = await images.queued()
    for (let count = 0; count < 5; count++) expectStatus(await owner.api.put(`/v2/images/${image}/tags/t${count}`), 204)
    await told(owner, image, 6)
    const ids = async (query: string) =>
      (await walk(owner.api, `${path}?${query}`, 'events')).map((event) => stringAt(event, 'id')).slice(0, 40)
    expectEqual(await ids('limit=7'), await ids('limit=1000'), 'the events')
    const created = await walk(owner.api, `${path}?type=image.create&limit=1000`, 'events')
    expectEqual([...new Set(created.map((event) => at(event, 'type')))], ['image.create'], 'type=image.create')
  })
  for (const query of ['limit=-1', 'marker=nobody', 'type=image.explode'])
    await own(`an activity asked with ${query} is 400`, async () => {
      expectRefusal(await owner.api.get(`${path}?${query}`), 400)
    })
  await own('what belonged to an image that is gone stays told to its owner', async () => {
    const image = await images.queued()
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    expectEqual(await told(owner, image, 2), ['image.delete', 'image.create'], 'the activity')
  })
}

const open = (scene: Scene, actor: Actor, lastEventId?: string): Promise<EventStream> =>
  openStream(scene.endpoint, `${path}/stream`, {
    'x-auth-token': actor.token,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  })

const imageOf = ({ data }: StreamEvent): Json | undefined => at(parseJson(data), 'image_id')
const typeOf = ({ data }: StreamEvent): Json | undefined => at(parseJson(data), 'type')

/** What a stream said of an image; events from before it was opened may still be told when it is. */
const arrived = (stream: EventStream, image: string, count: number, types?: string[]): Promise<StreamEvent[]> =>
  eventually(
    async () =>
      stream.events.filter(
        (event) => imageOf(event) === image && (types === undefined || types.includes(String(typeOf(event)))),
      ),
    (events) => events.length >= count,
    `${count} events of the image in the stream`,
  )

const runStream = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, consumerReader, stranger, nobody, unscoped } = actors
  const streams: EventStream[] = []
  scene.afterwards(async () => {
    for (const stream of streams) stream.close()
  })
  const watched = async (actor: Actor, lastEventId?: string) => {
    const stream = await open(scene, actor, lastEventId)
    streams.push(stream)
    expectEqual(stream.status, 200, 'the status of the stream')
    return stream
  }

  await own('the live stream tells of a share at once, to who it concerns alone', async () => {
    const [mine, reader, others] = [await watched(consumer), await watched(consumerReader), await watched(stranger)]
    expectMatch(mine.headers['content-type'], /^text\/event-stream/, 'Content-Type')
    expectMatch(mine.headers['cache-control'], /no-store/, 'Cache-Control')
    const image = await images.active()
    await images.share(image, consumer)
    for (const stream of [mine, reader]) {
      const [event] = await arrived(stream, image, 1)
      expectEqual(event && typeOf(event), 'member.create', 'the event')
      expectMatch(event?.id, /^\S+$/, 'the id')
      const answer = await consumer.api.get(path)
      expectDocument({ ...answer, json: parseJson(event?.data ?? '') }, EventSchema)
    }
    expectEqual(others.events.filter((event) => imageOf(event) === image).length, 0, 'events for a stranger')
    for (const stream of [mine, reader, others]) stream.close()
  })
  await own('what only the owner may know is not in the stream of a consumer', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    const told = ['listing.publish', 'invitation.create', 'member.update']
    const [mine, its] = [await watched(consumer), await watched(owner)]
    await published(scene, image)
    expectStatus(await owner.api.post('/v2/invitations', { image_id: image }), 201)
    expectStatus(
      await consumer.api.put(`/v2/images/${image}/members/${consumer.projectId}`, { status: 'accepted' }),
      200,
    )
    expectEqual((await arrived(its, image, 3, told)).map(typeOf), told, 'the events of the owner')
    expectEqual((await arrived(mine, image, 1, told)).map(typeOf), ['member.update'], 'the events of the consumer')
    for (const stream of [mine, its]) stream.close()
  })
  await own('resume by Last-Event-ID: no gap, no double, in order, also of what was cut', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    const first = await watched(consumer)
    const member = async (status: string) =>
      expectStatus(await consumer.api.put(`/v2/images/${image}/members/${consumer.projectId}`, { status }), 200)
    const words = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'accepted' : 'rejected'))
    const halfway = 8
    for (const status of words.slice(0, halfway)) await member(status)
    const before = (await arrived(first, image, halfway, ['member.update'])).slice(0, 5)
    first.close()
    const last = before.at(-1)?.id
    for (const status of words.slice(halfway)) await member(status)
    const second = await watched(consumer, last)
    const after = await arrived(second, image, words.length - 5, ['member.update'])
    const all = [...before, ...after].map(({ data }) => at(parseJson(data), 'detail', 'to'))
    expectEqual(all, words, 'the answers told')
    expectEqual(new Set([...before, ...after].map(({ id }) => id)).size, words.length, 'the ids')
    await sleep(300)
    expectEqual(
      second.events.filter((event) => imageOf(event) === image && typeOf(event) === 'member.update').length,
      words.length - 5,
      'the events after the resumption',
    )
    second.close()
  })
  await own('a stream that resumes nothing begins now', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    await told(consumer, image, 1)
    await sleep(1500)
    const stream = await watched(consumer)
    const next = await images.active()
    await images.share(next, consumer)
    await arrived(stream, next, 1)
    expectEqual(stream.events.filter((event) => imageOf(event) === image).length, 0, 'events from before')
    stream.close()
  })
  await own('a project has ten streams, and the next is 429', async () => {
    const opened: EventStream[] = []
    for (let count = 0; count < 11; count++) opened.push(await open(scene, stranger))
    for (const stream of opened) stream.close()
    expectEqual(
      opened.map(({ status }) => status),
      [...Array.from({ length: 10 }, () => 200), 429],
      'the statuses',
    )
  })
  await own('many shares at once: every one is told, once', async () => {
    const several = await Promise.all(Array.from({ length: 20 }, () => images.queued()))
    const stream = await watched(consumer)
    const body = { action: 'share', images: several, projects: [consumer.projectId] }
    await Promise.all([0, 1, 2].map(() => owner.api.post('/v2/shares', body)))
    const made = () => stream.events.filter((event) => several.includes(String(imageOf(event)))).map(imageOf)
    await eventually(
      async () => made().length,
      (count) => count >= 20,
      'twenty events',
    )
    await sleep(300)
    expectEqual(made().sort(), [...several].sort(), 'the images told')
    stream.close()
  })
  await own('a stream needs a valid token of a project, and a sensible place to resume', async () => {
    const refused = async (headers: Record<string, string>) => {
      const stream = await openStream(scene.endpoint, `${path}/stream`, headers)
      stream.close()
      return stream.status
    }
    expectEqual(await refused({}), 401, 'without a token')
    expectEqual(await refused({ 'x-auth-token': 'nobody' }), 401, 'with a wrong token')
    expectEqual(await refused({ 'x-auth-token': unscoped.token }), 403, 'without a project')
    for (const id of ['x', '-1', '1e9', '9'.repeat(40), '%00'])
      expectEqual([200, 400].includes(await refused({ 'x-auth-token': consumer.token, 'last-event-id': id })), true, id)
    expectStatus(await nobody.get(`${path}/stream`), 401)
  })
}

export const activity: Group = {
  name: 'activity and live stream',
  own: true,
  async run(scene) {
    await runList(scene)
    await runStream(scene)
  },
}
