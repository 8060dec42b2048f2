import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExplanationDocument, ShareManyResult, StatisticsDocument, WithdrawalDocument } from '@vitrine/contract'
import { imageDocument, imageId, scripted } from '../test/fake-fetch.ts'
import { asJson, membershipDocument, shareDocument } from '../test/sharing-documents.ts'
import {
  ConflictError,
  HttpError,
  InvalidArgumentError,
  NotFoundError,
  OverLimitError,
  UnexpectedResponseError,
} from './errors.ts'
import { parseJson } from './json.ts'

const endsAt = new Date('2026-06-01T00:00:00Z')

/** An image, and what the service answers to the calls after. */
const shared = async (...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: imageDocument() }, ...script)
  const image = await cloud.images.getImage(imageId)
  const asked = () =>
    cloud.requests.slice(1).map(({ method, path, body }) => [method, path, body === '' ? undefined : parseJson(body)])
  return { image, images: cloud.images, asked }
}

const results = (...all: Partial<ShareManyResult['results'][number]>[]): { json: ReturnType<typeof asJson> } => ({
  json: asJson({
    applied: true,
    results: all.map((one) => ({ image_id: imageId, project: 'consumer', result: 'shared', error: null, ...one })),
  }),
})

test('an image tells of the share through which the project sees it, when it was asked for', async () => {
  const withMembership = { json: imageDocument({ membership: asJson(membershipDocument()) }) }
  const { images, requests } = scripted({}, withMembership, { json: imageDocument() }, withMembership)
  const image = await images.getImage(imageId, { include: 'membership' })
  assert.equal(requests[0]?.path, `/v2/images/${imageId}?include=membership`)
  assert.deepEqual(image.membership, {
    status: 'pending',
    sharedBy: 'producer',
    producer: 'acme',
    sharedAt: new Date('2026-03-01T00:00:00Z'),
    message: 'For the new cluster',
    endsAt,
    withdrawn: false,
    keyState: 'not_needed',
  })
  await image.refresh()
  assert.equal(requests[1]?.path, `/v2/images/${imageId}?include=membership`)
  assert.equal(image.membership, undefined)
})

test('images of a list tell of their shares when that was asked for', async () => {
  const listed = imageDocument({ membership: asJson(membershipDocument({ message: null, ends_at: null })) })
  const { images, requests } = scripted({}, { json: { images: [listed, imageDocument()] } })
  const [first, second] = await images.listImages({ include: 'membership', memberStatus: 'all' }).toArray()
  assert.equal(requests[0]?.path, '/v2/images?include=membership&member_status=all')
  assert.deepEqual([first?.membership?.message, first?.membership?.endsAt], [null, null])
  assert.equal(second?.membership, undefined)
})

test('a custom property of that name is no membership, and a broken membership is not taken for one', async () => {
  const { images } = scripted(
    {},
    { json: imageDocument({ membership: 'gold' }) },
    { json: imageDocument({ membership: {} }) },
  )
  const image = await images.getImage(imageId)
  assert.equal(image.membership, undefined)
  assert.equal(image.get('membership'), 'gold')
  const broken = await images.getImage(imageId)
  assert.throws(() => broken.membership, UnexpectedResponseError)
})

test('an image is shared with a message and an end', async () => {
  const { image, asked } = await shared(results({}))
  const result = await image.share('consumer', { message: 'Hello', endsAt })
  assert.deepEqual(result, { imageId, project: 'consumer', result: 'shared', error: null })
  const body = {
    action: 'share',
    images: [imageId],
    projects: ['consumer'],
    message: 'Hello',
    ends_at: '2026-06-01T00:00:00.000Z',
  }
  assert.deepEqual(asked(), [['POST', '/v2/shares', body]])
})

test('a share that fails is thrown in the class of its own status', async () => {
  const classes: [number, typeof HttpError][] = [
    [404, NotFoundError],
    [409, ConflictError],
    [413, OverLimitError],
    [418, HttpError],
  ]
  for (const [status, Class] of classes) {
    const error = { status, code: 'member_quota', message: 'An image may have 128 members.' }
    const { image } = await shared(results({ result: 'failed', error }))
    await assert.rejects(image.share('consumer'), (thrown) => {
      assert.ok(thrown instanceof Class)
      assert.deepEqual([thrown.status, thrown.message, thrown.method], [status, error.message, 'POST'])
      assert.equal(thrown.url, 'https://image.example.org/v2/shares')
      assert.deepEqual(thrown.body, { error: { code: 'member_quota', message: error.message } })
      return true
    })
  }
})

test('an encrypted image is shared together with the right to read it', async () => {
  const { image, images, asked } = await shared(results({}), results({}))
  await image.share('consumer', { grant: true })
  await images.shareMany({ images: [imageId], projects: ['consumer'], grant: true })
  const body = { action: 'share', images: [imageId], projects: ['consumer'], grant: true }
  assert.deepEqual(asked(), [
    ['POST', '/v2/shares', body],
    ['POST', '/v2/shares', body],
  ])
})

test('what an older service, which knows no keys, tells of a share is understood', async () => {
  const { key_state: _, ...older } = shareDocument()
  const { image } = await shared({ json: { shares: [asJson(older), asJson(shareDocument({ key_state: 'revoked' }))] } })
  const shares = await image.listShares().toArray()
  assert.deepEqual(
    shares.map(({ keyState }) => keyState),
    ['not_needed', 'revoked'],
  )
})

