import { randomUUID } from 'node:crypto'
import type { Actor } from '../actors.ts'
import { expectEqual, expectField, expectStatus, imageIds } from '../expect.ts'
import { at, listAt, objectAt } from '../json.ts'
import type { Group, Scene } from '../suite.ts'
import { table } from '../table.ts'

// Who finds an image of the producer in a list. The consumer looks three times: its membership is pending, accepted,
// rejected. An administrator sees all but the community images of others, unless it asks for them.
const presence = table(`
  image     | query                | owner | pending | accepted | rejected | stranger | admin
  shared    |                      | yes   | no      | yes      | no       | no       | yes
  shared    | visibility=shared    | yes   | no      | yes      | no       | no       | yes
  shared    | visibility=all       | yes   | no      | yes      | no       | no       | yes
  shared    | member_status=all    | yes   | yes     | yes      | yes      | no       | yes
  shared    | visibility=private   | no    | no      | no       | no       | no       | no
  private   |                      | yes   | no      | no       | no       | no       | yes
  private   | visibility=private   | yes   | no      | no       | no       | no       | yes
  private   | visibility=all       | yes   | no      | no       | no       | no       | yes
  private   | member_status=all    | yes   | no      | no       | no       | no       | yes
  community |                      | yes   | no      | no       | no       | no       | no
  community | member_status=all    | yes   | no      | no       | no       | no       | no
  community | visibility=community | yes   | yes     | yes      | yes      | yes      | yes
  community | visibility=all       | yes   | yes     | yes      | yes      | yes      | yes
  public    |                      | yes   | yes     | yes      | yes      | yes      | yes
  public    | visibility=public    | yes   | yes     | yes      | yes      | yes      | yes
  public    | visibility=all       | yes   | yes     | yes      | yes      | yes      | yes
  public    | visibility=community | no    | no      | no       | no       | no       | no
`)

const memberships = ['pending', 'accepted', 'rejected'] as const

const runPresence = async (scene: Scene) => {
  const { actors, images, check } = scene
  const looking: Record<string, Actor> = {
    owner: actors.owner,
    pending: actors.consumer,
    accepted: actors.consumer,
    rejected: actors.consumer,
    stranger: actors.stranger,
    admin: actors.admin,
  }
  for (const visibility of ['shared', 'private', 'community', 'public']) {
    const tags: Record<string, string> = {}
    for (const membership of memberships) {
      const tag = randomUUID()
      tags[membership] = tag
      const id = await images.queued({ tags: [tag] })
      await images.share(id, actors.consumer, membership)
      const become = [{ op: 'replace', path: '/visibility', value: visibility }]
      expectStatus(await actors.admin.api.patch(`/v2/images/${id}`, become), 200)
    }
    for (const row of presence.filter((candidate) => candidate.text('image') === visibility))
      for (const column of row.columns.filter((name) => name !== 'query')) {
        const actor = looking[column]
        if (!actor) throw new Error(`nobody is known as ${column}`)
        const query = row.text('query')
        const who = actor === actors.consumer ? `consumer, membership ${column}` : column
        await check(`${visibility} image, list "${query}", ${who}: ${row.text(column)}`, async () => {
          const found = imageIds(await actor.api.get(`/v2/images?tag=${tags[column] ?? tags.pending}&${query}`))
          expectEqual(found.length, row.text(column) === 'yes' ? 1 : 0, 'the number of images found')
        })
      }
  }
  await check('an administrator finds its own community images', async () => {
    const tag = randomUUID()
    const id = await images.queued({ tags: [tag], visibility: 'community' }, actors.admin)
    expectEqual(imageIds(await actors.admin.api.get(`/v2/images?tag=${tag}`)), [id], 'the images found')
  })
  await check('the status of an image does not hide it', async () => {
    const tag = randomUUID()
    const ids = [
      await images.queued({ tags: [tag] }),
      await images.active({ tags: [tag] }),
      await images.deactivated({ tags: [tag] }),
    ]
    for (const id of ids) await images.share(id, actors.consumer, 'accepted')
    for (const { api } of [actors.owner, actors.consumer, actors.admin])
      expectEqual(imageIds(await api.get(`/v2/images?tag=${tag}`)).sort(), [...ids].sort(), 'the images found')
  })
  await check('one image is listed once, though it is own, shared and public', async () => {
    const tag = randomUUID()
    const id = await images.queued({ tags: [tag] })
    await images.share(id, actors.owner, 'accepted')
    await images.share(id, actors.consumer, 'accepted')
    for (const query of ['', '&visibility=all', '&member_status=all'])
      expectEqual(imageIds(await actors.owner.api.get(`/v2/images?tag=${tag}${query}`)), [id], 'the images found')
    const publish = [{ op: 'replace', path: '/visibility', value: 'public' }]
    expectStatus(await actors.admin.api.patch(`/v2/images/${id}`, publish), 200)
    for (const { api } of [actors.owner, actors.consumer, actors.stranger])
      expectEqual(imageIds(await api.get(`/v2/images?tag=${tag}&member_status=all`)), [id], 'the images found')
  })
}

