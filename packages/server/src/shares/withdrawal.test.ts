import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const dayMs = 24 * 60 * 60 * 1000
const inDays = (days: number) => `${new Date(Date.now() + days * dayMs).toISOString().slice(0, 19)}Z`

eachDatabase('a withdrawal', ({ newUrl, atEnd }) => {
  const start = async () => {
    const service = await startTestService({ database_url: await newUrl() })
    atEnd(service.close)
    return service
  }
  const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
    const answer = await call('POST', '/v2/images', producer, attributes)
    assert.equal(answer.statusCode, 201)
    return answer.json().id
  }
  const share = async ({ call }: TestService, image: string, projects: string[], terms: object = {}) => {
    const body = { action: 'share', images: [image], projects, ...terms }
    assert.equal((await call('POST', '/v2/shares', producer, body)).statusCode, 200)
  }
  /** What the shares of an image end with: the end, and whether that is a withdrawal. */
  const endsOf = async ({ call }: TestService, image: string): Promise<Record<string, [string | null, boolean]>> => {
    const { shares } = (await call('GET', `/v2/images/${image}/shares`, producer)).json()
    return Object.fromEntries(
      shares.map((one: { project_id: string; ends_at: string | null; withdrawn: boolean }) => [
        one.project_id,
        [one.ends_at, one.withdrawn],
      ]),
    )
  }
  const eventsOf = async ({ call }: TestService, image: string): Promise<[string, string | null, unknown][]> => {
    const { events } = (await call('GET', `/v2/images/${image}/events?limit=100`, producer)).json()
    return events
      .reverse()
      .map((event: { type: string; member_id: string | null; detail: { ends_at?: string; reason?: string } }) => [
        event.type,
        event.member_id,
        event.detail.ends_at ?? event.detail.reason,
      ])
      .filter(([type]: [string]) => /^(member\.(withdraw|keep|delete)|invitation\.revoke)$/.test(type))
  }

  it('on a date replaces the one before, tells of what changes, and is taken back without a trace', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const path = `/v2/images/${image}/withdrawal`
    const [own, late, first, second] = [inDays(2), inDays(60), inDays(10), inDays(20)]
    await share(service, image, ['early'], { ends_at: own })
    await share(service, image, ['late'], { ends_at: late })
    await share(service, image, ['open'])

    const touched = await call('POST', path, producer, { at: first })
    assert.equal(touched.json().waiting, 3)
    assert.deepEqual(touched.json().planned, { at: first, delete_image: false, message: null, projects: null })
    await call('POST', path, producer, { at: second, projects: ['late'] })
    assert.deepEqual(await endsOf(service, image), { early: [own, false], late: [second, true], open: [null, false] })
    await share(service, image, ['new'])
    assert.deepEqual((await endsOf(service, image)).new, [null, false], 'the plan names another project')

    assert.equal((await call('DELETE', path, producer)).statusCode, 204)
    const { early, late: lateAgain, open } = await endsOf(service, image)
    assert.deepEqual(
      [early, lateAgain, open],
      [
        [own, false],
        [late, false],
        [null, false],
      ],
    )
    assert.deepEqual(await eventsOf(service, image), [
      ['member.withdraw', 'late', first],
      ['member.withdraw', 'open', first],
      ['member.withdraw', 'late', second],
      ['member.keep', 'open', undefined],
      ['member.keep', 'late', late],
    ])
    assert.equal((await call('DELETE', path, producer)).statusCode, 404)
  })

  it('from all at once leaves no way back in: invitations end, and so does the plan', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const path = `/v2/images/${image}/withdrawal`
    await share(service, image, ['one', 'two', 'three@domain'])
    const invited = await call('POST', '/v2/invitations', producer, { image_id: image, uses: 5 })
    const { code } = invited.json()
    await call('POST', path, producer, { at: inDays(10) })

    const some = await call('POST', path, producer, { projects: ['one'], message: 'Not you' })
    assert.equal(some.json().waiting, 1)
    assert.deepEqual(Object.keys(await endsOf(service, image)), ['two'])
    assert.notEqual((await call('GET', path, producer)).json().planned, null, 'the plan for the others stays')

    const all = await call('POST', path, producer, {})
    assert.deepEqual([all.json().waiting, all.json().invitations, all.json().planned], [1, 2, null])
    const left = (await call('GET', path, producer)).json()
    assert.deepEqual([left.waiting, left.invitations, left.planned], [0, 0, null])
    const claimed = await call('POST', '/v2/invitation-claims', fakeToken('late', 'member'), { code })
    assert.equal(claimed.statusCode, 410)
    const types = (await eventsOf(service, image)).map(([type]) => type)
    assert.equal(types.filter((type) => type === 'invitation.revoke').length, 2)
  })

  it('is refused where it makes no sense, and then nothing has changed', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const guarded = await newImage(service, { protected: true })
    const secret = await newImage(service, { visibility: 'private' })
    await share(service, image, ['one'])
    const code = async (id: string, body: object) =>
      (await call('POST', `/v2/images/${id}/withdrawal`, producer, body)).statusCode
    assert.equal(await code(image, { projects: ['one', 'onne'] }), 404)
    assert.equal(await code(image, { projects: ['one'], delete_image: true }), 400)
    assert.equal(await code(image, { at: '2020-01-01T00:00:00Z' }), 400)
    assert.equal(await code(guarded, { delete_image: true, at: inDays(1) }), 403)
    assert.equal(await code(secret, {}), 403)
    assert.deepEqual(await endsOf(service, image), { one: [null, false] })
    assert.equal(await code(secret, { delete_image: true, at: inDays(1) }), 200, 'to be deleted, it need not be shared')
  })
})
