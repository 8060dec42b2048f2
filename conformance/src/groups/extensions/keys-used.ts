import { DataKeySchema, KeyEventsSchema, KeyGrantSchema, UnwrappedSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import { change, expectRefusal, walk } from '../../extensions.ts'
import { at, type Json, stringAt } from '../../json.ts'
import {
  changeKey,
  expectKeyRefusal,
  expectNamed,
  grantKey,
  grantPath,
  grantsOf,
  keyPath,
  madeKey,
  sealed,
  usesLike,
  usesOf,
} from '../../keys.ts'
import type { Group, Scene } from '../../suite.ts'
import { unknownProject } from '../members-matrix.ts'

const dataKey = async (actor: Actor, key: string): Promise<{ plain: string; wrapped: string }> => {
  const answer = await actor.api.post(`${keyPath(key)}/data-keys`)
  expectDocument(expectStatus(answer, 201), DataKeySchema)
  expectMatch(header(answer, 'cache-control'), /no-store/, 'Cache-Control')
  return { plain: stringAt(answer.json, 'plain'), wrapped: stringAt(answer.json, 'wrapped') }
}

const unwrap = (actor: Actor, key: string, wrapped: Json): Promise<Answer> =>
  actor.api.post(`${keyPath(key)}/unwrap`, { wrapped })

const runDataKeys = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, ownerReader, consumer, stranger, admin } = actors

  await own('owner and grantee make data keys of 32 bytes, and open those of both', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, consumer.projectId)
    const made = [await dataKey(owner, key), await dataKey(consumer, key), await dataKey(owner, key)]
    expectEqual(new Set(made.map(({ plain }) => plain)).size, 3, 'the number of different data keys')
    for (const { plain, wrapped } of made) {
      expectEqual(Buffer.from(plain, 'base64').length, 32, 'the bytes of the data key')
      expectMatch(wrapped, /^1\./, 'the wrapped data key')
      for (const actor of [owner, consumer]) {
        const answer = expectDocument(expectStatus(await unwrap(actor, key, wrapped), 200), UnwrappedSchema)
        expectField(answer, ['plain'], plain)
        expectMatch(header(answer, 'cache-control'), /no-store/, 'Cache-Control')
      }
    }
  })
  await own('nobody else does: a stranger and an administrator of another project are 404, a reader 403', async () => {
    const key = await madeKey(scene)
    const { wrapped } = await dataKey(owner, key)
    for (const actor of [stranger, admin, consumer]) {
      expectRefusal(await actor.api.post(`${keyPath(key)}/data-keys`), 404)
      expectRefusal(await unwrap(actor, key, wrapped), 404)
    }
    expectRefusal(await ownerReader.api.post(`${keyPath(key)}/data-keys`), 403)
    expectRefusal(await unwrap(ownerReader, key, wrapped), 403)
  })
  await own('who was let and is not any more is as a stranger', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, consumer.projectId)
    const { wrapped } = await dataKey(consumer, key)
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    expectRefusal(await unwrap(consumer, key, wrapped), 404)
    expectRefusal(await consumer.api.post(`${keyPath(key)}/data-keys`), 404)
    expectStatus(await unwrap(owner, key, wrapped), 200)
  })
  await own('a disabled key opens and closes nothing, for nobody; enabled again, it does', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, consumer.projectId)
    const { plain, wrapped } = await dataKey(owner, key)
    await changeKey(owner, key, { status: 'disabled' })
    for (const actor of [owner, consumer]) {
      expectNamed(expectKeyRefusal(await unwrap(actor, key, wrapped), 'key_disabled'), key)
      expectKeyRefusal(await actor.api.post(`${keyPath(key)}/data-keys`), 'key_disabled')
    }
    expectRefusal(await unwrap(stranger, key, wrapped), 404)
    await changeKey(owner, key, { status: 'enabled' })
    expectField(expectStatus(await unwrap(consumer, key, wrapped), 200), ['plain'], plain)
  })
  await own('a data key that was changed, cut, or wrapped by another key is 400, and nothing comes out', async () => {
    const [key, another] = [await madeKey(scene), await madeKey(scene)]
    const { wrapped } = await dataKey(owner, key)
    const foreign = await dataKey(owner, another)
    const [version = '', text = ''] = wrapped.split('.')
    const flipped = (index: number) => {
      const bytes = Buffer.from(text, 'base64url')
      bytes[index] = (bytes[index] ?? 0) ^ 1
      return `${version}.${bytes.toString('base64url')}`
    }
    const length = Buffer.from(text, 'base64url').length
    const wrong = [
      ...[0, 1, Math.floor(length / 2), length - 17, length - 1].map(flipped),
      `${version}.${text.slice(0, -4)}`,
      `${version}.${text}AAAA`,
      `2.${text}`,
      `0.${text}`,
      `999999999.${text}`,
      `${version}.A`,
      foreign.wrapped,
    ]
    for (const bad of wrong) expectRefusal(await unwrap(owner, key, bad), 400)
    expectStatus(await unwrap(owner, key, wrapped), 200)
  })
  const bodies: [what: string, body: Json][] = [
    ['nothing', {}],
    ['a number', { wrapped: 1 }],
    ['an empty text', { wrapped: '' }],
    ['a text without version', { wrapped: 'AAAA' }],
    ['a blank', { wrapped: '1.AA AA' }],
    ['4097 characters', { wrapped: `1.${'A'.repeat(4095)}` }],
    ['an unknown key', { wrapped: '1.AAAA', context: 'x' }],
    ['an array', []],
  ]
  const key = await madeKey(scene)
  for (const [what, body] of bodies)
    await own(`to unwrap ${what} is 400, also for a stranger`, async () => {
      for (const actor of [owner, stranger]) expectRefusal(await actor.api.post(`${keyPath(key)}/unwrap`, body), 400)
    })
}

