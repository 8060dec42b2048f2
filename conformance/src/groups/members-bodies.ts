import { expectField, expectMembers, expectStatus } from '../expect.ts'
import { checker, type Group, type Scene } from '../suite.ts'
import { unknownProject } from './members-matrix.ts'

/** A body, what it is called, what comes of it, and whether that is our own decision. */
type Body = [name: string, body: string | undefined, status: number, own?: 'own']

const longest = 'm'.repeat(255)

/** Bodies of POST members. Every refusal here comes before anybody looks for the image. */
const creates: Body[] = [
  ['no body', undefined, 400],
  ['malformed JSON', '{"member": ', 400],
  ['two values', '{"member": "a"} {"member": "b"}', 400],
  ['a JSON number', '7', 400],
  ['a JSON string', '"member"', 400],
  ['JSON null', 'null', 400],
  ['a JSON array', '["member"]', 400],
  ['an empty object', '{}', 400],
  ['only member_id', '{"member_id": "x"}', 400],
  ['member null', '{"member": null}', 400],
  ['member empty', '{"member": ""}', 400],
  ['member 0', '{"member": 0}', 400],
  ['member false', '{"member": false}', 400],
  ['member true', '{"member": true}', 400, 'own'],
  ['member an object', '{"member": {"id": "x"}}', 400, 'own'],
  ['member an array', '{"member": ["x"]}', 400, 'own'],
  ['member a negative integer', '{"member": -5}', 400, 'own'],
  ['member a fraction', '{"member": 1.5}', 400, 'own'],
  ['member of 255 characters', `{"member": "${longest}"}`, 200],
  ['member of 256 characters', `{"member": "${longest}m"}`, 400, 'own'],
  ['member with a character beyond the basic plane', '{"member": "a\u{1F600}"}', 400],
  ['member with a slash', '{"member": "a/b"}', 400, 'own'],
  ['member with a control character', '{"member": "a\\u0007"}', 400, 'own'],
  ['member with a blank in front', '{"member": " a"}', 400, 'own'],
  ['member with a blank behind', '{"member": "a "}', 400, 'own'],
  ['member that is a blank', '{"member": " "}', 400, 'own'],
]

/** Bodies of PUT member: whoever may not change the status is told so before the word is looked at. */
const updates: [name: string, body: string | undefined, member: number, owner: number, stranger: number][] = [
  ['no body', undefined, 400, 400, 400],
  ['malformed JSON', '{"status"', 400, 400, 400],
  ['an array', '["accepted"]', 400, 400, 400],
  ['a string', '"accepted"', 400, 400, 400],
  ['JSON null', 'null', 400, 400, 400],
  ['no status', '{"member": "x"}', 400, 400, 400],
  ['status null', '{"status": null}', 400, 403, 404],
  ['status a number', '{"status": 1}', 400, 403, 404],
  ['status an array', '{"status": ["accepted"]}', 400, 403, 404],
  ['status an unknown word', '{"status": "perhaps"}', 400, 403, 404],
  ['status empty', '{"status": ""}', 400, 403, 404],
  ['status ACCEPTED', '{"status": "ACCEPTED"}', 400, 403, 404],
  ['status Rejected', '{"status": "Rejected"}', 400, 403, 404],
  ['status PENDING', '{"status": "PENDING"}', 400, 403, 404],
  ['status with a blank', '{"status": "accepted "}', 400, 403, 404],
  ['status the present one', '{"status": "pending"}', 200, 403, 404],
  ['status valid', '{"status": "accepted"}', 200, 403, 404],
]

const withBody = (body: string | undefined) =>
  body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }

const runCreates = async (scene: Scene) => {
  const { actors, images } = scene
  const image = await images.queued()
  const path = `/v2/images/${image}/members`
  const senders = [
    { who: 'the owner', api: actors.owner.api, path },
    { who: 'a stranger', api: actors.stranger.api, path },
    { who: 'the owner, on an unknown image', api: actors.owner.api, path: path.replace(image, unknownProject()) },
  ]
  for (const [name, body, status, own] of creates)
    for (const sender of status === 400 ? senders : senders.slice(0, 1))
      await checker(scene, own === 'own')(`POST by ${sender.who}, ${name}: ${status}`, async () => {
        expectStatus(await sender.api.send('POST', sender.path, withBody(body)), status)
      })
  await scene.check('refused bodies leave no member', async () => {
    expectMembers(await actors.owner.api.get(path), [longest])
  })
}

