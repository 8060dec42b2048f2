import { createHash, randomUUID } from 'node:crypto'
import { expectEqual, expectStatus, imageIds } from '../expect.ts'
import { at, listAt } from '../json.ts'
import { checker, type Group, type Scene } from '../suite.ts'
import { walk } from './lists.ts'

const alphaBytes = Buffer.from('0123456789')
const digest = (algorithm: string) => createHash(algorithm).update(alphaBytes).digest('hex')

/**
 * Filters and what they find among four images: a (alpha, active, raw, 10 bytes, debian), b (beta, queued, qcow2 in
 * ovf, fedora, protected), g (gamma:ray, active, raw, 20 bytes), and d (delta, queued, hidden). `ID:a` stands for an id.
 */
const filters: [query: string, found: string | 400, own?: 'own'][] = [
  ['', 'abg'],
  ['name=alpha', 'a'],
  ['name=eq:alpha', 'a'],
  ['name=nothing', ''],
  ['name=beta, with comma', 'b'],
  ['name=in:alpha,"beta, with comma"', 'ab'],
  ['name=in:alpha', 'a'],
  ['name=in:"gamma:ray",alpha', 'ag'],
  ['name=eq:gamma:ray', 'g'],
  ['name=gamma:ray', 400],
  ['name=neq:alpha', 400],
  ['name=gt:alpha', 400],
  ['name=in:"alpha', 400],
  ['name=in:alpha"', 400],
  ['name=in:x"alpha"', 400],
  ['name=in:"alpha"x', 400],
  ["name=alpha' OR 1=1 --", ''],
  ['name=%', ''],
  ['id=ID:a', 'a'],
  ['id=in:ID:a,ID:b', 'ab'],
  ['id=nothing', ''],
  ['status=active', 'ag'],
  ['status=in:active,queued', 'abg'],
  ['status=bogus', ''],
  ['status=neq:active', 400],
  ['disk_format=raw', 'ag'],
  ['disk_format=in:raw,qcow2', 'abg'],
  ['container_format=ovf', 'b'],
  ['container_format=in:ovf,ova', 'b'],
  [`checksum=${digest('md5')}`, 'a'],
  [`os_hash_value=${digest('sha512')}`, 'a'],
  ['min_ram=512', 'a'],
  ['min_disk=3', 'b'],
  ['size=10', 'a'],
  ['size_min=11', 'g'],
  ['size_min=10&size_max=10', 'a'],
  ['size_min=10&size_max=20', 'ag'],
  ['size_min=many', 400],
  ['size_max=', 400],
  ['min_ram_min=512', 'a'],
  ['min_disk_max=2', 'ag'],
  ['owner=OWNER', 'abg'],
  ['owner=nobody', ''],
  ['owner=in:OWNER', ''],
  ['protected=true', 'b'],
  ['protected=false', 'ag'],
  ['protected=True', 'b', 'own'],
  ['protected=FALSE', 'ag', 'own'],
  ['protected=maybe', 400],
  ['os_hidden=true', 'd'],
  ['os_hidden=True', 'd'],
  ['os_hidden=false', 'abg'],
  ['os_hidden=maybe', 400],
  ['tag=one', 'ab'],
  ['tag=one&tag=two', 'a'],
  ['tag=ONE', '', 'own'],
  ['tag=', ''],
  ['tags=one', ''],
  ['distro=debian', 'a'],
  ['distro=debian&status=queued', ''],
  ['distro=arch', ''],
  ['nothing=x', ''],
  ['distro=in:debian,fedora', ''],
  ['visibility=shared', 'abg'],
  ['visibility=bogus', 400],
  ['visibility=', 400],
  ['visibility=Public', 400],
  ['member_status=bogus', 400],
  ['member_status=', 400],
  ['member_status=Accepted', 400],
  ['changes-since=2020-01-01T00:00:00Z', 400],
  ['created_at=gt:2000-01-01T00:00:00Z', 'abg'],
  ['created_at=gte:2000-01-01T00:00:00Z', 'abg'],
  ['created_at=lt:2000-01-01T00:00:00Z', ''],
  ['created_at=lte:2000-01-01T00:00:00Z', ''],
  ['created_at=neq:2000-01-01T00:00:00Z', 'abg'],
  ['created_at=eq:2000-01-01T00:00:00Z', ''],
  ['created_at=2000-01-01T00:00:00Z', ''],
  ['created_at=gt:2000-01-01', 'abg'],
  ['created_at=gt:2999-01-01', ''],
  ['created_at=gt:2000-01-01T00:00:00', 'abg'],
  ['created_at=gt:2000-01-01T02:00:00+02:00', 'abg'],
  ['created_at=gte:x', 400],
  ['created_at=in:2000-01-01T00:00:00Z', 400],
  ['updated_at=gt:2000-01-01T00:00:00Z', 'abg'],
  ['updated_at=lt:2000-01-01T00:00:00Z', ''],
  ['updated_at=gt:yesterday', 400],
  ['name=alpha&name=eq:gamma:ray', 'g'],
  ['foo_min=1', '', 'own'],
  ['properties=x', '', 'own'],
  ['__proto__=x', '', 'own'],
]