const runOthers = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer, stranger, admin } = actors
  const key = await madeKey(scene, owner, { name: 'own' })
  await grantKey(owner, key, consumer.projectId)
  const calls: [method: string, path: (key: string) => string, json?: Json][] = [
    ['GET', keyPath],
    ['PATCH', keyPath, { name: 'taken' }],
    ['PATCH', keyPath, { status: 'disabled' }],
    ['DELETE', keyPath],
    ['POST', (id) => `${keyPath(id)}/rotate`],
    ['GET', (id) => `${keyPath(id)}/grants`],
    ['PUT', (id) => grantPath(id, stranger.projectId)],
    ['PUT', (id) => grantPath(id, admin.projectId)],
    ['DELETE', (id) => grantPath(id, consumer.projectId)],
    ['GET', (id) => `${keyPath(id)}/events`],
  ]
  for (const [method, path, json] of calls)
    await own(
      `${method} ${path('ID')}${json ? ` of ${JSON.stringify(json)}` : ''} of another project is 404, also for \
who may use the key and for the administrator`,
      async () => {
        const options = json === undefined ? {} : { json }
        const absent = crypto.randomUUID()
        const masked = ({ text }: Answer) => text.replaceAll(key, 'ID').replaceAll(absent, 'ID')
        for (const actor of [stranger, consumer, admin]) {
          const foreign = await actor.api.send(method, path(key), options)
          expectRefusal(foreign, 404)
          expectEqual(masked(foreign), masked(await actor.api.send(method, path(absent), options)), 'the answer')
        }
      },
    )
  await own('after all of these the key and its grants are as they were', async () => {
    expectField(await owner.api.get(keyPath(key)), ['name'], 'own')
    expectField(await owner.api.get(keyPath(key)), ['status'], 'enabled')
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 0 }, 'the grants')
  })
  await own('an id that is no id is 404', async () => {
    for (const id of ['not-an-id', '0', key.toUpperCase(), `${key}x`])
      expectRefusal(await owner.api.get(keyPath(id)), 404)
  })
}

const runGrants = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer, stranger } = actors
  await own('a grant says who granted it, waits for shares, and is the same when given again', async () => {
    const key = await madeKey(scene)
    const first = expectDocument(await grantKey(owner, key, consumer.projectId), KeyGrantSchema)
    expectField(first, ['key_id'], key)
    expectField(first, ['project_id'], consumer.projectId)
    expectField(first, ['shares'], 0)
    if (typeof at(first.json, 'granted_by_user') !== 'string') throw new Error('nobody granted it')
    expectEqual((await grantKey(owner, key, consumer.projectId)).json, first.json, 'the grant')
    await grantKey(owner, key, stranger.projectId)
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 0, [stranger.projectId]: 0 }, 'the grants')
  })
  await own('a project that nobody knows is let as any other, and nothing is told of it', async () => {
    const key = await madeKey(scene)
    const project = unknownProject()
    await grantKey(owner, key, project)
    expectEqual(await grantsOf(owner, key), { [project]: 0 }, 'the grants')
  })
  for (const project of ['%20a', 'a%20', 'a%0Ab', 'a%00b', 'a%2Fb', 'p'.repeat(256), '%F0%9F%98%80'])
    await own(`a key is not granted to "${project.slice(0, 20)}": 400`, async () => {
      const key = await madeKey(scene)
      expectRefusal(await owner.api.put(grantPath(key, project)), 400)
      expectEqual(await grantsOf(owner, key), {}, 'the grants')
    })
  await own('the own project needs no grant, and gets none', async () => {
    const key = await madeKey(scene)
    expectRefusal(await owner.api.put(grantPath(key, owner.projectId)), 409)
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
    expectRefusal(await owner.api.delete(grantPath(key, owner.projectId)), 404)
    await dataKey(owner, key)
  })
  await own('a grant is revoked once; where there is none, it is 404', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, consumer.projectId)
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    expectRefusal(await owner.api.delete(grantPath(key, consumer.projectId)), 404)
    expectRefusal(await owner.api.delete(grantPath(key, stranger.projectId)), 404)
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
  })
  await own('granted and revoked at once, again and again: what the list says is so', async () => {
    const key = await madeKey(scene)
    const { wrapped } = await dataKey(owner, key)
    const path = grantPath(key, consumer.projectId)
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all([
        owner.api.put(path),
        owner.api.delete(path),
        owner.api.put(path),
        owner.api.delete(path),
      ])
      for (const [index, answer] of answers.entries()) expectStatus(answer, ...(index % 2 === 0 ? [200] : [204, 404]))
      const isListed = Object.hasOwn(await grantsOf(owner, key), consumer.projectId)
      expectEqual((await unwrap(consumer, key, wrapped)).status, isListed ? 200 : 404, 'what the project may')
    }
  })
}

