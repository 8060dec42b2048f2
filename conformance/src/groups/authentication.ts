import type { SendOptions } from '../client.ts'
import { expectEqual, expectMatch, expectStatus, header } from '../expect.ts'
import type { Group, Scene } from '../suite.ts'

const calls = (image: string, member: string): [method: string, path: string, options?: SendOptions][] => [
  ['GET', '/v2/images'],
  ['POST', '/v2/images', { json: {} }],
  ['GET', `/v2/images/${image}`],
  ['PATCH', `/v2/images/${image}`, { json: [] }],
  ['DELETE', `/v2/images/${image}`],
  ['GET', `/v2/images/${image}/members`],
  ['POST', `/v2/images/${image}/members`, { json: { member } }],
  ['GET', `/v2/images/${image}/members/${member}`],
  ['PUT', `/v2/images/${image}/members/${member}`, { json: { status: 'accepted' } }],
  ['DELETE', `/v2/images/${image}/members/${member}`],
  ['GET', `/v2/images/${image}/file`],
  ['PUT', `/v2/images/${image}/file`, { body: 'x', headers: { 'content-type': 'application/octet-stream' } }],
  ['PUT', `/v2/images/${image}/tags/t`],
  ['DELETE', `/v2/images/${image}/tags/t`],
  ['POST', `/v2/images/${image}/actions/deactivate`],
  ['POST', `/v2/images/${image}/actions/reactivate`],
  ['GET', '/v2/schemas/image'],
]

const runWithoutToken = async (scene: Scene, image: string) => {
  const { actors, check } = scene
  for (const [method, path, options] of calls(image, actors.consumer.projectId)) {
    const call = `${method} ${path.replace(image, 'ID').replace(actors.consumer.projectId, 'PROJECT')}`
    await check(`${call} without a token is 401 and names the identity service`, async () => {
      const answer = expectStatus(await actors.nobody.send(method, path, options), 401)
      expectMatch(header(answer, 'www-authenticate'), /^Keystone uri="https?:\/\/[^"]+"/, 'WWW-Authenticate')
    })
    await check(`${call} with a token that nobody issued is 401`, async () => {
      expectStatus(await actors.nobody.send(method, path, { ...options, token: 'gAAAAA-nobody-issued-this' }), 401)
    })
  }
  await check('401 does not tell whether an image exists', async () => {
    const known = await actors.nobody.get(`/v2/images/${image}`)
    const unknown = await actors.nobody.get('/v2/images/00000000-0000-4000-8000-000000000000')
    expectEqual(unknown.text, known.text, 'the body')
  })
}

const runTokens = async (scene: Scene, image: string) => {
  const { actors, check } = scene
  const { owner, stranger, nobody } = actors
  const path = `/v2/images/${image}`
  const odd: [what: string, token: string][] = [
    ['empty', ''],
    ['blank', '   '],
    ['8000 characters long', 'x'.repeat(8000)],
    ['made of odd characters', '\'"; DROP TABLE tokens; -- %00 ../../'],
  ]
  for (const [what, token] of odd)
    await check(`a token that is ${what} is 401`, async () => {
      expectStatus(await nobody.get(path, { token }), 401)
    })
  await check('a token with blanks around it is good', async () => {
    expectStatus(await nobody.get(path, { token: ` ${owner.token} ` }), 200)
  })
  await check('X-Storage-Token is read like X-Auth-Token', async () => {
    expectStatus(await nobody.get(path, { headers: { 'x-storage-token': owner.token } }), 200)
  })
  await check('a service token that nobody issued is 401, beside a good token', async () => {
    expectStatus(await owner.api.get(path, { headers: { 'x-service-token': 'nobody-issued-this' } }), 401)
  })
  const forged = {
    'x-identity-status': 'Confirmed',
    'x-project-id': owner.projectId,
    'x-tenant-id': owner.projectId,
    'x-user-id': 'root',
    'x-roles': 'admin,member,reader',
    'x-role': 'admin',
  }
  await check('headers that claim an identity are worth nothing without a token', async () => {
    expectStatus(await nobody.get(path, { headers: forged }), 401)
  })
  await check('and change nothing beside a token', async () => {
    expectStatus(await stranger.api.get(path, { headers: forged }), 404)
  })
}

const runScopes = async (scene: Scene, image: string) => {
  const { actors, images, check, skip } = scene
  const open = await images.active({ visibility: 'public' })
  const weak = [actors.unscoped, ...(typeof actors.roleless === 'string' ? [] : [actors.roleless])]
  if (typeof actors.roleless === 'string') await skip('a project token without a known role', actors.roleless)
  for (const { name, api } of weak) {
    await check(`${name}: lists nothing, 403`, async () => {
      expectStatus(await api.get('/v2/images'), 403)
    })
    await check(`${name}: cannot create, 403`, async () => {
      expectStatus(await api.post('/v2/images', {}), 403)
    })
    await check(`${name}: sees no image, 404`, async () => {
      expectStatus(await api.get(`/v2/images/${image}`), 404)
      expectStatus(await api.get(`/v2/images/${image}/members`), 404)
    })
    await check(`${name}: not even a public one`, async () => {
      expectStatus(await api.get(`/v2/images/${open}`), 404)
    })
    await check(`${name}: reads schemas`, async () => {
      expectStatus(await api.get('/v2/schemas/member'), 200)
    })
  }
  await check('the role reader alone cannot create, 403', async () => {
    expectStatus(await actors.ownerReader.api.post('/v2/images', {}), 403)
  })
  await check('the role reader alone lists and shows', async () => {
    expectStatus(await actors.ownerReader.api.get('/v2/images'), 200)
    expectStatus(await actors.ownerReader.api.get(`/v2/images/${image}`), 200)
  })
}

export const authentication: Group = {
  name: 'authentication',
  async run(scene) {
    const image = await scene.images.active()
    await runWithoutToken(scene, image)
    await runTokens(scene, image)
    await runScopes(scene, image)
  },
}