const runFilters = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner } = actors
  const mark = randomUUID()
  const ids: Record<string, string> = {
    a: await images.active(
      { name: 'alpha', min_ram: 512, distro: 'debian', tags: [mark, 'one', 'two'] },
      owner,
      alphaBytes,
    ),
    b: await images.queued({
      name: 'beta, with comma',
      disk_format: 'qcow2',
      container_format: 'ovf',
      min_disk: 3,
      distro: 'fedora',
      protected: true,
      tags: [mark, 'one'],
    }),
    g: await images.active({ name: 'gamma:ray', tags: [mark] }, owner, Buffer.alloc(20, 'g')),
    d: await images.queued({ name: 'delta', os_hidden: true, tags: [mark] }),
  }
  const letters = Object.fromEntries(Object.entries(ids).map(([letter, id]) => [id, letter]))
  const encode = (query: string) =>
    query
      .split('&')
      .map((pair) => {
        const [name = '', ...rest] = pair.split('=')
        const value = rest.join('=').replace(/ID:([abgd])/g, (_, letter: string) => ids[letter] ?? '')
        return `${encodeURIComponent(name)}=${encodeURIComponent(value.replace('OWNER', owner.projectId))}`
      })
      .join('&')
  for (const [query, found, flag] of filters)
    await checker(scene, flag === 'own')(
      `${query === '' ? 'no filter' : query} ${found === 400 ? 'is 400' : `finds "${found}"`}`,
      async () => {
        const answer = await owner.api.get(`/v2/images?tag=${mark}${query === '' ? '' : `&${encode(query)}`}`)
        if (found === 400) expectStatus(answer, 400)
        else {
          const got = imageIds(answer).map((id) => letters[id] ?? id)
          expectEqual(got.sort().join(''), found, 'the images found')
        }
      },
    )
  await check('the exact creation time finds the image', async () => {
    const createdAt = String((await images.read(ids.a ?? '')).created_at)
    for (const query of [createdAt, `eq:${createdAt}`]) {
      const answer = await owner.api.get(`/v2/images?id=${ids.a}&created_at=${encodeURIComponent(query)}`)
      expectEqual(imageIds(answer), [ids.a], 'the images found')
    }
    const other = await owner.api.get(`/v2/images?id=${ids.a}&created_at=${encodeURIComponent(`neq:${createdAt}`)}`)
    expectEqual(imageIds(other), [], 'the images created at another time')
  })
}

const sortable = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at']

const badSorts = [
  'sort_key=owner',
  'sort_key=min_ram',
  'sort_key=nothing',
  'sort_key=',
  'sort_key=name&sort_dir=ASC',
  'sort_key=name&sort_dir=up',
  'sort_key=name&sort_dir=',
  'sort_key=name&sort_key=id&sort_dir=asc&sort_dir=asc&sort_dir=asc',
  'sort_key=name&sort_dir=asc&sort_dir=desc',
  'sort=',
  'sort=name:up',
  'sort=name:ASC',
  'sort=owner',
  'sort=name,',
  'sort=name:asc&sort_key=id',
  'sort=name:asc&sort_dir=asc',
]

