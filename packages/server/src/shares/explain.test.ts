import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { reap } from './reaper.ts'

const producer = fakeToken('producer', 'member')
const admin = fakeToken('operator', 'admin')
const dayMs = 24 * 60 * 60 * 1000
const wire = (instant: number) => `${new Date(instant).toISOString().slice(0, 19)}Z`

const states = fc.record({
  visibility: fc.constantFrom('shared', 'shared', 'shared', 'private', 'public', 'community'),
  hidden: fc.boolean(),
  image: fc.constantFrom('queued', 'active', 'active', 'deactivated'),
  member: fc.constantFrom('none', 'pending', 'accepted', 'rejected'),
  block: fc.constantFrom('no', 'before', 'after'),
  end: fc.constantFrom('none', 'ahead', 'over', 'withdrawn'),
  key: fc.constantFrom('none', 'none', 'granted', 'revoked'),
})

eachDatabase('explain', ({ newUrl, atEnd }) => {
  it('agrees with what the calls really answer, for every project that is asked about', async () => {
    let at = Math.floor(Date.now() / 1000) * 1000
    const service = await startTestService({ database_url: await newUrl() }, () => at)
    atEnd(service.close)
    const { call } = service
    let number = 0
    const must = async (...request: Parameters<typeof call>) => {
      const answer = await call(...request)
      assert.ok(answer.statusCode < 300, `${request[0]} ${request[1]}: ${answer.statusCode} ${answer.body}`)
      return answer
    }
    const check = async (state: typeof states extends fc.Arbitrary<infer State> ? State : never) => {
      number += 1
      const project = `consumer-${number}`
      const consumer = fakeToken(project, 'member')
      const created = await must('POST', '/v2/images', producer, { disk_format: 'raw', container_format: 'bare' })
      const id: string = created.json().id
      const path = `/v2/images/${id}`
      const encryption = state.key === 'none' ? undefined : await must('PUT', `${path}/encryption`, producer, {})
      if (state.image !== 'queued') {
        const type = { 'content-type': 'application/octet-stream' }
        await must('PUT', `${path}/file`, producer, Buffer.from('bytes'), type)
      }
      const block = () => must('POST', '/v2/rules', consumer, { kind: 'block', producer: 'producer' })
      if (state.block === 'before') await block()
      if (state.member !== 'none') {
        const ends = state.end === 'ahead' || state.end === 'over' ? { ends_at: wire(at + dayMs) } : {}
        const share = { action: 'share', images: [id], projects: [project], grant: true, ...ends }
        const [{ result }] = (await must('POST', '/v2/shares', producer, share)).json().results
        assert.equal(result, 'shared')
        if (encryption !== undefined && state.key === 'revoked') {
          await must('DELETE', `/v2/keys/${encryption.json().key_id}/grants/${project}`, producer)
        }
        if (state.member !== 'pending') {
          await must('PUT', `${path}/members/${project}`, consumer, { status: state.member })
        }
        if (state.end === 'withdrawn') await must('POST', `${path}/withdrawal`, producer, { at: wire(at + dayMs) })
      }
      if (state.block === 'after') await block()
      const patch = [
        { op: 'replace', path: '/visibility', value: state.visibility },
        { op: 'replace', path: '/os_hidden', value: state.hidden },
      ]
      await must('PATCH', path, admin, patch, { 'content-type': 'application/openstack-images-v2.1-json-patch' })
      if (state.image === 'deactivated') await must('POST', `${path}/actions/deactivate`, producer)
      if (state.end === 'over') {
        at += 2 * dayMs
        await reap(service.service)
      }

      for (const subject of [project, 'producer', 'somebody-else']) {
        const token = fakeToken(subject, 'member')
        const { images } = (await call('GET', '/v2/images', token)).json()
        const truth = {
          see: (await call('GET', path, token)).statusCode === 200,
          list: images.some((image: { id: string }) => image.id === id),
          download: (await call('GET', `${path}/file`, token)).statusCode === 200,
        }
        for (const asker of [token, producer, admin]) {
          const answer = await call('GET', `${path}/explain?project=${subject}`, asker)
          if (asker === token && !truth.see) {
            assert.equal(answer.statusCode, 404)
            continue
          }
          assert.equal(answer.statusCode, 200, answer.body)
          const { see, list, download, reasons } = answer.json()
          assert.deepEqual({ see, list, download }, truth, `${subject}, asked by ${asker}`)
          const { can_boot } = (await must('GET', `${path}/can-boot?project=${subject}`, asker)).json()
          assert.equal(can_boot, truth.download, `whether it boots for ${subject}`)
          const effects = new Set(reasons.map(({ effect }: { effect: string }) => effect))
          assert.ok(see && list && download ? effects.has('allows') : effects.has('denies') || effects.has('hides'))
        }
      }
      // The page of the list must not fill with the images of former rounds.
      await must('DELETE', path, producer)
    }
    await fc.assert(fc.asyncProperty(states, check), { numRuns: 40 })
  })
})
