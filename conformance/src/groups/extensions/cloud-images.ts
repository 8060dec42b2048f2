import { CloudImagesErrorSchema, JobSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectMembers, expectStatus } from '../../expect.ts'
import { at, type Json, listAt, stringAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'
import { unknownProject } from '../members-matrix.ts'

const path = '/v1/cloudimages/members'
type Method = 'POST' | 'PUT' | 'DELETE'

const call = (actor: Actor, method: Method, json: Json): Promise<Answer> => actor.api.send(method, path, { json })

/** The job that a call made, as its project reads it. */
const jobOf = async (actor: Actor, answer: Answer): Promise<Answer> => {
  expectStatus(answer, 200)
  expectEqual(Object.keys(answer.json ?? {}), ['job_id'], 'the keys of the answer')
  const id = stringAt(answer.json, 'job_id')
  return expectDocument(expectStatus(await actor.api.get(`/v1/${actor.projectId}/jobs/${id}`), 200), JobSchema)
}

const done = async (actor: Actor, method: Method, json: Json): Promise<Answer> => {
  const job = await jobOf(actor, await call(actor, method, json))
  expectField(job, ['status'], 'SUCCESS')
  expectField(job, ['error_code'], null)
  expectField(job, ['fail_reason'], null)
  return job
}

const failed = async (actor: Actor, method: Method, json: Json, ...codes: string[]): Promise<Answer> => {
  const job = await jobOf(actor, await call(actor, method, json))
  expectField(job, ['status'], 'FAIL')
  expectEqual(
    codes.includes(stringAt(job.json, 'error_code')),
    true,
    `error_code ${at(job.json, 'error_code')} of ${codes}`,
  )
  return job
}

const expectCode = (answer: Answer, status: number, ...codes: string[]): void => {
  expectDocument(expectStatus(answer, status), CloudImagesErrorSchema)
  const code = stringAt(answer.json, 'error', 'code')
  expectEqual(codes.includes(code), true, `${answer.request}: code ${code} is one of ${codes.join(', ')}`)
}

const runJobs = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other, stranger } = actors
  const projects = [consumer.projectId, other.projectId]
  const two = async () => [await images.queued(), await images.queued()]

  await own('POST shares every image with every project, and the job tells', async () => {
    const both = await two()
    const job = await done(owner, 'POST', { images: both, projects })
    expectField(job, ['job_type'], 'imsAddImageMembersJob')
    for (const time of ['begin_time', 'end_time'])
      expectMatch(stringAt(job.json, time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, time)
    const results = listAt(job.json, 'entities', 'results')
    expectEqual([...new Set(results.map((row) => at(row, 'status')))], ['success'], 'the results')
    expectEqual([...new Set(results.map((row) => stringAt(row, 'image_id')))].sort(), [...both].sort(), 'the images')
    for (const image of both) {
      const members = await owner.api.get(`/v2/images/${image}/members`)
      expectMembers(members, projects)
      expectField(members, ['members', 0, 'status'], 'pending')
    }
  })
  await own('a pair that is there already counts as done, and keeps its answer', async () => {
    const image = await images.queued()
    await images.share(image, consumer, 'accepted')
    await done(owner, 'POST', { images: [image], projects })
    expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], 'accepted')
  })
  await own('PUT answers for the own project: accepted, rejected', async () => {
    const both = await two()
    for (const image of both) await images.share(image, consumer)
    for (const status of ['accepted', 'rejected', 'accepted']) {
      const job = await done(consumer, 'PUT', { images: both, project_id: consumer.projectId, status })
      expectField(job, ['job_type'], 'imsUpdateImageMembersJob')
      expectEqual(listAt(job.json, 'entities', 'results').length, 2, 'the number of results')
      for (const image of both)
        expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], status)
    }
    await done(consumer, 'PUT', {
      images: both,
      project_id: consumer.projectId,
      status: 'accepted',
      vault_id: crypto.randomUUID(),
    })
  })
  await own('DELETE, with its body, ends shares; a pair that is not there counts as done', async () => {
    const both = await two()
    for (const image of both) await images.share(image, consumer)
    for (let times = 0; times < 2; times++) {
      const job = await done(owner, 'DELETE', { images: both, projects })
      expectField(job, ['job_type'], 'imsDelImageMembersJob')
      expectField(job, ['entities', 'results'], [])
    }
    for (const image of both) expectMembers(await owner.api.get(`/v2/images/${image}/members`), [])
  })
  await own("a job is its own project's alone", async () => {
    const answer = expectStatus(await call(owner, 'POST', { images: await two(), projects }), 200)
    const id = stringAt(answer.json, 'job_id')
    expectStatus(await stranger.api.get(`/v1/${owner.projectId}/jobs/${id}`), 403, 404)
    expectStatus(await stranger.api.get(`/v1/${stranger.projectId}/jobs/${id}`), 404)
    expectStatus(await owner.api.get(`/v1/${owner.projectId}/jobs/${crypto.randomUUID()}`), 404)
    expectStatus(await owner.api.get(`/v1/${stranger.projectId}/jobs/${id}`), 403, 404)
  })
}

