import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { EventType, ShareManyResult } from '@vitrine/contract'
import { expandRoles } from '../access/actor.ts'
import { ApiError } from '../api-error.ts'
import { updateMember } from '../members/members.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { runBatch } from './many.ts'
import { reap } from './reaper.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const stranger = fakeToken('stranger', 'member')

const dayMs = 24 * 60 * 60 * 1000
const wire = (instant: number) => `${new Date(instant).toISOString().slice(0, 19)}Z`
const actor = (projectId: string) => ({
  userId: `user-of-${projectId}`,
  userName: null,
  projectId,
  projectNames: [],
  roles: expandRoles(['member']),
})

eachDatabase('bad people and bad luck', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now = Date.now) => {
    const service = await startTestService({ ...settings, database_url: await newUrl() }, now)
    atEnd(service.close)
    return service
  }
  const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
    const answer = await call('POST', '/v2/images', producer, attributes)
    assert.equal(answer.statusCode, 201)
    return answer.json().id
  }
  const many = async ({ call }: TestService, body: object): Promise<ShareManyResult> => {
    const answer = await call('POST', '/v2/shares', producer, { action: 'share', ...body })
    assert.equal(answer.statusCode, 200, answer.body)
    return answer.json()
  }
  const membersOf = async ({ service }: TestService) =>
    service.database.read.selectFrom('members').selectAll().orderBy('image_id').orderBy('member_id').execute()
  const countEvents = async ({ service }: TestService, type: EventType): Promise<number> =>
    (await service.database.read.selectFrom('events').select('id').where('type', '=', type).execute()).length
  const tally = ({ results }: ShareManyResult) => {
    const counts: Record<string, number> = {}
    for (const { result } of results) counts[result] = (counts[result] ?? 0) + 1
    return counts
  }
  const projects = (count: number) => Array.from({ length: count }, (_, index) => `project-${index}`)

  it('mass shares: a call names 1000 pairs at most, and no image gets more members than it may', async () => {
    const service = await start()
    const image = await newImage(service)
    const tooMany = await service.call('POST', '/v2/shares', producer, {
      action: 'share',
      images: [image, 'other'],
      projects: projects(501),
    })
    assert.equal(tooMany.statusCode, 400)
    assert.deepEqual(await membersOf(service), [])

    const atomic = await many(service, { images: [image], projects: projects(200), atomic: true })
    assert.equal(atomic.applied, false)
    assert.deepEqual(await membersOf(service), [])
    const rehearsed = await many(service, { images: [image], projects: projects(200), dry_run: true })
    assert.deepEqual(await membersOf(service), [])
    assert.equal(await countEvents(service, 'member.create'), 0)

    const done = await many(service, { images: [image], projects: projects(200) })
    assert.deepEqual(tally(done), { shared: 128, failed: 72 })
    assert.deepEqual({ ...rehearsed, applied: true }, done, 'a dry run tells what would happen')
    assert.deepEqual(new Set(done.results.map(({ error }) => error?.code)), new Set([undefined, 'member_quota']))
    assert.equal((await membersOf(service)).length, 128)
    assert.equal(await countEvents(service, 'member.create'), 128)
  })

  it('mass shares: one project has two large batches under way at most, and small ones always pass', async () => {
    const service = await start()
    const [one, two, three] = [await newImage(service), await newImage(service), await newImage(service)]
    const ask = async (images: string[], names: string[]) =>
      service.call('POST', '/v2/shares', producer, { action: 'share', images, projects: names })
    const large = [one, two, three].map((image) => ask([image], projects(100)))
    const small = ask([one], ['consumer'])
    const answers = await Promise.all(large)
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 200, 429])
    assert.equal(answers.find(({ statusCode }) => statusCode === 429)?.headers['retry-after'], '1')
    assert.equal((await small).statusCode, 200)
    assert.equal((await ask([three], projects(100))).statusCode, 200, 'the turn comes back')
  })

  it('expiry racing accept: an answer at the end or after it is 404, and nothing comes back to life', async () => {
    let at = Math.floor(Date.now() / 1000) * 1000
    const service = await start({}, () => at)
    const end = at + dayMs
    const images = await Promise.all(Array.from({ length: 6 }, () => newImage(service)))
    await many(service, { images, projects: ['consumer'], ends_at: wire(end) })
    at = end
    const accept = (image: string) =>
      service.call('PUT', `/v2/images/${image}/members/consumer`, consumer, { status: 'accepted' })
    for (const image of images.slice(0, 1)) assert.equal((await accept(image)).statusCode, 404)

    // Answers that were sent just before the end and arrive while the shares are cleared away.
    const early = { projectId: 'consumer', userId: 'u', requestId: null, at: end - 1 }
    const answers = images.map(async (image) => {
      try {
        return (await updateMember(service.service, actor('consumer'), early, image, 'consumer', 'accepted')).status
      } catch (error) {
        return error instanceof ApiError ? error.code : error
      }
    })
    const [told] = await Promise.all([Promise.all(answers), reap(service.service)])
    for (const one of told) assert.ok(one === 'accepted' || one === 'image_not_found', String(one))
    assert.deepEqual(await membersOf(service), [])
    assert.equal(await countEvents(service, 'member.delete'), images.length)
    assert.deepEqual((await service.call('GET', '/v2/images?member_status=all', consumer)).json().images, [])
  })

  it('unshare racing accept: whoever comes first, the share is gone in the end', async () => {
    const service = await start()
    for (let round = 0; round < 5; round += 1) {
      const image = await newImage(service)
      await many(service, { images: [image], projects: ['consumer'] })
      const [accepted, ended] = await Promise.all([
        service.call('PUT', `/v2/images/${image}/members/consumer`, consumer, { status: 'accepted' }),
        many(service, { action: 'unshare', images: [image], projects: ['consumer'] }),
      ])
      assert.ok([200, 404].includes(accepted.statusCode), accepted.body)
      assert.deepEqual(tally(ended), { unshared: 1 })
      assert.deepEqual(await membersOf(service), [])
    }
  })

  it('withdrawal racing a new share: no share outlives the date', async () => {
    const service = await start()
    const when = wire(Date.now() + 9 * dayMs)
    for (let round = 0; round < 5; round += 1) {
      const image = await newImage(service)
      const [announced] = await Promise.all([
        service.call('POST', `/v2/images/${image}/withdrawal`, producer, { at: when }),
        many(service, { images: [image], projects: projects(3) }),
        service.call('POST', `/v2/images/${image}/members`, producer, { member: 'consumer' }),
      ])
      assert.equal(announced.statusCode, 200)
      const rows = (await membersOf(service)).filter(({ image_id }) => image_id === image)
      assert.equal(rows.length, 4)
      for (const row of rows) assert.deepEqual([row.ends_at, row.withdrawn], [Date.parse(when), 1])
    }
  })

  it('a crash in the middle of an atomic batch leaves nothing', async () => {
    const service = await start()
    const images = [await newImage(service), await newImage(service), await newImage(service)]
    let looks = 0
    const failing = {
      ...service.service,
      get limits() {
        looks += 1
        if (looks > 5) throw new Error('the process is gone')
        return service.service.limits
      },
    }
    const cause = { projectId: 'producer', userId: null, requestId: null, at: Date.now() }
    const terms = { message: null, endsAt: null, listingId: null, sharedByUser: null }
    const batch = { action: 'share', images, projects: projects(3), byName: true, terms, dryRun: false } as const
    await assert.rejects(
      runBatch(failing, actor('producer'), cause, { ...batch, grantsBy: null, atomic: true }),
      /the process is gone/,
    )
    assert.ok(looks > 5)
    assert.deepEqual(await membersOf(service), [])
    assert.equal(await countEvents(service, 'member.create'), 0)
  })

  it('crossing atomic batches, with images and projects in opposite orders, do not block each other', async () => {
    const service = await start()
    for (const project of projects(4)) {
      const rule = await service.call('POST', '/v2/rules', fakeToken(project, 'member'), {
        kind: 'accept',
        producer: 'producer',
      })
      assert.equal(rule.statusCode, 201, rule.body)
    }
    for (let round = 0; round < 3; round += 1) {
      const images = await Promise.all(Array.from({ length: 4 }, () => newImage(service)))
      const forth = { images, projects: projects(4), atomic: true }
      const back = { images: images.toReversed(), projects: projects(4).toReversed(), atomic: true }
      const both = await Promise.all([many(service, forth), many(service, back)])
      assert.ok(both.every(({ applied }) => applied))
      assert.deepEqual(
        both.map(tally).sort((one) => (one.shared === undefined ? 1 : -1)),
        [{ shared: 16 }, { unchanged: 16 }],
      )
    }
  })

  it('share by name tells nothing of which projects there are', async () => {
    const service = await start()
    const image = await newImage(service)
    const told = async (name: string) => {
      const answers: unknown[] = []
      for (const action of ['share', 'share', 'unshare', 'unshare', 'share']) {
        answers.push(await many(service, { action, images: [image], projects: [name] }))
      }
      return JSON.stringify(answers).replaceAll(name, 'NAME')
    }
    assert.equal(await told('consumer@Default'), await told('nobody-at-all@Default'))
    assert.deepEqual(await membersOf(service), [])
    const { items } = (await service.call('GET', '/v2/inbox', consumer)).json()
    assert.equal(items.length, 1, 'the project of that name finds it')
    const odd = await service.call('POST', '/v2/shares', producer, {
      action: 'share',
      images: [image],
      projects: ['@Default'],
    })
    assert.equal(odd.statusCode, 400)
  })

  it('statistics show no more than the consumers agreed to', async () => {
    const service = await start()
    const image = await newImage(service)
    const { usage } = service.service
    const consumers = ['silent', 'counted', 'named']
    await many(service, { images: [image], projects: consumers })
    for (const project of consumers) usage.count(image, project)
    usage.count(image, 'named')
    await usage.flush()
    usage.count(image, 'named')
    await usage.flush()

    const statistics = async () => (await service.call('GET', `/v2/images/${image}/statistics`, producer)).json()
    const preview = async () => (await service.call('GET', `/v2/images/${image}/withdrawal`, producer)).json()
    assert.equal((await statistics()).downloads, 5)
    const settings = '/v2/project-settings'
    for (const [project, disclosed] of [
      ['silent', 'nothing'],
      ['named', 'named'],
    ] as const) {
      const token = fakeToken(project, 'member')
      assert.deepEqual((await service.call('GET', settings, token)).json(), { usage: 'counted' })
      assert.equal((await service.call('PATCH', settings, token, { usage: disclosed })).statusCode, 200)
      assert.equal((await service.call('PATCH', settings, fakeToken(project, 'reader'), {})).statusCode, 400)
      assert.equal(
        (await service.call('PATCH', settings, fakeToken(project, 'reader'), { usage: 'counted' })).statusCode,
        403,
      )
    }
    usage.count(image, 'silent')
    await usage.flush()
    assert.equal((await statistics()).downloads, 4, 'the past of who shows nothing is no longer counted either')
    assert.equal((await preview()).downloads, 4)
    for (const [project, seen] of [
      ['silent', 0],
      ['counted', 0],
      ['named', 3],
    ] as const) {
      const body = { projects: [project], at: wire(Date.now() + dayMs) }
      const touched = (await service.call('POST', `/v2/images/${image}/withdrawal`, producer, body)).json()
      assert.equal(touched.downloads, seen, 'a withdrawal from one is no way to look at its use')
      assert.equal(touched.last_used_week === null, seen === 0)
    }
    assert.equal((await service.call('DELETE', `/v2/images/${image}/withdrawal`, producer)).statusCode, 204)
    const { shares } = (await service.call('GET', `/v2/images/${image}/shares`, producer)).json()
    const shown = shares.map((share: { project_id: string; usage: { downloads: number } | null }) => [
      share.project_id,
      share.usage?.downloads ?? null,
    ])
    assert.deepEqual(Object.fromEntries(shown), { silent: null, counted: null, named: 3 })
    const kept = await service.service.database.read.selectFrom('share_usage').selectAll().execute()
    assert.equal(kept.find(({ project_id }) => project_id === 'silent')?.downloads, 1, 'nor written down any more')
    for (const token of [consumer, fakeToken('named', 'member')]) {
      const code = (await service.call('GET', `/v2/images/${image}/statistics`, token)).statusCode
      assert.equal(code, token === consumer ? 404 : 403)
    }
  })

  it('explain tells a stranger nothing, nor a producer what a consumer has blocked', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const absent = '00000000-0000-4000-8000-000000000000'
    const told = async (id: string, query: string) => {
      const answer = await call('GET', `/v2/images/${id}/explain${query}`, stranger)
      return [answer.statusCode, answer.body.replaceAll(id, 'ID')]
    }
    for (const query of ['', '?project=producer', '?project=stranger', '?project=consumer']) {
      assert.deepEqual(await told(image, query), await told(absent, query))
      assert.equal((await told(image, query))[0], 404)
    }
    const open = await newImage(service, { visibility: 'community' })
    assert.equal((await told(open, ''))[0], 200)
    assert.equal((await told(open, '?project=producer'))[0], 403)

    await many(service, { images: [image], projects: ['consumer'] })
    const asked = async (token: string) =>
      (await call('GET', `/v2/images/${image}/explain?project=consumer`, token)).json()
    const before = await asked(producer)
    const rule = await call('POST', '/v2/rules', consumer, { kind: 'block', producer: 'producer' })
    assert.equal(rule.statusCode, 201)
    assert.deepEqual(await asked(producer), before)
    const rules = (await asked(consumer)).reasons.map(({ rule: name }: { rule: string }) => name)
    assert.ok(rules.includes('block'), 'the consumer itself is told')
    assert.equal((await call('GET', `/v2/images/${image}/explain?project=other`, consumer)).statusCode, 403)
  })

  it('an image that changes hands is not withdrawn by what its former owner announced', async () => {
    let at = Math.floor(Date.now() / 1000) * 1000
    const service = await start({}, () => at)
    const image = await newImage(service)
    const ownEnd = wire(at + 9 * dayMs)
    await many(service, { images: [image], projects: ['consumer'], ends_at: ownEnd })
    const body = { at: wire(at + dayMs), delete_image: true, message: 'gone' }
    assert.equal((await service.call('POST', `/v2/images/${image}/withdrawal`, producer, body)).statusCode, 200)
    const patch = [{ op: 'replace', path: '/owner', value: 'stranger' }]
    const type = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    const given = await service.call('PATCH', `/v2/images/${image}`, fakeToken('operator', 'admin'), patch, type)
    assert.equal(given.statusCode, 200)
    const { planned } = (await service.call('GET', `/v2/images/${image}/withdrawal`, stranger)).json()
    assert.equal(planned, null)
    assert.equal(await countEvents(service, 'member.keep'), 1, 'the consumer is told')
    at += 2 * dayMs
    await reap(service.service)
    const seen = await service.call('GET', `/v2/images/${image}?include=membership`, consumer)
    assert.equal(seen.json().membership.ends_at, ownEnd)
    assert.equal((await service.call('GET', `/v2/images/${image}`, stranger)).statusCode, 200)
  })

  it('expiry: who owns the image sees no share that has ended, nor can anybody touch it before it is cleared away', async () => {
    let at = Math.floor(Date.now() / 1000) * 1000
    const service = await start({}, () => at)
    const image = await newImage(service)
    const administrator = fakeToken('operator', 'admin')
    // Far enough that the service does not clear it away by itself during the test.
    await many(service, { images: [image], projects: ['consumer', 'other'], ends_at: wire(at + dayMs) })
    const path = `/v2/images/${image}/members`
    const before = at
    at += dayMs
    const answers = await Promise.all([
      service.call('GET', path, producer),
      service.call('GET', `${path}/consumer`, producer),
      service.call('PUT', `${path}/consumer`, administrator, { status: 'accepted' }),
      service.call('DELETE', `${path}/consumer`, producer),
    ])
    at = before
    assert.deepEqual(
      answers.map(({ statusCode }) => statusCode),
      [200, 404, 404, 404],
    )
    assert.deepEqual(answers[0].json().members, [])
    assert.equal(await countEvents(service, 'member.update'), 0)
  })
})
