import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageDocument, imageId, memberDocument, scripted } from '../test/fake-fetch.ts'
import { asJson, invitationDocument } from '../test/sharing-documents.ts'
import { NotFoundError } from './errors.ts'
import { parseJson } from './json.ts'

test('an invitation is made, read and revoked', async () => {
  const made = invitationDocument({ code: 'vtr-abcd-efgh', ends_at: '2026-06-01T00:00:00Z', grant: true })
  const { images, requests } = scripted(
    {},
    { json: imageDocument() },
    { status: 201, json: asJson(made) },
    { json: { invitations: [asJson(invitationDocument({ claims: [] }))], first: '/v2/invitations' } },
    { json: asJson(invitationDocument()) },
    { status: 204 },
  )
  const image = await images.getImage(imageId)
  const endsAt = new Date('2026-06-01T00:00:00Z')
  const invitation = await image.invite({
    uses: 5,
    status: 'accepted',
    emailDomain: 'example.org',
    endsAt,
    grant: true,
  })
  assert.deepEqual(
    [invitation.code, invitation.endsAt, invitation.uses, invitation.grant],
    ['vtr-abcd-efgh', endsAt, 5, true],
  )
  const [listed] = await images.listInvitations({ image: imageId }).toArray()
  assert.deepEqual([listed?.code, listed?.claims], [undefined, []])
  const shown = await images.getInvitation('i1')
  assert.deepEqual(shown.claims, [{ projectId: 'consumer', claimedAt: new Date('2026-03-02T00:00:00Z') }])
  await shown.revoke()
  assert.deepEqual(
    requests.slice(1).map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)]),
    [
      [
        'POST',
        '/v2/invitations',
        {
          image_id: imageId,
          uses: 5,
          status: 'accepted',
          email_domain: 'example.org',
          ends_at: '2026-06-01T00:00:00.000Z',
          grant: true,
        },
      ],
      ['GET', `/v2/invitations?image=${imageId}`, ''],
      ['GET', '/v2/invitations/i1', ''],
      ['DELETE', '/v2/invitations/i1', ''],
    ],
  )
})

test('an invitation is made for an image that is known by its id', async () => {
  const { images, requests } = scripted(
    {},
    { status: 201, json: asJson(invitationDocument({ project: 'team@default' })) },
  )
  const invitation = await images.createInvitation({ imageId, project: 'team@default' })
  assert.equal(invitation.project, 'team@default')
  assert.deepEqual(parseJson(requests[0]?.body ?? ''), { image_id: imageId, project: 'team@default' })
})

test('whoever claims becomes a member', async () => {
  const { images, requests } = scripted({}, { json: memberDocument() }, { json: memberDocument() }, { status: 404 })
  assert.equal((await images.claimInvitation({ code: 'vtr-abcd' })).imageId, imageId)
  await images.claimInvitation({ invitation: 'i1' })
  assert.deepEqual(
    requests.map(({ method, path, body }) => [method, path, parseJson(body)]),
    [
      ['POST', '/v2/invitation-claims', { code: 'vtr-abcd' }],
      ['POST', '/v2/invitation-claims', { invitation: 'i1' }],
    ],
  )
  await assert.rejects(images.claimInvitation({ code: 'wrong' }), NotFoundError)
})
