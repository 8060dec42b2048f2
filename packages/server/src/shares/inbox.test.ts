import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const dayMs = 24 * 60 * 60 * 1000

interface Item {
  kind: 'share' | 'invitation'
  image: { id: string; name: string }
  membership: { status: string; message: string | null; shared_by: string }
  invitation: { id: string }
}

eachDatabase('the inbox', ({ newUrl, atEnd }) => {
  const start = async () => {
    let passed = 0
    const assembly = await startTestService({ database_url: await newUrl() }, () => Date.now() + passed)
    atEnd(assembly.close)
    const { call } = assembly
    return {
      ...assembly,
      pass: (ms: number) => {
        passed += ms
      },
      newShare: async (token = producer): Promise<string> => {
        passed += 1000
        const { id } = (await call('POST', '/v2/images', token, { name: 'deb' })).json()
        await call('POST', `/v2/images/${id}/members`, token, { member: 'consumer' })
        return id
      },
      invite: async (token = producer): Promise<{ id: string; image: string }> => {
        passed += 1000
        const image: string = (await call('POST', '/v2/images', token, { name: 'deb' })).json().id
        const made = await call('POST', '/v2/invitations', token, { image_id: image, project: 'consumer@default' })
        return { id: made.json().id, image }
      },
      inbox: async (query = '', token = consumer): Promise<Item[]> =>
        (await call('GET', `/v2/inbox${query}`, token)).json().items,
      answer: async (body: object, token = consumer) => {
        const answered = await call('POST', '/v2/inbox/answers', token, body)
        assert.equal(answered.statusCode, 200, answered.body)
        return answered.json()
      },
    }
  }
  const idsOf = (items: readonly Item[]) =>
    items.map((item) => (item.kind === 'share' ? item.image.id : item.invitation.id))

  it('holds what waits, newest first, invitations before shares, in pages', async () => {
    const { call, newShare, invite, inbox } = await start()
    const shares = [await newShare(), await newShare(), await newShare()].reverse()
    const invitations = [await invite(), await invite()].map(({ id }) => id).reverse()
    const expected = [...invitations, ...shares]
    assert.deepEqual(idsOf(await inbox()), expected)
    for (const limit of [1, 2, 3, 4]) {
      const seen: string[] = []
      let path: string | undefined = `/v2/inbox?limit=${limit}`
      while (path !== undefined) {
        const page: { items: Item[]; next?: string } = (await call('GET', path, consumer)).json()
        assert.ok(page.items.length <= limit)
        seen.push(...idsOf(page.items))
        path = page.next
      }
      assert.deepEqual(seen, expected, `pages of ${limit}`)
    }
    const [item] = await inbox('?status=all&limit=3').then((items) => items.slice(2))
    assert.deepEqual(
      [item?.membership.status, item?.membership.shared_by, item?.image.name],
      ['pending', 'producer', 'deb'],
    )
    assert.equal((await call('GET', '/v2/inbox?status=none', consumer)).statusCode, 400)
    assert.equal((await call('GET', '/v2/inbox?marker=none', consumer)).statusCode, 400)
    assert.deepEqual(await inbox('?limit=0'), [])
  })

  it('is of the own project alone, also for an administrator', async () => {
    const { call, newShare, inbox } = await start()
    await newShare()
    assert.deepEqual(await inbox('', fakeToken('other', 'admin')), [])
    assert.deepEqual(await inbox('', producer), [])
    assert.equal((await inbox('', fakeToken('consumer', 'reader'))).length, 1)
    assert.equal((await call('GET', '/v2/inbox', fakeToken(null, 'admin'))).statusCode, 403)
    assert.equal(
      (await call('POST', '/v2/inbox/answers', fakeToken('consumer', 'reader'), { answer: 'accepted' })).statusCode,
      403,
    )
  })

  it('can be walked while its shares are answered, and by status', async () => {
    const { call, newShare, inbox, answer } = await start()
    const ids = [await newShare(), await newShare(), await newShare(), await newShare()].reverse()
    const first = (await call('GET', '/v2/inbox?limit=2', consumer)).json()
    await answer({ answer: 'accepted', images: [ids[1]] })
    await answer({ answer: 'rejected', images: [ids[0]] })
    assert.deepEqual(idsOf((await call('GET', first.next, consumer)).json().items), ids.slice(2))
    assert.deepEqual(idsOf(await inbox('?status=accepted')), [ids[1]])
    assert.deepEqual(idsOf(await inbox('?status=rejected')), [ids[0]])
    assert.deepEqual(idsOf(await inbox('?status=all')), ids)
    await answer({ answer: 'pending', images: ids })
    assert.deepEqual(idsOf(await inbox()), ids)
  })

  it('lets everything that waits be answered at once, idempotently', async () => {
    const { call, newShare, invite, inbox, answer } = await start()
    const shares = [await newShare(), await newShare()]
    const invited = await invite()
    const said = await answer({ answer: 'accepted' })
    assert.equal(said.more, false)
    assert.deepEqual(
      said.results.map(({ result }: { result: string }) => result),
      ['accepted', 'accepted', 'accepted'],
    )
    assert.deepEqual([said.results[0].invitation_id, said.results[0].image_id], [invited.id, invited.image])
    assert.deepEqual(await inbox(), [])
    assert.equal((await inbox('?status=accepted')).length, 3)
    assert.deepEqual(await answer({ answer: 'accepted' }), { results: [], blocked: [], more: false })
    await answer({ answer: 'accepted', images: shares })
    const events = (await call('GET', `/v2/images/${shares[0]}/events`, producer)).json().events
    assert.equal(events.filter(({ type }: { type: string }) => type === 'member.update').length, 1)
  })

  it('tells for each what failed, and answers the rest', async () => {
    const { call, newShare, answer, service } = await start()
    const own = (await call('POST', '/v2/images', consumer, { name: 'own' })).json().id
    const foreign = (await call('POST', '/v2/images', producer, { name: 'foreign' })).json().id
    const share = await newShare()
    const ended = await newShare()
    await service.database.read.updateTable('members').set({ ends_at: 1 }).where('image_id', '=', ended).execute()
    const { results } = await answer({
      answer: 'rejected',
      images: [own, foreign, 'none', ended, share],
      invitations: ['none'],
    })
    const told = results.map((one: { image_id: string; result: string }) => [one.image_id, one.result])
    assert.deepEqual(told, [
      [null, 'failed'],
      [own, 'failed'],
      [foreign, 'failed'],
      ['none', 'failed'],
      [ended, 'failed'],
      [share, 'rejected'],
    ])
    const said = (index: number) => results[index].error.replace(/[0-9a-f-]{36}|none/, 'ID')
    assert.equal(said(2), said(3), 'what is not shared is told like what does not exist')
  })

  it('lets a producer be blocked from what it sent', async () => {
    const { call, newShare, invite, inbox, answer } = await start()
    const other = fakeToken('friend', 'member')
    const [first] = [await newShare(), await newShare()]
    const kept = await newShare(other)
    await invite()
    assert.equal((await call('POST', '/v2/inbox/answers', consumer, { answer: 'block' })).statusCode, 400)
    const said = await answer({ answer: 'block', images: [first, 'none'] })
    assert.deepEqual(said.blocked, ['producer'])
    assert.deepEqual(
      said.results.map(({ result }: { result: string }) => result),
      ['blocked', 'failed'],
    )
    assert.deepEqual(idsOf(await inbox('?status=all')), [kept], 'nothing else of that producer is left either')
    assert.equal((await call('GET', `/v2/images/${first}/members/consumer`, producer)).json().status, 'rejected')
    const [rule] = (await call('GET', '/v2/rules', consumer)).json().rules
    assert.deepEqual([rule.kind, rule.producer_id, rule.mode], ['block', 'producer', 'enforce'])
    await answer({ answer: 'block', images: [first] })
    assert.equal((await call('GET', '/v2/rules', consumer)).json().rules.length, 1)
  })

  it('does not hold shares and invitations that ended', async () => {
    const { call, newShare, invite, inbox, pass, service } = await start()
    const share = await newShare()
    await invite()
    await service.database.read
      .updateTable('members')
      .set({ ends_at: Date.now() + dayMs })
      .where('image_id', '=', share)
      .execute()
    assert.equal((await inbox()).length, 2)
    pass(15 * dayMs)
    assert.deepEqual(await inbox(), [])
    const { id } = await invite()
    assert.equal((await inbox()).length, 1)
    await call('DELETE', `/v2/invitations/${id}`, producer)
    assert.deepEqual(await inbox(), [])
  })

  it('rejects an invitation by claiming it, so that it can be taken back', async () => {
    const { call, invite, inbox, answer } = await start()
    const { id, image } = await invite()
    const { results } = await answer({ answer: 'rejected', invitations: [id] })
    assert.deepEqual([results[0].result, results[0].image_id], ['rejected', image])
    assert.deepEqual(idsOf(await inbox('?status=rejected')), [image])
    assert.equal((await call('GET', `/v2/images/${image}/members/consumer`, producer)).json().status, 'rejected')
  })
})
