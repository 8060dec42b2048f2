import { randomUUID } from 'node:crypto'
import type { Actor } from '../actors.ts'
import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectMembers, expectStatus, imageIds } from '../expect.ts'
import { at, listAt, stringAt } from '../json.ts'
import type { Group, Scene } from '../suite.ts'
import { table } from '../table.ts'

/** The whole way of one image from the producer into the list of the consumer, and out of it again. */
const runWorkflow = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, consumer } = actors
  const bytes = Buffer.from('the bytes that are shared')
  const created = await owner.api.post('/v2/images', { name: 'walk', disk_format: 'raw', container_format: 'bare' })
  const id = images.remember(stringAt(expectStatus(created, 201).json, 'id'))
  const image = `/v2/images/${id}`
  const membership = `${image}/members/${consumer.projectId}`
  const listed = async (query: string) =>
    imageIds(await consumer.api.get(`/v2/images?limit=1000&id=${id}${query}`)).length

  await check('1 a new image is shared by default', () => expectField(created, ['visibility'], 'shared'))
  await check('2 the producer uploads', async () => {
    expectStatus(await owner.api.upload(`${image}/file`, bytes), 204)
  })
  await check('3 the producer shares: pending', async () => {
    const answer = await owner.api.post(`${image}/members`, { member: consumer.projectId })
    expectField(expectStatus(answer, 200), ['status'], 'pending')
  })
  await check('4 the consumer finds it among the pending', async () => {
    expectEqual(await listed('&visibility=shared&member_status=pending'), 1, 'the images found')
    expectEqual(await listed(''), 0, 'the images in the default list')
  })
  await check('5 the consumer reads it, and may download it already', async () => {
    expectField(expectStatus(await consumer.api.get(image), 200), ['owner'], owner.projectId)
    expectStatus(await consumer.api.get(`${image}/file`), 200)
  })
  await check('6 the consumer accepts', async () => {
    expectField(expectStatus(await consumer.api.put(membership, { status: 'accepted' }), 200), ['status'], 'accepted')
  })
  await check('7 it stands in the default list', async () => expectEqual(await listed(''), 1, 'the images found'))
  await check('8 the consumer downloads the same bytes', async () => {
    const answer = expectStatus(await consumer.api.get(`${image}/file`), 200)
    expectEqual(answer.text, bytes.toString(), 'the bytes')
  })
  await check('9 the producer sees one accepted member', async () => {
    const answer = await owner.api.get(`${image}/members`)
    expectMembers(answer, [consumer.projectId])
    expectField(answer, ['members', 0, 'status'], 'accepted')
  })
  await check('10 the producer takes it back', async () => {
    expectStatus(await owner.api.delete(membership), 204)
    expectStatus(await consumer.api.get(image), 404)
    expectEqual(await listed('&member_status=all'), 0, 'the images found')
  })
}

// `list` is the default list; the next columns are lists with member_status, then with visibility=shared.
const views = table(`
  actor    | status   | show | list | pending | rejected | all | shared | download | change
  owner    | pending  | 200  | yes  | yes     | yes      | yes | yes    | 200      | yes
  consumer | pending  | 200  | no   | yes     | no       | yes | no     | 200      | 403
  consumer | accepted | 200  | yes  | no      | no       | yes | yes    | 200      | 403
  consumer | rejected | 200  | no   | no      | yes      | yes | no     | 200      | 403
  stranger | pending  | 404  | no   | no      | no       | no  | no     | 404      | 404
  admin    | pending  | 200  | yes  | yes     | yes      | yes | yes    | 200      | yes
`)

const queries: Record<string, string> = {
  list: '',
  pending: '&member_status=pending',
  rejected: '&member_status=rejected',
  all: '&member_status=all',
  shared: '&visibility=shared',
}

/** Every call that changes an image, with what it answers to those who may. */
const changes = (actor: Actor, image: string): [call: string, allowed: number, send: () => Promise<Answer>][] => [
  ['PATCH', 200, () => actor.api.patch(image, [{ op: 'replace', path: '/name', value: 'changed' }])],
  ['PUT of a tag', 204, () => actor.api.put(`${image}/tags/new`)],
  ['DELETE of a tag', 204, () => actor.api.delete(`${image}/tags/kept`)],
  ['upload', 409, () => actor.api.upload(`${image}/file`, 'more')],
  ['deactivate', 204, () => actor.api.post(`${image}/actions/deactivate`)],
  ['reactivate', 204, () => actor.api.post(`${image}/actions/reactivate`)],
  ['DELETE', 204, () => actor.api.delete(image)],
]

