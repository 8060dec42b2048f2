import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

eachDatabase('rules', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}) => {
    const assembly = await startTestService({ ...settings, database_url: await newUrl() })
    atEnd(assembly.close)
    const { call } = assembly
    return {
      ...assembly,
      newShare: async (status?: string): Promise<string> => {
        const { id } = (await call('POST', '/v2/images', producer, { name: 'deb' })).json()
        await call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
        if (status !== undefined) await call('PUT', `/v2/images/${id}/members/consumer`, consumer, { status })
        return id
      },
      rule: async (body: object, token = consumer) => {
        const answer = await call('POST', '/v2/rules', token, { producer: 'producer', ...body })
        assert.equal(answer.statusCode, 201, answer.body)
        return answer.json()
      },
      listed: async (query: string, token = consumer): Promise<string[]> =>
        (await call('GET', `/v2/images?${query}`, token)).json().images.map(({ id }: { id: string }) => id),
      inbox: async (query = ''): Promise<unknown[]> => (await call('GET', `/v2/inbox${query}`, consumer)).json().items,
    }
  }

  it('accept new shares at once, not those that wait', async () => {
    const { call, newShare, rule, listed } = await start()
    const before = await newShare()
    const { id, ...rest } = await rule({ kind: 'accept' })
    const { created_at: createdAt, ...told } = rest
    assert.match(createdAt, /Z$/)
    assert.deepEqual(told, {
      kind: 'accept',
      producer_id: 'producer',
      producer: null,
      listing: null,
      mode: 'enforce',
      reported: 0,
    })
    const after = await newShare()
    assert.deepEqual(await listed('visibility=shared'), [after])
    assert.notEqual(before, after)
    const [shown] = (await call('GET', '/v2/rules', consumer)).json().rules
    assert.deepEqual([shown.id, shown.reported], [id, 1])
    assert.equal((await call('DELETE', `/v2/rules/${id}`, consumer)).statusCode, 204)
    assert.equal((await call('DELETE', `/v2/rules/${id}`, consumer)).statusCode, 404)
    await newShare()
    assert.deepEqual(await listed('visibility=shared'), [after])
  })

  it('threat: a blocked producer is out of sight, and sees no difference', async () => {
    const { call, newShare, rule, listed, inbox } = await start()
    const ids = { waits: await newShare(), hidden: await newShare('rejected'), used: await newShare('accepted') }
    const rowOf = async (id: string) => (await call('GET', `/v2/images/${id}/members/consumer`, producer)).json()
    const rows = async () => Promise.all(Object.values(ids).map(rowOf))
    const eventsOf = async (id: string) => (await call('GET', `/v2/images/${id}/events`, producer)).json().events
    const before = [await rows(), await eventsOf(ids.waits)]
    const { id: ruleId, reported } = await rule({ kind: 'block' })
    assert.equal(reported, 2)
    assert.deepEqual([await rows(), await eventsOf(ids.waits)], before)
    const late = await newShare()
    const made = await rowOf(late)
    assert.deepEqual(Object.keys(made).sort(), Object.keys(await rowOf(ids.waits)).sort())
    assert.equal(made.status, 'pending')

    assert.deepEqual(await inbox(), [])
    assert.deepEqual(await inbox('?status=rejected'), [])
    assert.equal((await inbox('?status=all')).length, 1, 'what was accepted stays')
    for (const status of ['pending', 'rejected', 'all', 'accepted']) {
      const shown = await listed(`visibility=shared&member_status=${status}`)
      assert.deepEqual(shown, status === 'all' || status === 'accepted' ? [ids.used] : [], status)
      assert.equal((await listed(`name=deb&visibility=shared&member_status=${status}`)).includes(late), false)
    }
    for (const id of [ids.waits, late]) {
      assert.equal((await call('GET', `/v2/images/${id}`, consumer)).statusCode, 200, 'it can be used by its id')
      await call(
        'PATCH',
        `/v2/images/${id}`,
        producer,
        [{ op: 'replace', path: '/visibility', value: 'private' }],
        patchType,
      )
      await call(
        'PATCH',
        `/v2/images/${id}`,
        producer,
        [{ op: 'replace', path: '/visibility', value: 'shared' }],
        patchType,
      )
      assert.deepEqual(await listed('visibility=shared&member_status=pending'), [])
    }
    const accepted = await call('PUT', `/v2/images/${late}/members/consumer`, consumer, { status: 'accepted' })
    assert.equal(accepted.statusCode, 200)
    assert.equal((await listed('visibility=shared')).includes(late), true, 'who accepts by the id has it')

    await call(
      'PATCH',
      `/v2/images/${ids.hidden}`,
      producer,
      [{ op: 'replace', path: '/visibility', value: 'private' }],
      patchType,
    )
    assert.equal((await call('DELETE', `/v2/rules/${ruleId}`, consumer)).statusCode, 204)
    assert.deepEqual(await listed('visibility=shared&member_status=pending'), [ids.waits])
    assert.deepEqual(await listed('visibility=shared&member_status=rejected'), [], 'a private image stays hidden')
    await call(
      'PATCH',
      `/v2/images/${ids.hidden}`,
      producer,
      [{ op: 'replace', path: '/visibility', value: 'shared' }],
      patchType,
    )
    assert.deepEqual(await listed('visibility=shared&member_status=rejected'), [ids.hidden])
  })

  it('that only report change nothing and count', async () => {
    const { call, newShare, rule, inbox } = await start()
    await rule({ kind: 'block', mode: 'audit' })
    const image = await newShare()
    assert.equal((await inbox()).length, 1)
    assert.equal((await call('GET', '/v2/rules', consumer)).json().rules[0].reported, 1)
    assert.doesNotMatch((await call('GET', `/v2/images/${image}/events`, producer)).body, /rule/)
  })

  it('name producers by their handle and listings by their slug', async () => {
    const { call, rule } = await start()
    const refused = async (body: object) => (await call('POST', '/v2/rules', consumer, body)).statusCode
    assert.equal(await refused({ kind: 'block', producer: '@acme' }), 404)
    await call('PUT', '/v2/producer', producer, { handle: 'acme', name: 'Acme' })
    const { id } = (
      await call('POST', '/v2/images', producer, { name: 'deb', disk_format: 'raw', container_format: 'bare' })
    ).json()
    const listing = await call('POST', '/v2/listings', producer, { image_id: id, slug: 'debian', title: 'Debian' })
    assert.equal(listing.statusCode, 201, listing.body)
    const made = await rule({ kind: 'accept', producer: '@acme', listing: 'debian' })
    assert.deepEqual([made.producer_id, made.producer, made.listing], ['producer', 'acme', 'debian'])
    await call('DELETE', `/v2/listings/${listing.json().id}`, producer)
    const [left] = (await call('GET', '/v2/rules', consumer)).json().rules
    assert.equal(left.listing, listing.json().id, 'it is not taken for a rule about everything')
    assert.equal(await refused({ kind: 'accept', producer: '@acme', listing: 'none' }), 404)
    assert.equal(await refused({ kind: 'block', producer: '@acme', listing: 'debian' }), 400)
    assert.equal(await refused({ kind: 'block', producer: 'consumer' }), 400)
    assert.equal(await refused({ kind: 'allow', producer: 'x' }), 400)
  })

  it('are of one project, each once, and limited in number', async () => {
    const { service } = await start()
    const { call, rule } = await start({ limits: { ...service.limits, rules_per_project: 2 } })
    const { id } = await rule({ kind: 'block' })
    assert.equal((await call('POST', '/v2/rules', consumer, { kind: 'block', producer: 'producer' })).statusCode, 409)
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((one) => call('POST', '/v2/rules', consumer, { kind: 'accept', producer: one })),
    )
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [201, 413, 413])
    const stranger = fakeToken('stranger', 'member')
    assert.equal((await call('DELETE', `/v2/rules/${id}`, stranger)).statusCode, 404)
    assert.deepEqual((await call('GET', '/v2/rules', stranger)).json(), { rules: [] })
    const reader = fakeToken('consumer', 'reader')
    assert.equal((await call('GET', '/v2/rules', reader)).statusCode, 200)
    assert.equal((await call('POST', '/v2/rules', reader, { kind: 'block', producer: 'x' })).statusCode, 403)
    assert.equal((await call('GET', '/v2/rules', fakeToken(null, 'member'))).statusCode, 403)
  })
})
