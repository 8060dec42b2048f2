import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { MemberStatus, Visibility } from '@vitrine/contract'
import fc from 'fast-check'
import { type Actor, expandRoles } from '../access/actor.ts'
import { loadConfig } from '../config.ts'
import type { Database } from '../database/database.ts'
import { parseQuery } from '../http/query.ts'
import { insertMember, plainShare } from '../members/queries.ts'
import { eachDatabase } from '../testing/databases.ts'
import { newImage } from './create.ts'
import { fromRow, type Image } from './image.ts'
import { listImages, sortValues } from './list.ts'
import { parseListQuery } from './list-query.ts'
import { findImage, insertImage, memberCopies, updateImage } from './queries.ts'

const { limits } = await loadConfig({ environment: {} })
const actorOf = (project: string, role = 'member'): Actor => ({
  userId: 'u',
  userName: null,
  projectNames: [],
  projectId: project,
  roles: expandRoles([role]),
})

const add = (database: Database, image: Image, members: Record<string, MemberStatus> = {}): Promise<void> =>
  database.write(async (tx) => {
    await insertImage(tx, image)
    for (const [member, status] of Object.entries(members)) {
      await insertMember(tx, {
        image_id: image.id,
        member_id: member,
        status,
        created_at: 0,
        updated_at: 0,
        ...memberCopies(image, member, false),
        ...plainShare,
      })
    }
  })

const list = async (database: Database, actor: Actor, query = ''): Promise<string[]> => {
  const parsed = parseListQuery(parseQuery(`/v2/images?${query}`), limits)
  const marker = parsed.marker === undefined ? undefined : await findImage(database.read, parsed.marker, null, 0)
  return (await listImages(database.read, actor, parsed, marker?.row, 0)).map(({ id }) => id)
}

const sorted = async (ids: Promise<string[]>): Promise<string[]> => (await ids).sort()

/** Every page, one after the other. */
const walk = async (database: Database, actor: Actor, query: string, limit: number): Promise<string[]> => {
  const all: string[] = []
  for (let marker = ''; ; ) {
    const page = await list(database, actor, `${query}&limit=${limit}${marker}`)
    all.push(...page)
    if (page.length < limit) return all
    marker = `&marker=${page.at(-1)}`
  }
}

