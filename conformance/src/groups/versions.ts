import type { Answer } from '../client.ts'
import { expectEqual, expectMatch, expectStatus, header } from '../expect.ts'
import { at, listAt, objectAt } from '../json.ts'
import { checker, type Group } from '../suite.ts'

/** Where discovery looks, without a token. Any first segment that is not a version leads there too. */
const places: [path: string, status: number, own?: 'own'][] = [
  ['/', 300],
  ['/versions', 200],
  ['/versions/', 200],
  ['/v1/images', 300],
  ['/v3/images', 300],
  ['/v2.99', 300],
  ['/v2.99/images', 300],
  ['/foo', 300],
  ['/foo/bar/baz', 300],
  ['/v2', 300, 'own'],
  ['/v2/', 300, 'own'],
]

const expectDocument = (answer: Answer): void => {
  expectMatch(header(answer, 'content-type'), /^application\/json/, 'Content-Type')
  expectEqual(Object.keys(objectAt(answer.json)), ['versions'], 'the keys of the document')
  const versions = listAt(answer.json, 'versions')
  for (const version of versions) {
    expectEqual(Object.keys(objectAt(version)).sort(), ['id', 'links', 'status'], 'the keys of a version')
    expectEqual(listAt(version, 'links').length, 1, 'the links of a version')
    expectEqual(at(version, 'links', 0, 'rel'), 'self', 'the relation of the link')
    expectMatch(String(at(version, 'links', 0, 'href')), /^https?:\/\/.+\/v2\/$/, 'the link')
  }
  const links = new Set(versions.map((version) => at(version, 'links', 0, 'href')))
  expectEqual(links.size, 1, 'the number of different links')
  const statuses = versions.map((version) => at(version, 'status'))
  expectEqual(statuses, ['CURRENT', ...versions.slice(1).map(() => 'SUPPORTED')], 'the statuses')
  const minors = versions.map((version) => Number(/^v2\.(\d+)$/.exec(String(at(version, 'id')))?.[1]))
  expectEqual(
    minors,
    [...minors].sort((a, b) => b - a),
    'the minor versions',
  )
  expectEqual(minors.at(-1), 0, 'the last minor version')
}

export const versions: Group = {
  name: 'versions',
  async run(scene) {
    const { actors, endpoint, images, check, own } = scene
    for (const [path, status, flag] of places)
      await checker(scene, flag === 'own')(`GET ${path} without a token is ${status} with the document`, async () => {
        const answer = await actors.nobody.get(path)
        expectStatus(answer, status)
        expectDocument(answer)
      })
    await own('every minor version from 2.18 to 2.0 is announced', async () => {
      const ids = listAt((await actors.nobody.get('/versions')).json, 'versions').map((version) => at(version, 'id'))
      expectEqual(
        ids,
        Array.from({ length: 19 }, (_, index) => `v2.${18 - index}`),
        'the ids',
      )
    })
    await check('the links lead to where the service was reached', async () => {
      const answer = await actors.nobody.get('/versions')
      const expected = `${endpoint.href.replace(/\/+$/, '')}/v2/`
      expectEqual(at(answer.json, 'versions', 0, 'links', 0, 'href'), expected, 'the link')
    })
    const id = await images.queued()
    for (const minor of [0, 1, 7, 9])
      await check(`/v2.${minor} is another name for /v2`, async () => {
        const plain = expectStatus(await actors.owner.api.get(`/v2/images/${id}`), 200)
        const alias = expectStatus(await actors.owner.api.get(`/v2.${minor}/images/${id}`), 200)
        expectEqual(alias.json, plain.json, 'the image')
        expectStatus(await actors.nobody.get(`/v2.${minor}/images/${id}`), 401)
      })
  },
}
