import { startTestService } from '../testing/test-service.ts'
import { fakeToken } from '../testing/fake-identity.ts'
const s = await startTestService({})
const p = fakeToken('producer', 'member'), c = fakeToken('consumer', 'member')
const t0 = Date.now()
for (let i = 0; i < 1003; i++) {
  const { id } = (await s.call('POST', '/v2/images', p, { name: 'x' })).json()
  await s.call('POST', `/v2/images/${id}/members`, p, { member: 'consumer' })
}
console.log('made', Date.now() - t0)
const t1 = Date.now()
for (let i = 0; i < 50; i++) await s.call('GET', '/v2/inbox', c)
console.log('inbox ms each', (Date.now() - t1) / 50)
const t2 = Date.now()
const a = (await s.call('POST', '/v2/inbox/answers', c, { answer: 'accepted' })).json()
console.log('answers', Date.now() - t2, a.results.length, a.more, a.results.filter((r) => r.result !== 'accepted').length)
const b = (await s.call('POST', '/v2/inbox/answers', c, { answer: 'accepted' })).json()
console.log(b.results.length, b.more)
await s.close()
