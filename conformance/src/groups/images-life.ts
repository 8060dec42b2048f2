import { randomUUID } from 'node:crypto'
import { actorNamed } from '../actors.ts'
import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectStatus } from '../expect.ts'
import { listAt } from '../json.ts'
import { checker, type Group, type Scene } from '../suite.ts'
import { table } from '../table.ts'

// An action that is done already is done again without harm; before there are bytes there is nothing to lock.
const actions = table(`
  image       | action     | owner | admin | afterwards
  active      | deactivate | 204   | 204   | deactivated
  deactivated | deactivate | 204   | 204   | deactivated
  queued      | deactivate | 403   | 403   | queued
  active      | reactivate | 204   | 204   | active
  deactivated | reactivate | 204   | 204   | active
  queued      | reactivate | 403   | 403   | queued
`)

const runActions = async (scene: Scene) => {
  const { actors, images, check } = scene
  for (const row of actions)
    for (const name of ['owner', 'admin']) {
      const actor = actorNamed(actors, name)
      const action = row.text('action')
      await check(`${action} of a ${row.text('image')} image, ${actor.name}: ${row.text(name)}`, async () => {
        const id = await images.in(row.text('image'))
        const answer = await actor.api.post(`/v2/images/${id}/actions/${action}`)
        expectStatus(answer, row.status(name))
        if (row.status(name) === 204) expectEqual(answer.bytes.length, 0, 'the length of the body')
        expectEqual((await images.read(id)).status, row.text('afterwards'), 'the status')
      })
    }
  for (const action of ['deactivate', 'reactivate'])
    await check(`${action}: 403 for a member and for a reader, 404 for a stranger`, async () => {
      const id = await images.active()
      await images.share(id, actors.consumer, 'accepted')
      const path = `/v2/images/${id}/actions/${action}`
      expectStatus(await actors.consumer.api.post(path), 403)
      expectStatus(await actors.ownerReader.api.post(path), 403)
      expectStatus(await actors.stranger.api.post(path), 404)
      expectEqual((await images.read(id)).status, 'active', 'the status')
    })
}

const runDelete = async (scene: Scene) => {
  const { actors, images, check } = scene
  for (const status of ['queued', 'active', 'deactivated'])
    for (const actor of [actors.owner, actors.admin])
      await check(
        `DELETE of a ${status} image, ${actor.name}: 204, then 404 for everybody and every call`,
        async () => {
          const id = await images.in(status, { tags: ['kept'] })
          const image = `/v2/images/${id}`
          const answer = expectStatus(await actor.api.delete(image), 204)
          expectEqual(answer.bytes.length, 0, 'the length of the body')
          for (const { api } of [actors.owner, actors.admin]) {
            const calls: Answer[] = [
              await api.get(image),
              await api.get(`${image}/file`),
              await api.patch(image, []),
              await api.delete(image),
              await api.put(`${image}/tags/new`),
              await api.delete(`${image}/tags/kept`),
              await api.upload(`${image}/file`, 'x'),
              await api.post(`${image}/actions/deactivate`),
            ]
            for (const call of calls) expectStatus(call, 404)
          }
        },
      )
  await check('a protected image is deleted by nobody, 403, until it is protected no more', async () => {
    const image = `/v2/images/${await images.active({ protected: true })}`
    expectStatus(await actors.owner.api.delete(image), 403)
    expectStatus(await actors.admin.api.delete(image), 403)
    expectStatus(await actors.owner.api.get(image), 200)
    const open = [{ op: 'replace', path: '/protected', value: false }]
    expectStatus(await actors.owner.api.patch(image, open), 200)
    expectStatus(await actors.owner.api.delete(image), 204)
  })
  await check('a deleted image is in no list, not even with deleted=true', async () => {
    const tag = `deleted-${randomUUID()}`
    const id = await images.active({ tags: [tag] })
    expectStatus(await actors.owner.api.delete(`/v2/images/${id}`), 204)
    for (const query of ['', '&deleted=true', '&deleted=True', '&status=deleted', '&visibility=all'])
      for (const actor of [actors.owner, actors.admin])
        expectField(await actor.api.get(`/v2/images?tag=${tag}${query}`), ['images'], [])
  })
}

/** Tags that can be put, as they stand in the path and as they are then. */
const goodTags: [path: string, tag: string][] = [
  ['plain', 'plain'],
  ['two%20words', 'two words'],
  ['gr%C3%BCn', 'grün'],
  ['a%25b', 'a%b'],
  ['UPPER', 'UPPER'],
  ['upper', 'upper'],
  ['t'.repeat(255), 't'.repeat(255)],
  ['a%3Fb', 'a?b'],
  ["it's;+&=", "it's;+&="],
]

const badTags: [what: string, path: string, status: number, own?: 'own'][] = [
  ['of 256 characters', 't'.repeat(256), 400],
  ['beyond the basic plane', '%F0%9F%98%80', 400],
]

const runTags = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { api } = actors.owner
  const id = await images.queued()
  const tags = `/v2/images/${id}/tags`
  const now = async () => listAt({ ...(await images.read(id)) }, 'tags').sort()
  for (const [path, tag] of goodTags)
    await check(`the tag "${tag.slice(0, 20)}" is put, put again, and there once`, async () => {
      expectStatus(await api.put(`${tags}/${path}`), 204)
      expectStatus(await api.put(`${tags}/${path}`), 204)
      expectEqual((await now()).filter((one) => one === tag).length, 1, 'the number of such tags')
    })
  for (const [path, tag] of goodTags)
    await check(`the tag "${tag.slice(0, 20)}" is deleted once, then 404`, async () => {
      expectStatus(await api.delete(`${tags}/${path}`), 204)
      expectStatus(await api.delete(`${tags}/${path}`), 404)
      expectEqual((await now()).includes(tag), false, 'whether the tag is there')
    })
  for (const [what, path, status, flag] of badTags)
    await checker(scene, flag === 'own')(`a tag ${what} is ${status}`, async () => {
      expectStatus(await api.put(`${tags}/${path}`), status)
    })
  await check('the 129th tag is 413; one that is there is 204 also on a full image', async () => {
    const full = await images.queued({ tags: Array.from({ length: 128 }, (_, index) => `tag-${index}`) })
    expectStatus(await api.put(`/v2/images/${full}/tags/more`), 413)
    expectStatus(await api.put(`/v2/images/${full}/tags/tag-7`), 204)
    expectStatus(await api.delete(`/v2/images/${full}/tags/tag-7`), 204)
    expectStatus(await api.put(`/v2/images/${full}/tags/more`), 204)
  })
  await check('tags of an image that is shared: 403 for the member, 404 for a stranger', async () => {
    const shared = await images.queued({ tags: ['kept'] })
    await images.share(shared, actors.consumer)
    for (const [actor, status] of [
      [actors.consumer, 403],
      [actors.ownerReader, 403],
      [actors.stranger, 404],
    ] as const) {
      expectStatus(await actor.api.put(`/v2/images/${shared}/tags/new`), status)
      expectStatus(await actor.api.delete(`/v2/images/${shared}/tags/kept`), status)
      expectStatus(await actor.api.delete(`/v2/images/${shared}/tags/absent`), status)
    }
    expectEqual((await images.read(shared)).tags, ['kept'], 'the tags')
  })
}

export const imagesLife: Group = {
  name: 'actions, deletion and tags',
  async run(scene) {
    await runActions(scene)
    await runDelete(scene)
    await runTags(scene)
  },
}