test('an answer that tells nothing of the share is not taken for success', async () => {
  const { image } = await shared(results())
  await assert.rejects(image.share('consumer'), UnexpectedResponseError)
})

test('what cannot be shared is refused before any request', async () => {
  const { image, asked } = await shared()
  await assert.rejects(image.share(''), InvalidArgumentError)
  await assert.rejects(image.share('consumer', { endsAt: new Date('x') }), InvalidArgumentError)
  assert.deepEqual(asked(), [])
})

test('many images are shared with many projects, and failures are told, not thrown', async () => {
  const error = { status: 404, code: 'image_not_found', message: 'No image b.' }
  const { images, asked } = await shared(results({}, { image_id: 'b', result: 'failed', error }))
  const pairs = { images: [imageId, 'b'], projects: ['consumer', 12345, 'team@default'] }
  const outcome = await images.shareMany({ ...pairs, atomic: true, dryRun: true })
  assert.equal(outcome.applied, true)
  assert.deepEqual(
    outcome.results.map((one) => [one.imageId, one.result, one.error]),
    [
      [imageId, 'shared', null],
      ['b', 'failed', error],
    ],
  )
  const projects = ['consumer', '12345', 'team@default']
  assert.deepEqual(asked(), [
    ['POST', '/v2/shares', { action: 'share', images: [imageId, 'b'], projects, atomic: true, dry_run: true }],
  ])
})

test('many shares are ended', async () => {
  const { images, asked } = await shared(results({ result: 'unshared' }))
  const { results: ended } = await images.unshareMany({ images: [imageId], projects: ['consumer'] })
  assert.equal(ended[0]?.result, 'unshared')
  assert.deepEqual(asked(), [['POST', '/v2/shares', { action: 'unshare', images: [imageId], projects: ['consumer'] }]])
})

test('the producer reads its shares and changes their terms', async () => {
  const changed = shareDocument({ message: 'New', usage: null })
  const { image, asked } = await shared({ json: { shares: [asJson(shareDocument())] } }, { json: asJson(changed) })
  const [share] = await image.listShares().toArray()
  assert.ok(share)
  assert.deepEqual(share.usage, { downloads: 3, lastUsedWeek: '2026-02-23' })
  assert.deepEqual(share.answeredAt, new Date('2026-03-02T00:00:00Z'))
  assert.equal(await share.update({ message: 'New', endsAt: null }), share)
  assert.deepEqual([share.message, share.usage, share.projectId], ['New', null, 'consumer'])
  assert.deepEqual(asked().at(-1), [
    'PATCH',
    `/v2/images/${imageId}/shares/consumer`,
    { message: 'New', ends_at: null },
  ])
})

const withdrawal = (changes: Partial<WithdrawalDocument> = {}): { json: ReturnType<typeof asJson> } => {
  const document: WithdrawalDocument = {
    image_id: imageId,
    accepted: 2,
    waiting: 1,
    rejected: 0,
    downloads: 7,
    last_used_week: '2026-02-23',
    invitations: 1,
    requests: 0,
    listing: null,
    planned: null,
    ...changes,
  }
  return { json: asJson(document) }
}

test('a withdrawal is looked at, announced and taken back', async () => {
  const planned = { at: '2026-06-01T00:00:00Z', delete_image: true, message: null, projects: ['consumer'] }
  const { image, asked } = await shared(withdrawal(), withdrawal({ planned }), { status: 204 })
  const before = await image.getWithdrawal()
  assert.deepEqual([before.accepted, before.waiting, before.lastUsedWeek, before.planned], [2, 1, '2026-02-23', null])
  const after = await image.withdraw({ projects: ['consumer', 5], at: endsAt, deleteImage: true, message: 'Old' })
  assert.deepEqual(after.planned, { at: endsAt, deleteImage: true, message: null, projects: ['consumer'] })
  await image.cancelWithdrawal()
  const path = `/v2/images/${imageId}/withdrawal`
  assert.deepEqual(asked(), [
    ['GET', path, undefined],
    ['POST', path, { at: '2026-06-01T00:00:00.000Z', delete_image: true, message: 'Old', projects: ['consumer', '5'] }],
    ['DELETE', path, undefined],
  ])
})

test('counts and reasons are read', async () => {
  const statistics: StatisticsDocument = {
    image_id: imageId,
    accepted: 2,
    waiting: 1,
    rejected: 0,
    downloads: 7,
    last_used_week: null,
    by_listing: { path: '/catalogue/producers/acme/debian-13', requests: 3, accepted: 2, downloads: 5 },
  }
  const explanation: ExplanationDocument = {
    image_id: imageId,
    project_id: 'consumer',
    see: true,
    list: false,
    download: true,
    reasons: [{ rule: 'membership', effect: 'hides', text: 'The share waits for an answer.' }],
  }
  const { image, asked } = await shared(
    { json: asJson(statistics) },
    { json: asJson(explanation) },
    { json: asJson(explanation) },
  )
  const counted = await image.getStatistics()
  assert.deepEqual([counted.lastUsedWeek, counted.byListing?.requests], [null, 3])
  const why = await image.explain()
  assert.deepEqual([why.see, why.list, why.download, why.reasons[0]?.effect], [true, false, true, 'hides'])
  await image.explain('a b')
  assert.deepEqual(
    asked().map(([, path]) => path),
    ['statistics', 'explain', 'explain?project=a+b'].map((end) => `/v2/images/${imageId}/${end}`),
  )
})
