import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { meaningsOf, type Told } from './meaning.ts'

const event = (given: Partial<Told>): Told => ({
  id: 'e',
  type: 'member.create',
  image_id: 'i',
  member_id: 'consumer',
  project_id: 'producer',
  created_at: 0,
  ownerId: 'producer',
  detail: {},
  ...given,
})

describe('what an event means', () => {
  const cases: [Partial<Told>, string[]][] = [
    [{ type: 'member.create' }, ['share.created consumer']],
    [{ type: 'member.create', project_id: 'consumer' }, []],
    [{ type: 'member.update', project_id: 'consumer', detail: { to: 'accepted' } }, ['share.answered producer']],
    [{ type: 'member.update', project_id: 'consumer', detail: { to: 'rejected' } }, ['share.answered producer']],
    [{ type: 'member.update', project_id: 'consumer', detail: { to: 'pending' } }, []],
    [{ type: 'member.expiring', project_id: null }, ['share.expiring consumer']],
    [{ type: 'member.withdraw' }, ['share.withdrawing consumer']],
    [{ type: 'member.keep' }, ['share.kept consumer']],
    [{ type: 'member.keep', detail: { status: 'rejected' } }, []],
    [{ type: 'member.delete', detail: { status: 'accepted' } }, ['share.withdrawn consumer']],
    [{ type: 'member.delete', detail: { status: 'rejected' } }, []],
    [{ type: 'member.withdraw', detail: { status: 'rejected' } }, []],
    [{ type: 'member.delete', project_id: 'consumer', detail: { status: 'accepted' } }, []],
    [{ type: 'request.receive', member_id: null, project_id: null }, ['request.received producer']],
    [{ type: 'invitation.create', member_id: null, detail: {} }, []],
    [
      { type: 'invitation.create', member_id: null, detail: { addressee: 'Web@Default' } },
      ['invitation.received name web@default'],
    ],
    [{ type: 'listing.publish', member_id: null }, ['listing.published everyone']],
    [{ type: 'image.update', member_id: null }, []],
    [{ type: 'rule.report' }, []],
  ]
  for (const [given, wanted] of cases) {
    it(`${given.type} ${JSON.stringify(given.detail ?? {})} by ${given.project_id}: ${wanted.join() || 'nothing'}`, () => {
      const found = meaningsOf(event(given)).map(({ kind, audience }) => {
        const whom =
          'projectId' in audience ? audience.projectId : audience.to === 'name' ? `name ${audience.name}` : audience.to
        return `${kind} ${whom}`
      })
      assert.deepEqual(found, wanted)
    })
  }
})
