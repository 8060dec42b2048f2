import { randomUUID } from 'node:crypto'
import { expectEqual, expectField, expectStatus } from '../expect.ts'
import { at, type Json, listAt, stringAt } from '../json.ts'
import { makeNamespace, namespaces } from '../metadefs.ts'
import { checker, type Group, type Scene } from '../suite.ts'
import { table } from '../table.ts'

const badQueries = table(`
  query              | status | own
  limit=-1           | 400    | no
  limit=x            | 400    | yes
  limit=             | 400    | yes
  sort_dir=up        | 400    | no
  sort_key=colour    | 400    | yes
  visibility=shared  | 400    | no
  marker=Nothing::At | 404    | no
`)

const namesOf = (json: Json | undefined): string[] =>
  listAt(json, 'namespaces').map((namespace) => stringAt(namespace, 'namespace'))

const runPages = async (scene: Scene, type: string, made: readonly string[]): Promise<void> => {
  const { admin } = scene.actors
  const filter = `resource_types=${encodeURIComponent(type)}`
  const list = (query: string) => admin.api.get(`${namespaces}?${filter}${query}`)

  await scene.check('by name, up and down', async () => {
    const up = expectStatus(await list('&sort_key=namespace&sort_dir=asc'), 200)
    expectEqual(namesOf(up.json), [...made].sort(), 'the namespaces')
    const down = expectStatus(await list('&sort_key=namespace'), 200)
    expectEqual(namesOf(down.json), [...made].sort().reverse(), 'the namespaces')
  })
  await scene.check(
    'page by page: next leads on from the last name, and an exact page has an empty one after it',
    async () => {
      const found: string[] = []
      let path: string | undefined = `${namespaces}?${filter}&limit=2&sort_key=namespace&sort_dir=asc`
      let pages = 0
      while (path !== undefined) {
        const page = expectStatus(await admin.api.get(path), 200)
        const names = namesOf(page.json)
        found.push(...names)
        pages += 1
        expectField(page, ['schema'], '/v2/schemas/metadefs/namespaces')
        expectEqual(stringAt(page.json, 'first').includes('marker'), false, 'a marker in first')
        const next = at(page.json, 'next')
        path = next === undefined ? undefined : String(next)
        if (path === undefined) continue
        const marker = new URL(path, 'http://host.invalid').searchParams.get('marker')
        expectEqual(marker, names.at(-1), 'the marker of next')
      }
      expectEqual(found, [...made].sort(), 'the namespaces of all pages')
      expectEqual(pages, 3, 'the number of pages')
    },
  )
  await scene.check('limit 0: an empty page without next', async () => {
    const page = expectStatus(await list('&limit=0'), 200)
    expectField(page, ['namespaces'], [])
    expectField(page, ['next'], undefined)
  })
  await scene.check('several resource types: namespaces for any of them, once', async () => {
    const both = encodeURIComponent(`${type},${type}::Second`)
    const page = expectStatus(await admin.api.get(`${namespaces}?resource_types=${both}`), 200)
    expectEqual(namesOf(page.json).sort(), [...made].sort(), 'the namespaces')
    const second = encodeURIComponent(`${type}::Second`)
    const one = expectStatus(await admin.api.get(`${namespaces}?resource_types=${second}`), 200)
    expectEqual(namesOf(one.json).length, 1, 'the namespaces of the second type')
  })
  await scene.check('an entry has its resource types, but nothing else of what is in it', async () => {
    const [entry] = listAt((await list('')).json, 'namespaces')
    const types = listAt(entry, 'resource_type_associations').map((association) => stringAt(association, 'name'))
    expectEqual(types.includes(type), true, 'the resource type')
    for (const key of ['objects', 'properties', 'tags']) expectEqual(at(entry, key), undefined, key)
  })
}

/** The list of namespaces: pages, orders, filters, and who finds what. */
export const metadefsLists: Group = {
  name: 'metadef lists',
  run: async (scene) => {
    const { actors, check } = scene
    for (const row of badQueries) {
      const status = Number(row.text('status'))
      await checker(scene, row.text('own') === 'yes')(`list with ${row.text('query')}: ${status}`, async () => {
        expectStatus(await actors.admin.api.get(`${namespaces}?${row.text('query')}`), status)
      })
    }
    const type = `Conformance::${randomUUID()}`
    const parts = { tags: [{ name: 'a' }], objects: [{ name: 'a' }] }
    const made: string[] = []
    for (let index = 0; index < 4; index += 1) {
      const types = [{ name: type }, ...(index === 0 ? [{ name: `${type}::Second` }] : [])]
      made.push(await makeNamespace(scene, { ...parts, resource_type_associations: types }))
    }
    await runPages(scene, type, made)

    const mine = await makeNamespace(scene, { owner: actors.owner.projectId })
    const open = await makeNamespace(scene, { owner: actors.owner.projectId, visibility: 'public' })
    const finds = async (api: typeof actors.owner.api, query = ''): Promise<boolean[]> => {
      const answer = expectStatus(await api.get(`${namespaces}?limit=1000${query}`), 200)
      const names = namesOf(answer.json)
      return [mine, open].map((name) => names.includes(name))
    }
    await check('the owner finds private and public, a stranger public, an administrator all', async () => {
      expectEqual(await finds(actors.owner.api), [true, true], 'the owner')
      expectEqual(await finds(actors.ownerReader.api), [true, true], 'a reader of the owner')
      expectEqual(await finds(actors.stranger.api), [false, true], 'a stranger')
      expectEqual(await finds(actors.admin.api), [true, true], 'an administrator')
    })
    await check('the filter by visibility finds these alone', async () => {
      expectEqual(await finds(actors.owner.api, '&visibility=private'), [true, false], 'private')
      expectEqual(await finds(actors.owner.api, '&visibility=public'), [false, true], 'public')
    })
    await check('without a role: 403; without a token: 401', async () => {
      if (typeof actors.roleless !== 'string') expectStatus(await actors.roleless.api.get(namespaces), 403)
      expectStatus(await actors.nobody.get(namespaces), 401)
    })
  },
}