const runViews = async (scene: Scene) => {
  const { actors, images, check } = scene
  const cast = { owner: actors.owner, consumer: actors.consumer, stranger: actors.stranger, admin: actors.admin }
  for (const row of views) {
    const actor = Object.entries(cast).find(([name]) => name === row.text('actor'))?.[1]
    if (!actor) throw new Error(`there is no ${row.text('actor')}`)
    const mark = `view-${randomUUID()}`
    const id = await images.active({ tags: [mark, 'kept'] })
    await images.share(id, actors.consumer, row.text('status'))
    const title = `${actor.name}, membership ${row.text('status')}`
    for (const [column, query] of Object.entries(queries))
      await check(`${title}: in the list "${column}": ${row.text(column)}`, async () => {
        const found = imageIds(await actor.api.get(`/v2/images?tag=${mark}${query}`))
        expectEqual(found, row.text(column) === 'yes' ? [id] : [], 'the images found')
      })
    for (const column of ['show', 'download'])
      await check(`${title}: ${column} ${row.text(column)}`, async () => {
        expectStatus(await actor.api.get(`/v2/images/${id}${column === 'show' ? '' : '/file'}`), row.status(column))
      })
    for (const [call, allowed, send] of changes(actor, `/v2/images/${id}`)) {
      const status = row.text('change') === 'yes' ? allowed : row.status('change')
      await check(`${title}: ${call} ${status}`, async () => {
        expectStatus(await send(), status)
      })
    }
  }
}

const runHidden = async (scene: Scene) => {
  const { actors, images, check } = scene
  const mark = `hidden-${randomUUID()}`
  const id = await images.active({ tags: [mark], os_hidden: true })
  await images.share(id, actors.consumer, 'accepted')
  await check('a hidden image that was accepted is listed only with os_hidden=true', async () => {
    expectEqual(imageIds(await actors.consumer.api.get(`/v2/images?tag=${mark}`)), [], 'the default list')
    const asked = await actors.consumer.api.get(`/v2/images?tag=${mark}&os_hidden=true`)
    expectEqual(imageIds(asked), [id], 'the list with os_hidden=true')
  })
}

/** Own images stay in the list whatever member_status says, which is only about what others share. */
const runMemberStatusScope = async (scene: Scene) => {
  const { actors, images, check } = scene
  const mark = `scope-${randomUUID()}`
  const mine = await images.active({ tags: [mark] }, actors.consumer)
  const open = await images.active({ tags: [mark], visibility: 'public' })
  const shared = await images.active({ tags: [mark] })
  await images.share(shared, actors.consumer, 'rejected')
  for (const [status, expected] of [
    ['pending', [mine, open]],
    ['accepted', [mine, open]],
    ['rejected', [mine, open, shared]],
    ['all', [mine, open, shared]],
  ] as const)
    await check(`member_status=${status} keeps own and public images in the list`, async () => {
      const answer = await actors.consumer.api.get(`/v2/images?tag=${mark}&member_status=${status}`)
      expectEqual(imageIds(answer).sort(), [...expected].sort(), 'the images found')
    })
  await check('visibility=shared and member_status: own ones can be told by their owner', async () => {
    const answer = await actors.consumer.api.get(`/v2/images?tag=${mark}&visibility=shared&member_status=rejected`)
    const foreign = listAt(expectStatus(answer, 200).json, 'images').filter(
      (image) => at(image, 'owner') !== actors.consumer.projectId,
    )
    expectEqual(
      foreign.map((image) => at(image, 'id')),
      [shared],
      'the images of others',
    )
  })
}

export const sharing: Group = {
  name: 'sharing',
  async run(scene) {
    await runWorkflow(scene)
    await runViews(scene)
    await runHidden(scene)
    await runMemberStatusScope(scene)
  },
}
