import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageId, scripted } from '../test/fake-fetch.ts'
import { asJson, requestDocument } from '../test/sharing-documents.ts'
import { ConflictError, TooManyRequestsError } from './errors.ts'
import { parseJson } from './json.ts'

const receipt = {
  state: 'unconfirmed',
  message: 'Look into your mail.',
  track: 'https://x.example.org/catalogue/requests/T',
}

test('access is asked for, for the own project or another', async () => {
  const { images, requests } = scripted({}, { status: 202, json: receipt })
  const asked = { listing: 'acme/debian-13', email: 'joe@example.org' }
  assert.deepEqual(await images.requestAccess(asked), receipt)
  await images.requestAccess({ ...asked, project: 12345, message: 'Please' })
  assert.deepEqual(
    requests.map(({ method, path, body }) => [method, path, parseJson(body)]),
    [
      ['POST', '/v2/access-requests', asked],
      ['POST', '/v2/access-requests', { ...asked, project: '12345', message: 'Please' }],
    ],
  )
})

test('too many requests say when to come back', async () => {
  const { images, requests } = scripted({}, { status: 429, headers: { 'retry-after': '90' } })
  await assert.rejects(
    images.requestAccess({ listing: 'acme/debian-13', email: 'joe@example.org' }),
    (error) => error instanceof TooManyRequestsError && error.retryAfterSeconds === 90,
  )
  assert.equal(requests.length, 1)
})

test('the producer approves and denies', async () => {
  const approved = requestDocument({ state: 'approved', decided_at: '2026-03-02T00:00:00Z' })
  const denied = requestDocument({ id: 'r2', state: 'denied', reason: 'No.' })
  const { images, requests } = scripted(
    {},
    {
      json: {
        requests: [asJson(requestDocument())],
        first: '/v2/access-requests',
        next: '/v2/access-requests?marker=r1',
      },
    },
    { json: { requests: [asJson(requestDocument({ id: 'r2' }))], first: '/v2/access-requests' } },
    { json: asJson(approved) },
    { json: asJson(denied) },
  )
  const [one, two] = await images.listAccessRequests({ state: 'waiting', image: imageId }).toArray()
  assert.ok(one && two)
  assert.deepEqual(
    [one.state, one.projectProven, one.confirmedAt],
    ['waiting', false, new Date('2026-03-01T00:01:00Z')],
  )
  const endsAt = new Date('2026-06-01T00:00:00Z')
  assert.equal(await one.approve({ message: 'Welcome', endsAt, grant: true }), one)
  assert.deepEqual([one.state, one.decidedAt], ['approved', new Date('2026-03-02T00:00:00Z')])
  await two.deny('No.')
  assert.deepEqual([two.state, two.reason], ['denied', 'No.'])
  assert.deepEqual(
    requests.map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)]),
    [
      ['GET', `/v2/access-requests?state=waiting&image=${imageId}`, ''],
      ['GET', '/v2/access-requests?marker=r1', ''],
      [
        'POST',
        '/v2/access-requests/r1/approve',
        { message: 'Welcome', ends_at: '2026-06-01T00:00:00.000Z', grant: true },
      ],
      ['POST', '/v2/access-requests/r2/deny', { reason: 'No.' }],
    ],
  )
})

test('a request that was decided already stays as it was read', async () => {
  const { images } = scripted({}, { json: asJson(requestDocument()) }, { status: 409 })
  const request = await images.getAccessRequest('r1')
  await assert.rejects(request.approve(), ConflictError)
  assert.equal(request.state, 'waiting')
})