const runIntegers = async (scene: Scene) => {
  const { actors, images, own } = scene
  const path = `/v2/images/${await images.queued()}/members`
  const { api } = actors.owner
  await own('an integer member is stored and shown as its decimal text', async () => {
    expectField(expectStatus(await api.post(path, { member: 12345 }), 200), ['member_id'], '12345')
    expectField(expectStatus(await api.get(`${path}/12345`), 200), ['member_id'], '12345')
    expectMembers(await api.get(path), ['12345'])
  })
  await own('the same member as text is a duplicate: 409', async () => {
    expectStatus(await api.post(path, { member: '12345' }), 409)
    expectStatus(await api.post(path, { member: 12345 }), 409)
  })
  await own('7.0 is an integer', async () => {
    const answer = await api.send('POST', path, withBody('{"member": 7.0}'))
    expectField(expectStatus(answer, 200), ['member_id'], '7')
  })
}

const runUpdates = async (scene: Scene) => {
  const { actors, images, check } = scene
  const image = await images.queued()
  const { consumer, owner, stranger, admin } = actors
  const path = `/v2/images/${image}/members/${consumer.projectId}`
  await images.share(image, consumer)
  for (const [name, body, member, byOwner, byStranger] of updates) {
    const cells = [
      [consumer, member],
      [admin, member],
      [owner, byOwner],
      [stranger, byStranger],
    ] as const
    for (const [actor, status] of cells)
      await check(`PUT by ${actor.name}, ${name}: ${status}`, async () => {
        expectStatus(await actor.api.send('PUT', path, withBody(body)), status)
      })
  }
  await scene.own('the refusal of an upper-case status names the three words', async () => {
    const answer = expectStatus(await consumer.api.put(path, { status: 'ACCEPTED' }), 400)
    for (const word of ['pending', 'accepted', 'rejected'])
      if (!answer.text.includes(word)) throw new Error(`${word} is not in ${answer.text}`)
  })
}

/** What is read over: other keys, the content type, the way the body is framed, query parameters. */
const runTolerance = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, consumer } = actors
  const image = await images.queued()
  const path = `/v2/images/${image}/members`
  const mine = `${path}/${consumer.projectId}`
  await check('POST ignores other keys, also a status', async () => {
    const answer = await owner.api.post(path, { member: consumer.projectId, status: 'accepted', member_id: 'x' })
    expectField(expectStatus(answer, 200), ['status'], 'pending')
    expectField(answer, ['member_id'], consumer.projectId)
  })
  await check('PUT ignores other keys', async () => {
    const answer = await consumer.api.put(mine, { member: 'x', member_id: 'y', vault_id: 'z', status: 'accepted' })
    expectField(expectStatus(answer, 200), ['status'], 'accepted')
    expectField(answer, ['member_id'], consumer.projectId)
  })
  for (const type of ['text/plain', 'application/xml', 'application/json; charset=utf-8', undefined])
    await check(`a body of type ${type ?? 'nothing'} is read as JSON`, async () => {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
      const create = { body: JSON.stringify({ member: unknownProject() }), headers }
      expectStatus(await owner.api.send('POST', path, create), 200)
      expectStatus(await consumer.api.send('PUT', mine, { body: '{"status": "rejected"}', headers }), 200)
    })
  await check('chunked bodies are read', async () => {
    const pieces = async function* () {
      yield Buffer.from('{"sta')
      yield Buffer.from('tus": "accepted"}')
    }
    const answer = await consumer.api.send('PUT', mine, {
      body: pieces(),
      headers: { 'content-type': 'application/json' },
    })
    expectField(expectStatus(answer, 200), ['status'], 'accepted')
  })
  await check('the list ignores every query parameter', async () => {
    const plain = expectStatus(await owner.api.get(path), 200)
    const answer = await owner.api.get(`${path}?limit=1&marker=nothing&status=bogus&sort_key=x&foo=`)
    expectStatus(answer, 200)
    if (answer.text !== plain.text) throw new Error(`with parameters the list reads ${answer.text.slice(0, 300)}`)
  })
  await check('a member id with a blank inside can be addressed', async () => {
    expectStatus(await owner.api.post(path, { member: 'two words' }), 200)
    expectField(expectStatus(await owner.api.get(`${path}/two%20words`), 200), ['member_id'], 'two words')
    expectStatus(await owner.api.delete(`${path}/two%20words`), 204)
  })
}

export const membersBodies: Group = {
  name: 'member bodies',
  async run(scene) {
    await runCreates(scene)
    await runIntegers(scene)
    await runUpdates(scene)
    await runTolerance(scene)
  },
}