const runLog = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, ownerReader, consumer, stranger } = actors
  await own('every use is written down, newest first: who, for which image, how it came out', async () => {
    const { image, key } = await sealed(scene)
    await changeKey(owner, key, { name: 'logged' })
    expectRefusal(await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }), 403)
    await grantKey(owner, key, consumer.projectId)
    expectStatus(await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }), 200)
    const opened = expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
    const { wrapped } = await dataKey(consumer, key)
    expectStatus(await unwrap(owner, key, wrapped), 200)
    expectStatus(await owner.api.post(`${keyPath(key)}/rotate`), 202)
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    const expected: [
      type: Parameters<typeof usesLike>[2],
      by: Actor,
      outcome: string,
      rest?: { [name: string]: Json },
    ][] = [
      ['key.create', owner, 'done'],
      ['key.seal', owner, 'done', { image_id: image }],
      ['key.update', owner, 'done'],
      ['key.prove', owner, 'refused', { image_id: image, grantee_id: consumer.projectId }],
      ['key.grant', owner, 'done', { grantee_id: consumer.projectId }],
      ['key.prove', owner, 'done', { image_id: image, grantee_id: consumer.projectId }],
      ['key.open', consumer, 'done', { image_id: image, request_id: header(opened, 'x-openstack-request-id') ?? '' }],
      ['key.data_key', consumer, 'done'],
      ['key.unwrap', owner, 'done'],
      ['key.rotate', owner, 'done'],
      ['key.revoke', owner, 'done', { grantee_id: consumer.projectId }],
    ]
    await usesLike(owner, key, 'key.revoke')
    const uses = (await usesOf(ownerReader, key)).toReversed()
    let from = 0
    for (const [type, by, outcome, rest = {}] of expected) {
      const wanted = Object.entries({ type, key_id: key, project_id: by.projectId, outcome, ...rest })
      const index = uses.findIndex(
        (use, place) => place >= from && wanted.every(([name, value]) => at(use, name) === value),
      )
      if (index < 0) {
        const told = uses.map((use) => `${at(use, 'type')} ${at(use, 'outcome')}`)
        throw new Error(`no ${type} ${outcome} by ${by.name} after the ${from} before it in: ${told.join(', ')}`)
      }
      from = index + 1
    }
  })
  await own('pages of two are the whole, without gap or double', async () => {
    const key = await madeKey(scene)
    for (let count = 0; count < 5; count++) await changeKey(owner, key, { name: `n${count}` })
    await usesLike(owner, key, 'key.update', 5)
    const ids = async (query: string) =>
      (await walk(owner.api, `${keyPath(key)}/events?${query}`, 'events')).map((use) => stringAt(use, 'id'))
    expectEqual(await ids('limit=2'), await ids('limit=1000'), 'the events')
    expectEqual((await ids('limit=2')).length, 6, 'the number of events')
  })
  for (const query of ['limit=-1', 'limit=x', 'marker=nobody'])
    await own(`a log asked with ${query} is 400`, async () => {
      const key = await madeKey(scene)
      expectRefusal(await owner.api.get(`${keyPath(key)}/events?${query}`), 400)
    })
  await own('of what a stranger tries with an image, nothing comes into the log', async () => {
    const { image, key } = await sealed(scene)
    const before = await usesOf(owner, key)
    expectRefusal(await stranger.api.post(`/v2/images/${image}/members`, { member: stranger.projectId }), 404)
    expectRefusal(await stranger.api.get(`/v2/images/${image}/file`), 404)
    expectRefusal(await change(stranger.api, keyPath(key), { name: 'n' }), 404)
    expectEqual(await usesOf(owner, key), before, 'the log')
  })
  await own('the log holds neither data keys nor what they were wrapped into', async () => {
    const key = await madeKey(scene)
    const { plain, wrapped } = await dataKey(owner, key)
    expectStatus(await unwrap(owner, key, wrapped), 200)
    await usesLike(owner, key, 'key.unwrap')
    const { text } = expectDocument(expectStatus(await owner.api.get(`${keyPath(key)}/events`), 200), KeyEventsSchema)
    if (text.includes(plain) || text.includes(wrapped)) throw new Error('the log tells the data key')
  })
}

export const keysUsed: Group = {
  name: 'use of keys',
  own: true,
  async run(scene) {
    await runDataKeys(scene)
    await runOthers(scene)
    await runGrants(scene)
    await runLog(scene)
  },
}