const runCodes = async ({ actors, images, own }: Scene) => {
  const { owner, ownerReader, consumer, stranger, nobody } = actors
  const projects = [consumer.projectId]
  const image = await images.queued()
  const malformed: [what: string, json: Json][] = [
    ['{}', {}],
    ['an array', []],
    ['a text', 'images'],
    ['images missing', { projects }],
    ['projects missing', { images: [image] }],
    ['no image', { images: [], projects }],
    ['no project', { images: [image], projects: [] }],
    ['images as text', { images: image, projects }],
    ['a number as image', { images: [5], projects }],
    ['a null as project', { images: [image], projects: [null] }],
  ]
  for (const method of ['POST', 'DELETE'] as const)
    for (const [what, json] of malformed)
      await own(`${method} of ${what} is 400 with IMG.0001`, async () => {
        expectCode(await call(owner, method, json), 400, 'IMG.0001')
      })
  for (const method of ['POST', 'PUT', 'DELETE'] as const) {
    await own(`${method} of nothing is 400 with IMG.0007`, async () => {
      expectCode(await owner.api.send(method, path), 400, 'IMG.0007')
    })
    await own(`${method} of what is no JSON is 400 with IMG.0001`, async () => {
      const answer = await owner.api.send(method, path, {
        body: '{"images":',
        headers: { 'content-type': 'application/json' },
      })
      expectCode(answer, 400, 'IMG.0001')
    })
    await own(`${method} without a token is 401, by a reader 403 with IMG.0026`, async () => {
      const body = { images: [image], projects, project_id: owner.projectId, status: 'accepted' }
      expectStatus(await nobody.send(method, path, { json: body }), 401)
      const { projects: _p, ...put } = body
      const { project_id: _i, status: _s, ...rest } = body
      expectCode(await call(ownerReader, method, method === 'PUT' ? put : rest), 403, 'IMG.0026')
    })
  }
  for (const status of ['pending', 'ACCEPTED', '', 'yes'])
    await own(`PUT of the status "${status}" is 400`, async () => {
      expectCode(
        await call(consumer, 'PUT', { images: [image], project_id: consumer.projectId, status }),
        400,
        'IMG.0001',
      )
    })

  await own('sharing with oneself is IMG.0076, 400', async () => {
    expectCode(await call(owner, 'POST', { images: [image], projects: [owner.projectId] }), 400, 'IMG.0076')
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [])
  })
  await own('an image that is not there, or not to be seen, is IMG.0027, and both alike', async () => {
    const hidden = await images.queued({ visibility: 'private' }, stranger)
    for (const id of [crypto.randomUUID(), hidden, 'not-an-id'])
      await failed(owner, 'POST', { images: [id], projects }, 'IMG.0027')
  })
  await own('the image of another that is visible is IMG.0047', async () => {
    const foreign = await images.queued({}, stranger)
    await images.share(foreign, owner, 'accepted')
    await failed(owner, 'POST', { images: [foreign], projects }, 'IMG.0047')
    await failed(owner, 'DELETE', { images: [foreign], projects }, 'IMG.0047')
  })
  await own('a public image is not shared: IMG.0089', async () => {
    const open = await images.queued({ visibility: 'public' })
    await failed(owner, 'POST', { images: [open], projects }, 'IMG.0089')
  })
  await own('a full image is IMG.0088', async () => {
    const full = await images.queued()
    const many = Array.from({ length: 129 }, unknownProject)
    await failed(owner, 'POST', { images: [full], projects: many }, 'IMG.0088')
    expectEqual(listAt((await owner.api.get(`/v2/images/${full}/members`)).json, 'members').length, 128, 'members')
  })
  await own('nobody answers for another project', async () => {
    await images.share(image, consumer)
    const body = { images: [image], project_id: consumer.projectId, status: 'accepted' }
    for (const actor of [stranger, owner]) expectCode(await call(actor, 'PUT', body), 400, 'IMG.0030')
    expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], 'pending')
  })
  await own('an answer where nothing is shared is IMG.0027', async () => {
    const foreign = await images.queued()
    const body = { images: [foreign], project_id: consumer.projectId, status: 'accepted' }
    await failed(consumer, 'PUT', body, 'IMG.0027')
  })
  await own('one pair that fails does not keep the others back, and its result says failed', async () => {
    const good = await images.queued()
    const job = await failed(owner, 'POST', { images: [good, crypto.randomUUID()], projects }, 'IMG.0027')
    const results = listAt(job.json, 'entities', 'results')
      .map((row) => at(row, 'status'))
      .sort()
    expectEqual(results, ['failed', 'success'], 'the results')
    expectMembers(await owner.api.get(`/v2/images/${good}/members`), projects)
  })
  await own('more than 1000 pairs are 400', async () => {
    const many = Array.from({ length: 1001 }, unknownProject)
    expectCode(await call(owner, 'POST', { images: [image], projects: many }), 400, 'IMG.0001')
  })
}

export const cloudImages: Group = {
  name: 'batch calls of Open Telekom Cloud',
  own: true,
  async run(scene) {
    await runJobs(scene)
    await runCodes(scene)
  },
}