/** Every image of a list, page by page as a client goes: as long as there is a `next`. */
export const walk = async (actor: Actor, path: string): Promise<string[][]> => {
  const pages: string[][] = []
  let next: string | undefined = path
  while (next !== undefined) {
    if (pages.length > 200) throw new Error(`${path}: the pages do not end`)
    const answer = await actor.api.get(next)
    pages.push(imageIds(answer))
    const following = at(answer.json, 'next')
    next = typeof following === 'string' ? following : undefined
  }
  return pages
}

const runPages = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { owner } = actors
  const tag = randomUUID()
  const ids: string[] = []
  for (let count = 0; count < 6; count++)
    ids.push(await images.queued({ tags: [tag, 'second'], name: `page ${count}` }))
  const list = `/v2/images?tag=${tag}`
  const whole = imageIds(await owner.api.get(list))
  const sizes: [limit: number, pages: number[]][] = [
    [1, [1, 1, 1, 1, 1, 1, 0]],
    [2, [2, 2, 2, 0]],
    [3, [3, 3, 0]],
    [4, [4, 2]],
    [5, [5, 1]],
    [6, [6, 0]],
    [7, [6]],
    [5000, [6]],
  ]
  for (const [limit, expected] of sizes)
    await check(`6 images by ${limit}: pages of ${expected.join(', ')}, in the order of the whole`, async () => {
      const pages = await walk(owner, `${list}&limit=${limit}`)
      expectEqual(
        pages.map(({ length }) => length),
        expected,
        'the sizes of the pages',
      )
      expectEqual(pages.flat(), whole, 'the images')
    })
  await check('limit=0 is an empty page without next', async () => {
    const answer = expectStatus(await owner.api.get(`${list}&limit=0`), 200)
    expectEqual(answer.json, { images: [], first: `${list}&limit=0`, schema: '/v2/schemas/images' }, 'the page')
  })
  await check('without a query, first is the path alone', async () => {
    const answer = expectStatus(await owner.api.get('/v2/images'), 200)
    expectField(answer, ['first'], '/v2/images')
    expectField(answer, ['schema'], '/v2/schemas/images')
    for (const key of Object.keys(objectAt(answer.json)))
      if (!['images', 'first', 'next', 'schema'].includes(key)) throw new Error(`the list has a key ${key}`)
  })
  await check('first and next carry the query, encoded, the marker last', async () => {
    const query = `sort=name:asc,id:desc&limit=2&tag=${tag}`
    const answer = expectStatus(await owner.api.get(`/v2/images?${query}`), 200)
    const parse = (path: unknown) => new URL(String(path), 'http://x').searchParams
    const given = new URLSearchParams(query)
    for (const key of ['first', 'next']) {
      const path = String(at(answer.json, key))
      if (!path.startsWith('/v2/images?')) throw new Error(`${key} is ${path}`)
      if (/[:,]/.test(path)) throw new Error(`${key} is not encoded: ${path}`)
      for (const [name, value] of given) expectEqual(parse(path).get(name), value, `${name} of ${key}`)
    }
    const last = imageIds(answer).at(-1)
    if (!String(at(answer.json, 'next')).endsWith(`marker=${last}`)) throw new Error('the marker is not the last item')
    const second = expectStatus(await owner.api.get(String(at(answer.json, 'next'))), 200)
    expectEqual(parse(at(second.json, 'first')).has('marker'), false, 'whether first has a marker')
    expectField(second, ['first'], at(answer.json, 'first'))
  })
  await own('repeated tags are kept while paging', async () => {
    const answer = expectStatus(await owner.api.get(`${list}&tag=second&limit=1`), 200)
    const query = new URL(String(at(answer.json, 'next')), 'http://x').searchParams
    expectEqual(query.getAll('tag'), [tag, 'second'], 'the tags in next')
  })
  await check('a page has 25 images unless the request says otherwise', async () => {
    const many = randomUUID()
    for (let count = 0; count < 26; count++) await images.queued({ tags: [many] })
    const pages = await walk(owner, `/v2/images?tag=${many}`)
    expectEqual(
      pages.map(({ length }) => length),
      [25, 1],
      'the sizes of the pages',
    )
  })
  await runMarkers(scene, list, whole)
}