eachDatabase('lists of images', ({ open }) => {
  it('hold what the actor sees, and follow every change of an image', async () => {
    const database = await open()
    const of = (id: string, visibility: Visibility, owner = 'a') => ({ ...newImage(id, owner, 1), visibility })
    await add(database, of('private', 'private'))
    await add(database, of('shared', 'shared'), { accepted: 'accepted', pending: 'pending', rejected: 'rejected' })
    await add(database, of('community', 'community'))
    await add(database, of('public', 'public'))
    await add(database, { ...of('hidden', 'shared'), hidden: true }, { accepted: 'accepted' })

    const expected: Record<string, Record<string, string[]>> = {
      a: {
        '': ['community', 'private', 'public', 'shared'],
        'visibility=all': ['community', 'private', 'public', 'shared'],
        'visibility=shared': ['shared'],
        'visibility=private': ['private'],
        'os_hidden=true': ['hidden'],
      },
      accepted: {
        '': ['public', 'shared'],
        'visibility=shared': ['shared'],
        'visibility=all': ['community', 'public', 'shared'],
        'visibility=community': ['community'],
        'member_status=pending': ['public'],
        'member_status=all': ['public', 'shared'],
        'os_hidden=true': ['hidden'],
      },
      pending: {
        '': ['public'],
        'visibility=shared': [],
        'visibility=shared&member_status=pending': ['shared'],
        'visibility=shared&member_status=all': ['shared'],
      },
      rejected: { '': ['public'], 'member_status=rejected': ['public', 'shared'] },
      stranger: {
        '': ['public'],
        'visibility=private': [],
        'visibility=all&member_status=all': ['community', 'public'],
      },
    }
    for (const [project, queries] of Object.entries(expected)) {
      for (const [query, ids] of Object.entries(queries)) {
        assert.deepEqual(await sorted(list(database, actorOf(project), query)), ids, `${project} ${query}`)
      }
    }
    const admin = actorOf('operator', 'admin')
    assert.deepEqual(await sorted(list(database, admin)), ['private', 'public', 'shared'])
    assert.deepEqual(await sorted(list(database, admin, 'visibility=all')), [
      'community',
      'private',
      'public',
      'shared',
    ])
    assert.deepEqual(await sorted(list(database, admin, 'visibility=community')), ['community'])

    const change = (id: string, changes: Partial<Image>) =>
      database.write(async (tx) => {
        const found = await findImage(tx, id, null, 0)
        assert.ok(found)
        await updateImage(tx, fromRow(found.row), { ...fromRow(found.row), ...changes })
      })
    await change('shared', { visibility: 'private' })
    assert.deepEqual(await sorted(list(database, actorOf('accepted'))), ['public'])
    await change('shared', { visibility: 'shared' })
    assert.deepEqual(await sorted(list(database, actorOf('accepted'))), ['public', 'shared'])
    await change('shared', { hidden: true })
    assert.deepEqual(await sorted(list(database, actorOf('accepted'))), ['public'])
    await change('shared', { hidden: false, owner: 'accepted' })
    assert.deepEqual(await sorted(list(database, actorOf('accepted'))), ['public', 'shared'], 'an owner lists it once')
  })

  it('filter by attributes, tags and properties', async () => {
    const database = await open()
    const base = newImage('x', 'a', 1_600_000_000_500)
    await add(database, { ...base, id: 'one', name: 'n,1', tags: ['t', 'u'], properties: new Map([['os', 'x']]) })
    await add(database, {
      ...base,
      id: 'two',
      name: 'n',
      tags: ['t'],
      sizeBytes: 10,
      protected: true,
      status: 'active',
    })
    const cases: Record<string, string[]> = {
      'name=n,1': ['one'],
      'name=n': ['two'],
      'name=in:n,%22n,1%22': ['one', 'two'],
      'tag=t': ['one', 'two'],
      'tag=t&tag=u': ['one'],
      'tag=': [],
      'os=x': ['one'],
      'os=y': [],
      'tags=t': [],
      'tag=t&name=n': ['two'],
      'id=one': ['one'],
      'id=in:one,two,three': ['one', 'two'],
      'status=active': ['two'],
      'size=10': ['two'],
      'size=x': [],
      'size_min=1': ['two'],
      'size_max=9': [],
      'protected=True': ['two'],
      'owner=a': ['one', 'two'],
      'owner=in:a': [],
      'created_at=2020-09-13T12:26:40Z': ['one', 'two'],
      'created_at=gt:2020-09-13T12:26:40Z': [],
      'created_at=gte:2020-09-13T12:26:40Z': ['one', 'two'],
      'created_at=lte:2020-09-13T12:26:40Z': ['one', 'two'],
      'created_at=neq:2020-09-13T12:26:40Z': [],
      'deleted=true': ['one', 'two'],
      'min_disk=999999999999999': [],
      'min_ram_min=999999999999999999': [],
      'min_disk_max=-3000000000': [],
      'tag=t&tag=u&os=x&name=n,1': ['one'],
      'tag=t&tag=u&os=y': [],
    }
    for (const [query, ids] of Object.entries(cases)) {
      assert.deepEqual(await sorted(list(database, actorOf('a'), query)), ids, query)
    }
  })

  it('are walked page by page without a gap or a repetition, in every order', async () => {
    const database = await open()
    const names = [null, 'a', 'b', 'b']
    const images: Image[] = Array.from({ length: 40 }, (_, index) => ({
      ...newImage(`image-${String(index).padStart(2, '0')}`, index % 3 === 0 ? 'b' : 'a', Math.floor(index / 4)),
      visibility: index % 2 === 0 ? 'public' : 'shared',
      name: names[index % 4] ?? null,
      sizeBytes: index % 5 === 0 ? null : index % 7,
      updatedAt: index % 6,
    }))
    for (const image of images) await add(database, image, { a: 'accepted' })
    const rows = await database.read.selectFrom('images').selectAll().execute()

    for (const query of [
      '',
      'sort=name:asc',
      'sort=size:desc,name:asc',
      'sort_key=updated_at&sort_dir=asc',
      'sort=id:asc',
      'sort=status:asc,created_at:asc,id:desc',
    ]) {
      const { sort } = parseListQuery(parseQuery(`/v2/images?${query}`), limits)
      const order = rows
        .map(sortValues)
        .sort((x, y) => {
          for (const { attribute, direction } of sort) {
            const [a, b] = [x[attribute], y[attribute]]
            if (a !== b) return (a < b ? -1 : 1) * (direction === 'asc' ? 1 : -1)
          }
          return 0
        })
        .map(({ id }) => id)
      for (const limit of [1, 7, 40]) {
        assert.deepEqual(await walk(database, actorOf('a'), query, limit), order, `${query} by ${limit}`)
      }
      assert.deepEqual(await walk(database, actorOf('x', 'admin'), query, 7), order, `${query} by an administrator`)
    }
  })

  it('take no time out of proportion for many conditions', async () => {
    const database = await open()
    await add(database, { ...newImage('one', 'a', 1), tags: Array.from({ length: 64 }, (_, index) => `t${index}`) })
    const query = Array.from({ length: 64 }, (_, index) => `tag=t${index}`).join('&')
    const started = performance.now()
    assert.deepEqual(await list(database, actorOf('a'), query), ['one'])
    assert.ok(performance.now() - started < 2000, 'one condition for each once kept a planner busy until memory ended')
  })

  it('never take a filter for SQL', async () => {
    const database = await open()
    await add(database, newImage('one', 'a', 1))
    const hostile = fc.oneof(fc.constantFrom("' or 1=1 --", '"; drop table images; --', '\\', '%'), fc.string())
    await fc.assert(
      fc.asyncProperty(hostile, fc.constantFrom('name', 'tag', 'id', 'owner', 'checksum', 'x'), async (text, key) => {
        const query = `${key}=${encodeURIComponent(key === 'name' || key === 'id' ? `eq:${text}` : text)}`
        const expected = text === 'a' && key === 'owner' ? ['one'] : text === 'one' && key === 'id' ? ['one'] : []
        assert.deepEqual(await list(database, actorOf('a'), query), expected)
      }),
      { numRuns: 60 },
    )
    assert.deepEqual(await list(database, actorOf('a')), ['one'])
  })
})
