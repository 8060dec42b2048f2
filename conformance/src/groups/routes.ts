import { expectEqual, expectField, expectStatus, header } from '../expect.ts'
import { checker, type Group, type Scene } from '../suite.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

interface Paths {
  image: string
  member: string
}

/** Every route and the methods that it takes. */
const routes: [path: (paths: Paths) => string, allow: string][] = [
  [() => '/v2/images', 'GET, POST'],
  [({ image }) => image, 'DELETE, GET, PATCH'],
  [({ image }) => `${image}/members`, 'GET, POST'],
  [({ member }) => member, 'DELETE, GET, PUT'],
  [({ image }) => `${image}/file`, 'GET, PUT'],
  [({ image }) => `${image}/tags/kept`, 'DELETE, PUT'],
  [({ image }) => `${image}/actions/deactivate`, 'POST'],
  [({ image }) => `${image}/actions/reactivate`, 'POST'],
  [() => '/v2/schemas/image', 'GET'],
  [() => '/v2/schemas/member', 'GET'],
]

const sorted = (allow: string | undefined) =>
  (allow ?? '')
    .split(',')
    .map((method) => method.trim())
    .sort()
    .join(', ')

const runMethods = async (scene: Scene, paths: Paths, title: (path: string) => string) => {
  const { actors, check, own } = scene
  for (const [pathOf, allow] of routes) {
    const path = pathOf(paths)
    const refused = methods.filter((method) => !allow.split(', ').includes(method))
    for (const method of refused)
      await check(`${method} ${title(path)} is 405 and allows ${allow}`, async () => {
        const answer = expectStatus(await actors.owner.api.send(method, path), 405)
        expectEqual(sorted(header(answer, 'allow')), allow, 'Allow')
        if (method === 'HEAD') expectEqual(answer.bytes.length, 0, 'the length of the body')
      })
    await own(`OPTIONS ${title(path)} is 405`, async () => {
      const answer = expectStatus(await actors.owner.api.send('OPTIONS', path), 405)
      expectEqual(sorted(header(answer, 'allow')), allow, 'Allow')
    })
  }
  await check('405 comes before 404 of the image', async () => {
    expectStatus(await actors.stranger.api.send('POST', paths.image), 405)
    expectStatus(await actors.stranger.api.send('PATCH', paths.member), 405)
  })
}

/** Routes that take no body, and say so before they look for the image. */
const bodiless: [method: string, path: (paths: Paths) => string][] = [
  ['GET', ({ image }) => image],
  ['DELETE', ({ image }) => image],
  ['GET', ({ image }) => `${image}/members`],
  ['GET', ({ member }) => member],
  ['DELETE', ({ member }) => member],
  ['PUT', ({ image }) => `${image}/tags/new`],
  ['DELETE', ({ image }) => `${image}/tags/kept`],
  ['POST', ({ image }) => `${image}/actions/deactivate`],
  ['POST', ({ image }) => `${image}/actions/reactivate`],
  ['GET', () => '/v2/schemas/image'],
  ['GET', () => '/v2/schemas/members'],
]

const runBodies = async (scene: Scene, paths: Paths, title: (path: string) => string) => {
  const { actors, check } = scene
  const piece = async function* () {
    yield Buffer.from('{}')
  }
  for (const [method, pathOf] of bodiless) {
    const path = pathOf(paths)
    for (const actor of [actors.owner, actors.stranger])
      await check(`${method} ${title(path)} with a body is 400, ${actor.name}`, async () => {
        expectStatus(await actor.api.send(method, path, { json: {} }), 400)
      })
    await check(`${method} ${title(path)} with a chunked body is 400`, async () => {
      expectStatus(await actors.owner.api.send(method, path, { body: piece() }), 400)
    })
  }
  await check('after these refusals nothing is changed', async () => {
    const answer = expectStatus(await actors.owner.api.get(paths.image), 200)
    expectField(answer, ['tags'], ['kept'])
    expectField(answer, ['status'], 'active')
    expectStatus(await actors.owner.api.get(paths.member), 200)
  })
  await check('a body on the list of images is read over', async () => {
    expectStatus(await actors.owner.api.send('GET', '/v2/images', { json: {} }), 200)
  })
  await check('a body of length 0 is no body', async () => {
    const none = { headers: { 'content-length': '0' } }
    expectStatus(await actors.owner.api.send('PUT', `${paths.image}/tags/kept`, none), 204)
    expectStatus(await actors.owner.api.send('GET', paths.image, none), 200)
  })
}

const unknown: [method: string, path: (paths: Paths) => string, own?: 'own'][] = [
  ['GET', () => '/v2/images/'],
  ['GET', () => '/v2/nothing'],
  ['GET', ({ image }) => `${image}/nothing`],
  ['POST', ({ image }) => `${image}/actions/explode`],
  ['POST', ({ image }) => `${image}/actions`],
  ['GET', ({ member }) => `${member}/more`],
  ['PUT', ({ image }) => `${image}/tags/a/b`],
  ['PUT', ({ image }) => `${image}/tags/a%2Fb`, 'own'],
  ['GET', () => '/v2/schemas/nothing'],
  ['GET', () => '/v2/schemas/metadefs/nothing'],
]

export const routesAndMethods: Group = {
  name: 'routes and methods',
  async run(scene) {
    const { actors, images } = scene
    const id = await images.active({ tags: ['kept'] })
    await images.share(id, actors.consumer)
    const image = `/v2/images/${id}`
    const paths = { image, member: `${image}/members/${actors.consumer.projectId}` }
    const title = (path: string) => path.replace(id, 'ID').replace(actors.consumer.projectId, 'PROJECT')
    await runMethods(scene, paths, title)
    await runBodies(scene, paths, title)
    for (const [method, pathOf, flag] of unknown)
      await checker(scene, flag === 'own')(`${method} ${title(pathOf(paths))} is 404`, async () => {
        expectStatus(await actors.owner.api.send(method, pathOf(paths)), 404)
      })
  },
}