const runMarkers = async (scene: Scene, list: string, whole: string[]) => {
  const { actors, images, check } = scene
  const { owner, stranger } = actors
  const deleted = await images.queued()
  expectStatus(await owner.api.delete(`/v2/images/${deleted}`), 204)
  const foreign = await images.queued({}, actors.consumer)
  const bad: [what: string, query: string][] = [
    ['limit negative', 'limit=-1'],
    ['limit a word', 'limit=many'],
    ['limit empty', 'limit='],
    ['limit a fraction', 'limit=1.5'],
    ['marker empty', 'marker='],
    ['marker unknown', `marker=${randomUUID()}`],
    ['marker no id', 'marker=nothing'],
    ['marker of a deleted image', `marker=${deleted}`],
    ['marker of an invisible image', `marker=${foreign}`],
  ]
  for (const [what, query] of bad)
    await check(`${what}: 400`, async () => {
      expectStatus(await owner.api.get(`${list}&${query}`), 400)
    })
  await check('the marker is judged for the caller: what I can see, a stranger cannot', async () => {
    expectStatus(await owner.api.get(`${list}&marker=${whole[0]}`), 200)
    expectStatus(await stranger.api.get(`${list}&marker=${whole[0]}`), 400)
  })
  await check('the marker need not match the filters', async () => {
    const first = await images.queued({ name: 'outside the filter' })
    const answer = expectStatus(await owner.api.get(`${list}&marker=${first}`), 200)
    expectEqual(imageIds(answer), whole, 'the images after the marker')
  })
}

/** A consumer's list merges what is its own, what is public and what it accepted: the pages must not show the seams. */
const runMerge = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { consumer } = actors
  const tag = randomUUID()
  for (let count = 0; count < 4; count++) {
    await images.queued({ tags: [tag], name: `m${count}c` }, consumer)
    await images.queued({ tags: [tag], name: `m${count}a`, visibility: 'public' })
    await images.share(await images.queued({ tags: [tag], name: `m${count}b` }), consumer, 'accepted')
    await images.share(await images.queued({ tags: [tag], name: `m${count}x` }), consumer, 'pending')
  }
  for (const sort of ['', '&sort=name:asc', '&sort=name:desc', '&sort=created_at:asc', '&sort_key=id&sort_dir=asc'])
    for (const limit of [1, 3, 5])
      await check(`own, public and accepted images by ${limit}, "${sort}": every one once, in order`, async () => {
        const whole = imageIds(await consumer.api.get(`/v2/images?tag=${tag}${sort}&limit=100`))
        expectEqual(new Set(whole).size, 12, 'the number of images')
        expectEqual((await walk(consumer, `/v2/images?tag=${tag}${sort}&limit=${limit}`)).flat(), whole, 'the images')
      })
  await check('sorted by name the three kinds are mixed', async () => {
    const answer = await consumer.api.get(`/v2/images?tag=${tag}&sort=name:asc`)
    const names = listAt(answer.json, 'images').map((image) => String(at(image, 'name')))
    expectEqual(names, [...names].sort(), 'the names')
  })
}

export const lists: Group = {
  name: 'lists and pages',
  async run(scene) {
    await runPresence(scene)
    await runPages(scene)
    await runMerge(scene)
  },
}