const runSorts = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner } = actors
  const mark = randomUUID()
  const list = `/v2/images?tag=${mark}`
  const make = (name: string, attributes: object, bytes?: number) =>
    bytes === undefined
      ? images.queued({ name, tags: [mark], ...attributes })
      : images.active({ name, tags: [mark], ...attributes }, owner, Buffer.alloc(bytes))
  await make('delta', {}, 30)
  await make('alpha', {}, 10)
  await make('charlie', { container_format: 'ovf' }, 40)
  await make('bravo', { container_format: 'docker' }, 20)
  await make('echo', { container_format: 'ova' }, 50)
  const values = async (query: string, key: string) => {
    const answer = expectStatus(await owner.api.get(`${list}&${query}`), 200)
    return listAt(answer.json, 'images').map((image) => at(image, key))
  }
  const ascending = (found: unknown[]) =>
    [...found].sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1))
  for (const key of sortable)
    await check(`sort by ${key}, both ways and in both spellings`, async () => {
      for (const query of [`sort_key=${key}&sort_dir=asc`, `sort=${key}:asc`]) {
        const found = await values(query, key)
        expectEqual(found, ascending(found), `${key} with ${query}`)
        expectEqual(found.length, 5, 'the number of images')
      }
      for (const query of [`sort_key=${key}&sort_dir=desc`, `sort=${key}:desc`, `sort_key=${key}`, `sort=${key}`]) {
        const found = await values(query, key)
        expectEqual(found, ascending(found).reverse(), `${key} with ${query}`)
      }
    })
  await check('by default the newest come first', async () => {
    expectEqual(await values('', 'id'), await values('sort_key=created_at&sort_dir=desc', 'id'), 'the images')
  })
  await check('several keys, each with its direction', async () => {
    const names = await values('sort=disk_format:asc,name:asc', 'name')
    expectEqual(names, ['alpha', 'bravo', 'charlie', 'delta', 'echo'], 'the names')
    const classic = 'sort_key=disk_format&sort_key=name&sort_dir=asc&sort_dir=desc'
    expectEqual(await values(classic, 'name'), [...names].reverse(), 'the names')
    const lone = 'sort_key=disk_format&sort_key=name&sort_dir=asc'
    expectEqual(await values(lone, 'name'), names, 'the names with one direction for all keys')
  })
  for (const key of ['status', 'disk_format', 'name', 'created_at'])
    for (const direction of ['asc', 'desc'])
      await check(`sorted by ${key} ${direction}, pages of one do not jump where the key is equal`, async () => {
        const query = `&sort_key=${key}&sort_dir=${direction}`
        const whole = imageIds(await owner.api.get(`${list}${query}`))
        expectEqual((await walk(owner, `${list}${query}&limit=1`)).flat(), whole, 'the images')
      })
  for (const query of badSorts)
    await check(`${query} is 400`, async () => {
      expectStatus(await owner.api.get(`${list}&${query}`), 400)
    })
  await runNulls(scene)
}

/** Images without a name, a format or a size are sorted somewhere, and paging goes over them all. */
const runNulls = async (scene: Scene) => {
  const { actors, images, check } = scene
  const mark = randomUUID()
  const bare = { disk_format: null, container_format: null, tags: [mark] }
  for (const name of ['b', null, 'a', null]) await images.queued({ ...bare, name })
  await images.active({ tags: [mark], name: 'c' })
  for (const key of ['name', 'size', 'disk_format', 'container_format'])
    for (const direction of ['asc', 'desc'])
      await check(`pages of images without ${key}, ${direction}: every one once`, async () => {
        const query = `/v2/images?tag=${mark}&sort_key=${key}&sort_dir=${direction}`
        const whole = imageIds(await actors.owner.api.get(query))
        expectEqual(new Set(whole).size, 5, 'the number of images')
        for (const limit of [1, 2])
          expectEqual((await walk(actors.owner, `${query}&limit=${limit}`)).flat(), whole, `the images by ${limit}`)
      })
}

export const filtersAndSorting: Group = {
  name: 'filters and sorting',
  async run(scene) {
    await runFilters(scene)
    await runSorts(scene)
  },
}
