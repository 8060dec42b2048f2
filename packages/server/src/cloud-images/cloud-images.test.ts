import assert from 'node:assert/strict'
import { it } from 'node:test'
import { tidy } from '../shares/reaper.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const path = '/v1/cloudimages/members'

const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
  const answer = await call('POST', '/v2/images', producer, attributes)
  assert.equal(answer.statusCode, 201)
  return answer.json().id
}

eachDatabase('the batch calls of members', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now = Date.now) => {
    const service = await startTestService({ ...settings, database_url: await newUrl() }, now)
    atEnd(service.close)
    return service
  }
  const jobOf = async ({ call }: TestService, token: string, project: string, id: string) =>
    (await call('GET', `/v1/${project}/jobs/${id}`, token)).json()

  it('share, answer and unshare, each as a job that is over, and again without a change', async () => {
    const service = await start()
    const { call } = service
    const images = [await newImage(service), await newImage(service)]
    for (const body of [1, 2].map(() => ({ images, projects: ['consumer', 'other'] }))) {
      const added = await call('POST', path, producer, body)
      assert.equal(added.statusCode, 200)
      const job = await jobOf(service, producer, 'producer', added.json().job_id)
      assert.equal(job.status, 'SUCCESS')
      assert.equal(job.job_type, 'imsAddImageMembersJob')
      assert.equal(job.error_code, null)
      assert.match(job.begin_time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.equal(job.entities.results.length, 4)
      assert.deepEqual(job.entities.results[0], { image_id: images[0], project_id: 'consumer', status: 'success' })
    }
    const answer = { images, project_id: 'consumer', status: 'accepted', vault_id: 'vault' }
    const answered = await call('PUT', path, consumer, answer)
    assert.equal((await jobOf(service, consumer, 'consumer', answered.json().job_id)).status, 'SUCCESS')
    const listed = async () => (await call('GET', '/v2/images', consumer)).json().images.length
    assert.equal(await listed(), 2)

    const removed = await call('DELETE', path, producer, { images, projects: ['consumer', 'nobody'] })
    assert.equal(removed.statusCode, 200)
    const job = await jobOf(service, producer, 'producer', removed.json().job_id)
    assert.deepEqual([job.status, job.job_type, job.entities], ['SUCCESS', 'imsDelImageMembersJob', { results: [] }])
    assert.equal(await listed(), 0)
  })

  it('fail for the pairs that fail, with the code of the first', async () => {
    const service = await start()
    const { call } = service
    const mine = await newImage(service)
    const hidden = await newImage(service, { visibility: 'private' })
    const added = await call('POST', path, producer, { images: [mine, hidden, 'none'], projects: ['consumer'] })
    const job = await jobOf(service, producer, 'producer', added.json().job_id)
    assert.equal(job.status, 'FAIL')
    assert.equal(job.error_code, 'IMG.0089')
    assert.deepEqual(
      job.entities.results.map(({ status }: { status: string }) => status),
      ['success', 'failed', 'failed'],
    )
  })

  it('refuse bad requests in the form of that cloud', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const reader = fakeToken('producer', 'reader')
    const pairs = { images: [image], projects: ['consumer'] }
    const many = Array.from({ length: 40 }, (_, index) => `p${index}`)
    const refused: [string, Parameters<typeof call>, number, string][] = [
      ['nothing sent', ['POST', path, producer], 400, 'IMG.0007'],
      ['no JSON', ['POST', path, producer, '{'], 400, 'IMG.0001'],
      ['no images', ['POST', path, producer, { projects: ['consumer'] }], 400, 'IMG.0001'],
      ['sharing with oneself', ['POST', path, producer, { ...pairs, projects: ['producer'] }], 400, 'IMG.0076'],
      ['a role too low', ['POST', path, reader, pairs], 403, 'IMG.0026'],
      ['a role too low', ['DELETE', path, reader, pairs], 403, 'IMG.0026'],
      ['too many pairs', ['POST', path, producer, { images: many, projects: many }], 400, 'IMG.0001'],
      ['no status', ['PUT', path, consumer, { images: [image], project_id: 'consumer' }], 400, 'IMG.0001'],
      [
        'the answer of somebody else',
        ['PUT', path, consumer, { images: [image], project_id: 'other', status: 'accepted' }],
        400,
        'IMG.0030',
      ],
      ['no job', ['GET', '/v1/producer/jobs/none', producer], 404, 'IMG.0027'],
    ]
    for (const [what, request, status, code] of refused) {
      const answer = await call(...request)
      assert.equal(answer.statusCode, status, what)
      const { error } = answer.json()
      assert.equal(error.code, code, what)
      assert.ok(error.message.length > 10, what)
    }
    const nobody = await call('POST', path, undefined, pairs)
    assert.equal(nobody.statusCode, 401)
    assert.equal((await call('PATCH', path, producer, pairs)).statusCode, 405)
  })

  it('tell the job of a project to nobody else', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const { job_id: id } = (await call('POST', path, producer, { images: [image], projects: ['consumer'] })).json()
    for (const project of ['producer', 'consumer']) {
      assert.equal((await call('GET', `/v1/${project}/jobs/${id}`, consumer)).statusCode, 404)
    }
    assert.equal((await call('GET', `/v1/producer/jobs/${id}`, producer)).statusCode, 200)
  })

  it('mass answers: one project has two large batches under way at most', async () => {
    const { call } = await start()
    const images = Array.from({ length: 100 }, (_, index) => `image-${index}`)
    const ask = () => call('PUT', path, consumer, { images, project_id: 'consumer', status: 'accepted' })
    const answers = await Promise.all([ask(), ask(), ask()])
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 200, 429])
    assert.equal((await ask()).statusCode, 200)
  })

  it('mass jobs: all that are a week old go, however many they are', async () => {
    let at = Date.now()
    const { service } = await start({}, () => at)
    await service.database.write(async (tx) => {
      const job = { project_id: 'p', type: 'imsAddImageMembersJob', status: 'SUCCESS', end_at: at } as const
      const more = { error_code: null, fail_reason: null, results: '[]', begin_at: at }
      for (let start = 0; start < 1500; start += 100) {
        const rows = Array.from({ length: 100 }, (_, index) => ({ id: `job-${start + index}`, ...job, ...more }))
        await tx.insertInto('jobs').values(rows).execute()
      }
    })
    at += 8 * 24 * 60 * 60 * 1000
    await tidy(service)
    assert.deepEqual(await service.database.read.selectFrom('jobs').select('id').execute(), [])
  })
})
