import { randomBytes } from 'node:crypto'
import { actorNamed } from '../actors.ts'
import type { Answer } from '../client.ts'
import { expectField, expectMembers, expectStatus } from '../expect.ts'
import type { Group, Scene } from '../suite.ts'
import { type Row, table } from '../table.ts'

/** A project id that no image is shared with. */
export const unknownProject = (): string => randomBytes(16).toString('hex')

// B is the consumer, C (other) is a second member, X a project that is none. The owner never answers for a consumer;
// the row of another member does not exist for a member; whoever cannot see the image meets 404 throughout.
const shared = table(`
  actor          | list     | GET B | PUT B | PUT B bad | PUT X | POST new | POST B | DELETE B | DELETE X
  owner          | all rows | 200   | 403   | 403       | 404   | 200      | 409    | 204      | 404
  ownerReader    | all rows | 200   | 403   | 403       | 404   | 403      | 403    | 403      | 404
  consumer       | own row  | 200   | 200   | 400       | 404   | 403      | 403    | 403      | 404
  consumerReader | own row  | 200   | 403   | 403       | 404   | 403      | 403    | 403      | 404
  other          | own row  | 404   | 404   | 404       | 404   | 403      | 403    | 404      | 404
  stranger       | nothing  | 404   | 404   | 404       | 404   | 404      | 404    | 404      | 404
  strangerReader | nothing  | 404   | 404   | 404       | 404   | 404      | 404    | 404      | 404
  admin          | all rows | 200   | 200   | 400       | 404   | 200      | 409    | 204      | 404
`)

/** The table holds whatever the status of the image and of the memberships. */
const settings = table(`
  image       | members
  queued      | pending
  active      | pending
  active      | accepted
  active      | rejected
  deactivated | accepted
`)

// Only shared images have members: 403, and 404 for showing one, whatever the role.
const notShared = table(`
  visibility | actor          | list | GET B | GET X | PUT B | PUT X | POST new | POST B | DELETE B | DELETE X
  private    | owner          | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  private    | ownerReader    | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  private    | admin          | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  private    | consumer       | 404  | 404   | 404   | 404   | 404   | 404      | 404    | 404      | 404
  private    | consumerReader | 404  | 404   | 404   | 404   | 404   | 404      | 404    | 404      | 404
  private    | stranger       | 404  | 404   | 404   | 404   | 404   | 404      | 404    | 404      | 404
  community  | owner          | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  community  | ownerReader    | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  community  | consumer       | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  community  | stranger       | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  community  | strangerReader | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  community  | admin          | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  public     | owner          | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  public     | ownerReader    | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  public     | consumer       | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  public     | stranger       | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  public     | strangerReader | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
  public     | admin          | 403  | 404   | 404   | 403   | 403   | 403      | 403    | 403      | 403
`)

/** The call that a column stands for. `added` is the member that POST new makes. */
const callOf = (scene: Scene, actor: string, image: string, answer: string, added = unknownProject()) => {
  const { api } = actorNamed(scene.actors, actor)
  const path = `/v2/images/${image}/members`
  const b = `${path}/${scene.actors.consumer.projectId}`
  const x = `${path}/${unknownProject()}`
  const calls: Record<string, () => Promise<Answer>> = {
    list: () => api.get(path),
    'GET B': () => api.get(b),
    'GET X': () => api.get(x),
    'PUT B': () => api.put(b, { status: answer }),
    'PUT B bad': () => api.put(b, { status: 'perhaps' }),
    'PUT X': () => api.put(x, { status: 'accepted' }),
    'POST new': () => api.post(path, { member: added }),
    'POST B': () => api.post(path, { member: scene.actors.consumer.projectId }),
    'DELETE B': () => api.delete(b),
    'DELETE X': () => api.delete(x),
  }
  return (column: string): Promise<Answer> => {
    const call = calls[column]
    if (call === undefined) throw new Error(`no call is known for ${column}`)
    return call()
  }
}

