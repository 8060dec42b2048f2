import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'

it('a long page, read in pieces, is whole', async () => {
  const service = await startTestService()
  const producer = fakeToken('producer', 'member')
  const list = async (path: string): Promise<{ images: { id: string }[]; next?: string }> =>
    (await service.call('GET', path, producer)).json()
  for (let index = 0; index < 250; index += 1) await service.call('POST', '/v2/images', producer, {})

  const whole = await list('/v2/images?limit=1000')
  assert.equal(new Set(whole.images.map(({ id }) => id)).size, 250)
  assert.equal(whole.next, undefined)
  const first = await list('/v2/images?limit=200')
  const second = await list(first.next ?? '')
  assert.deepEqual([...first.images, ...second.images], whole.images)
  await service.close()
})
