import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { CanBootDocument } from '@vitrine/contract'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const stranger = fakeToken('stranger', 'member')
const admin = fakeToken('operator', 'admin')

const octets = { 'content-type': 'application/octet-stream' }
const sizeBytes = 2048

const must = async ({ call }: TestService, ...request: Parameters<TestService['call']>) => {
  const answer = await call(...request)
  assert.ok(answer.statusCode < 300, `${request[0]} ${request[1]}: ${answer.statusCode} ${answer.body}`)
  return answer
}

const newImage = async (service: TestService, encrypted: boolean, attributes: object = {}): Promise<string> => {
  const body = { name: 'golden', disk_format: 'raw', container_format: 'bare', ...attributes }
  const { id } = (await must(service, 'POST', '/v2/images', producer, body)).json()
  if (encrypted) await must(service, 'PUT', `/v2/images/${id}/encryption`, producer, {})
  await must(service, 'PUT', `/v2/images/${id}/file`, producer, Buffer.alloc(sizeBytes), octets)
  return id
}

eachDatabase('can-boot', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}) => {
    const service = await startTestService({ ...settings, database_url: await newUrl() })
    atEnd(service.close)
    const ask = async (image: string, token: string, query = ''): Promise<CanBootDocument> =>
      (await must(service, 'GET', `/v2/images/${image}/can-boot${query}`, token)).json()
    return { service, ask }
  }
  const denials = ({ reasons }: Pick<CanBootDocument, 'reasons'>) =>
    reasons.filter(({ effect }) => effect === 'denies').map(({ rule }) => rule)

  it('goes from not shared to booting, by what it says to do', async () => {
    const { service, ask } = await start()
    const image = await newImage(service, true)
    const keyId: string = (await service.call('GET', `/v2/images/${image}/encryption`, producer)).json().key_id

    const before = await ask(image, producer, '?project=consumer')
    assert.equal(before.can_boot, false)
    assert.deepEqual([before.image_id, before.project_id], [image, 'consumer'])
    assert.deepEqual(denials(before), ['membership', 'key'])
    const told = before.reasons.map(({ next }) => next ?? '').join(' ')
    assert.ok(told.includes(`vitrine key grant ${keyId} consumer`), told)
    assert.deepEqual(denials(await ask(image, producer, '?project=consumer&if_shared=true')), ['key'])

    await must(service, 'PUT', `/v2/keys/${keyId}/grants/consumer`, producer)
    assert.equal((await ask(image, producer, '?project=consumer&if_shared=true')).can_boot, true)
    await must(service, 'POST', `/v2/images/${image}/members`, producer, { member: 'consumer' })
    const after = await ask(image, consumer)
    assert.equal(after.can_boot, true, JSON.stringify(after))
    assert.equal((await service.call('GET', `/v2/images/${image}/file`, consumer)).statusCode, 200)

    await must(service, 'DELETE', `/v2/keys/${keyId}/grants/consumer`, producer)
    const revoked = await ask(image, consumer)
    assert.deepEqual(denials(revoked), ['key'])
    assert.match(revoked.reasons.find(({ rule }) => rule === 'key')?.text ?? '', /any more/)
    assert.equal((await service.call('GET', `/v2/images/${image}/file`, consumer)).statusCode, 403)

    const { events } = (await service.call('GET', `/v2/keys/${keyId}/events?limit=100`, producer)).json()
    const proofs = events.filter(({ type }: { type: string }) => type === 'key.prove')
    assert.ok(proofs.some(({ outcome }: { outcome: string }) => outcome === 'refused'))
    assert.ok(proofs.some(({ outcome }: { outcome: string }) => outcome === 'done'))
  })

  it('is told to the same callers as explanations', async () => {
    const { service, ask } = await start()
    const image = await newImage(service, false)
    const path = `/v2/images/${image}/can-boot`
    assert.equal((await service.call('GET', path, stranger)).statusCode, 404)
    await must(service, 'POST', `/v2/images/${image}/members`, producer, { member: 'consumer' })
    assert.equal((await service.call('GET', `${path}?project=stranger`, consumer)).statusCode, 403)
    assert.equal((await ask(image, consumer, '?project=consumer')).can_boot, true)
    assert.equal((await ask(image, admin, '?project=stranger')).can_boot, false)
    for (const query of ['project=', 'disk_gib=-1', 'disk_gib=2147483648', 'ram_mib=x', 'if_shared=1']) {
      assert.equal((await service.call('GET', `${path}?${query}`, producer)).statusCode, 400, query)
    }
  })

  it('counts with the server that is to be, members and room', async () => {
    const { service, ask } = await start()
    const limits = { ...service.config.limits, members_per_image: 1, project_storage_bytes: sizeBytes }
    const small = await start({ limits })
    const image = await newImage(service, false, { min_disk: 20, min_ram: 512 })
    assert.deepEqual(denials(await ask(image, producer, '?disk_gib=19&ram_mib=511')), ['min_disk', 'min_ram'])
    assert.equal((await ask(image, producer, '?disk_gib=20&ram_mib=512')).can_boot, true)

    const full = await newImage(small.service, false)
    await must(small.service, 'POST', `/v2/images/${full}/members`, producer, { member: 'consumer' })
    assert.deepEqual(denials(await small.ask(full, producer, '?project=other&if_shared=true')), ['quota'])
    assert.equal((await small.ask(full, consumer)).can_boot, true)
    const rules = ({ reasons }: CanBootDocument) => reasons.map(({ rule, effect }) => `${effect} ${rule}`)
    assert.ok(!rules(await small.ask(full, consumer)).includes('informs quota'))
    const own = await small.service.call('POST', '/v2/images', consumer, {
      disk_format: 'raw',
      container_format: 'bare',
    })
    await must(small.service, 'PUT', `/v2/images/${own.json().id}/file`, consumer, Buffer.alloc(1), octets)
    assert.ok(rules(await small.ask(full, consumer)).includes('informs quota'))
    // What a project stores is not for its producers.
    assert.ok(!rules(await small.ask(full, producer, '?project=consumer')).includes('informs quota'))
    assert.ok(rules(await small.ask(full, admin, '?project=consumer')).includes('informs quota'))
  })

  it('says the same where shares are shown: lists, the inbox, the shares of an image', async () => {
    const { service } = await start()
    const sealed = await newImage(service, true)
    const plain = await newImage(service, false, { min_ram: 512 })
    const shared = { action: 'share', images: [sealed, plain], projects: ['consumer'], grant: true }
    assert.equal((await must(service, 'POST', '/v2/shares', producer, shared)).json().applied, true)
    const keyId: string = (await service.call('GET', `/v2/images/${sealed}/encryption`, producer)).json().key_id

    const states = async (): Promise<Record<string, unknown>> => {
      const list = (await must(service, 'GET', '/v2/images?include=membership&member_status=pending', consumer)).json()
      const inbox = (await must(service, 'GET', '/v2/inbox', consumer)).json()
      const found: Record<string, unknown> = {}
      for (const [name, id] of Object.entries({ sealed, plain })) {
        const shown = (await must(service, 'GET', `/v2/images/${id}?include=membership`, consumer)).json()
        const [share] = (await must(service, 'GET', `/v2/images/${id}/shares`, producer)).json().shares
        const listed = list.images.find((image: { id: string }) => image.id === id)
        const item = inbox.items.find(({ image }: { image: { id: string } }) => image.id === id)
        const all = [shown.membership, share, listed.membership, item.membership].map(({ key_state }) => key_state)
        assert.equal(new Set(all).size, 1, JSON.stringify(all))
        assert.ok(item.can_boot.reasons.every(({ effect }: { effect: string }) => effect !== 'allows'))
        found[name] = [all[0], item.can_boot.can_boot, item.can_boot.reasons.map(({ rule }: { rule: string }) => rule)]
      }
      return found
    }
    assert.deepEqual(await states(), {
      sealed: ['granted', true, []],
      plain: ['not_needed', true, ['min_ram']],
    })
    await must(service, 'DELETE', `/v2/keys/${keyId}/grants/consumer`, producer)
    assert.deepEqual((await states()).sealed, ['revoked', false, ['key']])
    await must(service, 'PATCH', `/v2/keys/${keyId}`, producer, { status: 'disabled' })
    assert.deepEqual((await states()).sealed, ['revoked', false, ['key']])

    const changed = await must(service, 'PATCH', `/v2/images/${sealed}/shares/consumer`, producer, { message: 'Hello' })
    assert.equal(changed.json().key_state, 'revoked')
    const explained = (await must(service, 'GET', `/v2/images/${sealed}/explain`, consumer)).json()
    assert.equal(explained.download, false)
    const why = explained.reasons.find(({ rule }: { rule: string }) => rule === 'key')
    assert.equal(why.effect, 'denies')
    const log = (await service.call('GET', `/v2/keys/${keyId}/events?limit=100`, producer)).json().events
    assert.equal(log.filter(({ type }: { type: string }) => type === 'key.prove').length, 2, 'only what sharing asked')
  })

  it('delivers what a client encrypted to whoever may read it, and says that it has no key', async () => {
    const { service, ask } = await start()
    const image = await newImage(service, false, { __system__cmkid: '3fa1b2c4-0000-4000-8000-000000000000' })
    assert.equal((await service.call('GET', `/v2/images/${image}/file`, producer)).statusCode, 200)
    assert.deepEqual(denials(await ask(image, producer)), ['key'])
    assert.equal((await must(service, 'GET', `/v2/images/${image}/explain`, producer)).json().download, true)

    const nobody = await start({ key_manager: 'none' })
    const other = await newImage(nobody.service, false, { __system__cmkid: '3fa1b2c4-0000-4000-8000-000000000000' })
    assert.equal((await nobody.ask(other, producer)).can_boot, true)
  })
})
