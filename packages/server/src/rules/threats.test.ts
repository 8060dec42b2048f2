import assert from 'node:assert/strict'
import { it } from 'node:test'
import { expandRoles } from '../access/actor.ts'
import { findImageForChange } from '../images/queries.ts'
import { noClearances } from '../keys/clearance.ts'
import { beginShare, plainTerms } from '../members/share.ts'
import type { Service } from '../service.ts'
import { runBatch } from '../shares/many.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const administrator = fakeToken('operator', 'admin')
const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
const causeBy = (projectId: string) => ({ projectId, userId: 'u', requestId: null, at: Date.now() })

eachDatabase('rules under attack', ({ newUrl, atEnd }) => {
  const start = async () => {
    const assembly = await startTestService({ database_url: await newUrl() })
    atEnd(assembly.close)
    const { call } = assembly
    const block = async (of = 'producer'): Promise<string> => {
      const made = await call('POST', '/v2/rules', consumer, { kind: 'block', producer: of })
      assert.equal(made.statusCode, 201, made.body)
      return made.json().id
    }
    return {
      ...assembly,
      block,
      newImage: async (): Promise<string> => (await call('POST', '/v2/images', producer, {})).json().id,
      share: (image: string) => call('POST', `/v2/images/${image}/members`, producer, { member: 'consumer' }),
      give: async (image: string, owner: string) => {
        const patch = [{ op: 'replace', path: '/owner', value: owner }]
        const given = await call('PATCH', `/v2/images/${image}`, administrator, patch, patchType)
        assert.equal(given.statusCode, 200, given.body)
      },
      listed: async (query = 'member_status=all'): Promise<string[]> =>
        (await call('GET', `/v2/images?${query}`, consumer)).json().images.map(({ id }: { id: string }) => id),
    }
  }

  it('block racing share: a share that is being made when its producer is blocked does not slip through', async () => {
    const { service, newImage, block, call, listed } = await start()
    const image = await newImage()
    const { promise: made, resolve: finish } = Promise.withResolvers<void>()
    const sharing = service.database.write(async (tx) => {
      const cause = causeBy('producer')
      const found = await findImageForChange(tx, image, 'producer', cause.at)
      assert.ok(found)
      await beginShare(tx, service.limits, cause, found.row, 'consumer', plainTerms(cause), noClearances)
      finish()
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
    await made
    const rule = await block()
    await sharing
    assert.deepEqual(await listed(), [])
    await call('DELETE', `/v2/rules/${rule}`, consumer)
    assert.deepEqual(await listed(), [image])
  })

  it('block racing accept: a share that is accepted just as it is blocked is shown', async () => {
    const { newImage, share, block, call, service } = await start()
    for (let round = 0; round < 5; round += 1) {
      const image = await newImage()
      await share(image)
      const [rule, answer] = await Promise.all([
        block(),
        call('PUT', `/v2/images/${image}/members/consumer`, consumer, { status: 'accepted' }),
      ])
      assert.equal(answer.statusCode, 200)
      const { blocked, live } = await service.database.read
        .selectFrom('members')
        .select(['blocked', 'live'])
        .where('image_id', '=', image)
        .executeTakeFirstOrThrow()
      assert.deepEqual({ blocked, live }, { blocked: 0, live: 1 })
      await call('DELETE', `/v2/rules/${rule}`, consumer)
    }
  })

  it('a blocked producer is not seen again through a share that was accepted once', async () => {
    const { newImage, share, block, call, listed } = await start()
    const images = [await newImage(), await newImage()]
    for (const image of images) {
      await share(image)
      await call('PUT', `/v2/images/${image}/members/consumer`, consumer, { status: 'accepted' })
    }
    const [one = '', other = ''] = images
    await block()
    assert.equal((await listed('visibility=shared')).length, 2, 'what was accepted stays')
    await call('PUT', `/v2/images/${one}/members/consumer`, consumer, { status: 'rejected' })
    const answered = await call('POST', '/v2/inbox/answers', consumer, { answer: 'block', images: [other] })
    assert.equal(answered.json().results[0].result, 'blocked')
    assert.deepEqual(await listed(), [])
    for (const status of ['all', 'rejected']) {
      assert.deepEqual((await call('GET', `/v2/inbox?status=${status}`, consumer)).json().items, [])
    }
  })

  it('an image that changes hands is hidden by the rules about its owner, not about the one before', async () => {
    const { newImage, share, block, call, give, listed } = await start()
    const image = await newImage()
    await share(image)
    const rule = await block('rogue')
    assert.deepEqual(await listed(), [image])
    await give(image, 'rogue')
    assert.deepEqual(await listed(), [], 'nobody gets around a block by taking over an image')
    await give(image, 'producer')
    assert.deepEqual(await listed(), [image])
    await give(image, 'rogue')
    await call('DELETE', `/v2/rules/${rule}`, consumer)
    assert.deepEqual(await listed(), [image])
  })

  it('crossing batches: shares of the same images with the same projects never wait for each other in a circle', async () => {
    const { service, newImage, call } = await start()
    const images = await Promise.all(Array.from({ length: 4 }, newImage))
    const projects = ['a', 'b', 'a@default', 'b@default', 'c@default']
    for (const project of ['a', 'b']) {
      await call('POST', '/v2/rules', fakeToken(project, 'member'), { kind: 'accept', producer: 'producer' })
    }
    let tries = 0
    const { database } = service
    const counting: Service = {
      ...service,
      database: {
        ...database,
        write: (work) =>
          database.write((tx) => {
            tries += 1
            return work(tx)
          }),
      },
    }
    const actor = {
      userId: 'u',
      userName: null,
      projectId: 'producer',
      projectNames: [],
      roles: expandRoles(['member']),
    }
    const turned = <Item>(all: readonly Item[], by: number): Item[] => [...all.slice(by), ...all.slice(0, by)]
    const batches = 24
    await Promise.all(
      Array.from({ length: batches }, async (_, turn) => {
        const action = turn % 4 === 3 ? 'unshare' : 'share'
        const names = { images: turned(images, turn % 4).slice(0, 3), projects: turned(projects, turn % 5) }
        const cause = causeBy('producer')
        const how = { byName: true, terms: plainTerms(cause), grantsBy: null, atomic: true, dryRun: false }
        const { pairs } = await runBatch(counting, actor, cause, { action, ...names, ...how })
        assert.deepEqual(
          pairs.filter(({ error }) => error !== null),
          [],
        )
      }),
    )
    assert.equal(tries, batches, 'no transaction was tried again')
  })
})