const runSharedRow = async (scene: Scene, row: Row, image: string, membership: string, title: string) => {
  const { check, actors } = scene
  const actor = actorNamed(actors, row.text('actor'))
  const added = unknownProject()
  const call = callOf(scene, row.text('actor'), image, membership, added)
  const everyRow = [actors.consumer.projectId, actors.other.projectId]
  for (const column of row.columns)
    await check(`${title}, ${column}: ${row.text(column)}`, async () => {
      const answer = await call(column)
      if (column !== 'list') expectStatus(answer, row.status(column))
      else if (row.text('list') === 'nothing') expectStatus(answer, 404)
      else expectMembers(answer, row.text('list') === 'own row' ? [actor.projectId] : everyRow)
    })
  await check(`${title}: afterwards what was allowed is done and nothing else`, async () => {
    const rows = [actors.other.projectId]
    if (row.status('DELETE B') !== 204) rows.push(actors.consumer.projectId)
    if (row.status('POST new') === 200) rows.push(added)
    expectMembers(await actors.admin.api.get(`/v2/images/${image}/members`), rows)
  })
}

export const membersShared: Group = {
  name: 'members of shared images',
  async run(scene) {
    const { images, actors } = scene
    for (const setting of settings)
      for (const row of shared) {
        const status = setting.text('image')
        const membership = setting.text('members')
        const image = await images.in(status)
        await images.share(image, actors.consumer, membership)
        await images.share(image, actors.other, membership)
        const title = `${status} image, ${membership} members, ${actorNamed(actors, row.text('actor')).name}`
        await runSharedRow(scene, row, image, membership, title)
      }
  },
}

const runNotShared = async (scene: Scene, visibility: string) => {
  const { images, actors, check } = scene
  const image = await images.active()
  await images.share(image, actors.consumer, 'accepted')
  await images.share(image, actors.other, 'rejected')
  const become = (value: string) =>
    actors.admin.api.patch(`/v2/images/${image}`, [{ op: 'replace', path: '/visibility', value }])
  expectStatus(await become(visibility), 200)
  for (const row of notShared.filter((candidate) => candidate.text('visibility') === visibility)) {
    const call = callOf(scene, row.text('actor'), image, 'rejected')
    for (const column of row.columns.filter((name) => name !== 'actor'))
      await check(
        `${visibility} image, ${actorNamed(actors, row.text('actor')).name}, ${column}: ${row.text(column)}`,
        async () => {
          expectStatus(await call(column), row.status(column))
        },
      )
  }
  await check(`${visibility} image, shared again: memberships and their statuses are as they were`, async () => {
    expectStatus(await become('shared'), 200)
    const path = `/v2/images/${image}/members`
    expectMembers(await actors.owner.api.get(path), [actors.consumer.projectId, actors.other.projectId])
    expectField(await actors.consumer.api.get(`${path}/${actors.consumer.projectId}`), ['status'], 'accepted')
    expectField(await actors.other.api.get(`${path}/${actors.other.projectId}`), ['status'], 'rejected')
  })
}

/** Images that are not there, for anybody. */
const runAbsent = async (scene: Scene) => {
  const { images, actors, check } = scene
  const deleted = await images.active()
  await images.share(deleted, actors.consumer)
  expectStatus(await actors.owner.api.delete(`/v2/images/${deleted}`), 204)
  const absent = [
    ['a deleted image', deleted],
    ['an unknown id', '00000000-0000-4000-8000-000000000000'],
    ['a malformed id', 'not-a-uuid'],
  ] as const
  for (const [what, id] of absent)
    for (const name of ['owner', 'consumer', 'stranger', 'admin']) {
      const call = callOf(scene, name, id, 'accepted')
      for (const column of ['list', 'GET B', 'PUT B', 'POST new', 'DELETE B'])
        await check(`${what}, ${actorNamed(actors, name).name}, ${column}: 404`, async () => {
          expectStatus(await call(column), 404)
        })
    }
}

export const membersNotShared: Group = {
  name: 'members of images that are not shared',
  async run(scene) {
    for (const visibility of ['private', 'community', 'public']) await runNotShared(scene, visibility)
    await runAbsent(scene)
  },
}
