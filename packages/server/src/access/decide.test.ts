import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { visibilities } from '@vitrine/contract'
import { expandRoles } from './actor.ts'
import { type Action, actions, type Decision, decide } from './decide.ts'

const project = 'producer'

/** Who can stand how to an image; `row` is what a call on one member finds. */
const actors = {
  admin: { project: 'operator', roles: ['admin'], isMember: false },
  owner: { project, roles: ['member'], isMember: false },
  ownerReading: { project, roles: ['reader'], isMember: false },
  ownerMember: { project, roles: ['member'], isMember: true },
  member: { project: 'consumer', roles: ['member'], isMember: true },
  memberReading: { project: 'consumer', roles: ['reader'], isMember: true },
  stranger: { project: 'stranger', roles: ['member'], isMember: false },
  strangerReading: { project: 'stranger', roles: ['reader'], isMember: false },
  roleless: { project: 'consumer', roles: [], isMember: true },
  unscoped: { project: null, roles: [], isMember: false },
} as const
type Name = keyof typeof actors

type Cell = Partial<Record<Action, Decision>>
const all = (decision: Decision): Cell => Object.fromEntries(actions.map((action) => [action, decision]))
const onMembers = (decision: Decision, ofShow: Decision = decision): Cell => ({
  'member.list': decision,
  'member.show': ofShow,
  'member.create': decision,
  'member.update': decision,
  'member.delete': decision,
  'member.invite': decision,
})

/** What is expected of an actor for an image that is shared and for a row of its own or of another project. */
const shared: Record<Name, { own: Cell; other: Cell; missing: Cell }> = (() => {
  const rows = (base: Cell, own: Cell, other: Cell) =>
    ({
      own: { ...base, ...own },
      other: { ...base, ...other },
      missing: {
        ...base,
        'member.show': 'hide_member',
        'member.update': 'hide_member',
        'member.delete': 'hide_member',
      },
    }) satisfies { own: Cell; other: Cell; missing: Cell }
  const hiddenRow: Cell = {
    'member.show': 'hide_member',
    'member.update': 'hide_member',
    'member.delete': 'hide_member',
  }
  const ownerBase: Cell = {
    'image.show': 'allow',
    'image.download': 'allow',
    'image.link': 'allow',
    'image.change': 'allow',
    'image.stores': 'deny',
    'image.locations': 'role',
    'image.events': 'allow',
    'image.publish': 'allow',
    'image.explain': 'allow',
    'share.list': 'allow',
    'member.invite': 'allow',
    'member.list': 'allow',
    'member.create': 'allow',
  }
  const ownerRow: Cell = { 'member.show': 'allow', 'member.update': 'deny', 'member.delete': 'allow' }
  const readerBase: Cell = {
    ...ownerBase,
    'image.download': 'role',
    'image.link': 'role',
    'image.change': 'role',
    'image.stores': 'deny',
    'image.locations': 'role',
    'image.publish': 'role',
    'member.create': 'role',
    'member.invite': 'role',
  }
  const readerRow: Cell = { 'member.show': 'allow', 'member.update': 'deny', 'member.delete': 'role' }
  const memberBase: Cell = {
    'image.show': 'allow',
    'image.download': 'allow',
    'image.link': 'allow',
    'image.change': 'deny',
    'image.stores': 'deny',
    'image.locations': 'role',
    'image.events': 'allow',
    'image.publish': 'deny',
    'image.explain': 'allow',
    'share.list': 'deny',
    'member.invite': 'deny',
    'member.list': 'allow',
    'member.create': 'deny',
  }
  const nothing = { own: all('hide'), other: all('hide'), missing: all('hide') }
  return {
    admin: rows(
      { ...ownerBase, 'image.stores': 'allow', 'image.locations': 'allow' },
      { 'member.show': 'allow', 'member.update': 'allow', 'member.delete': 'allow' },
      { 'member.show': 'allow', 'member.update': 'allow', 'member.delete': 'allow' },
    ),
    owner: rows(ownerBase, ownerRow, ownerRow),
    ownerReading: rows(readerBase, readerRow, readerRow),
    ownerMember: rows(ownerBase, ownerRow, ownerRow),
    member: rows(memberBase, { 'member.show': 'allow', 'member.update': 'allow', 'member.delete': 'deny' }, hiddenRow),
    memberReading: rows(
      { ...memberBase, 'image.download': 'role', 'image.link': 'role' },
      { 'member.show': 'allow', 'member.update': 'role', 'member.delete': 'deny' },
      hiddenRow,
    ),
    stranger: nothing,
    strangerReading: nothing,
    roleless: nothing,
    unscoped: nothing,
  }
})()

const notMember = onMembers('not_shared', 'hide_member')
const canSee: Cell = {
  'image.show': 'allow',
  'image.download': 'allow',
  'image.link': 'allow',
  'image.change': 'deny',
  'image.stores': 'deny',
  'image.locations': 'role',
  'image.events': 'deny',
  'image.publish': 'deny',
  'image.explain': 'allow',
  'share.list': 'deny',
}
const everything: Cell = {
  'image.show': 'allow',
  'image.download': 'allow',
  'image.link': 'allow',
  'image.change': 'allow',
  'image.stores': 'deny',
  'image.locations': 'role',
  'image.events': 'allow',
  'image.publish': 'allow',
  'image.explain': 'allow',
  'share.list': 'allow',
}
const reading: Cell = {
  'image.show': 'allow',
  'image.download': 'role',
  'image.link': 'role',
  'image.change': 'role',
  'image.stores': 'deny',
  'image.locations': 'role',
  'image.events': 'allow',
  'image.publish': 'role',
  'image.explain': 'allow',
  'share.list': 'allow',
}

const privateImage: Record<Name, Cell> = {
  admin: { ...everything, 'image.stores': 'allow', 'image.locations': 'allow', ...notMember },
  owner: { ...everything, ...notMember },
  ownerReading: { ...reading, ...notMember },
  ownerMember: { ...everything, ...notMember },
  member: all('hide'),
  memberReading: all('hide'),
  stranger: all('hide'),
  strangerReading: all('hide'),
  roleless: all('hide'),
  unscoped: all('hide'),
}

const openImage: Record<Name, Cell> = {
  ...privateImage,
  member: { ...canSee, ...notMember },
  memberReading: { ...canSee, 'image.download': 'role', 'image.link': 'role', ...notMember },
  stranger: { ...canSee, ...notMember },
  strangerReading: { ...canSee, 'image.download': 'role', 'image.link': 'role', ...notMember },
}

const expected = (name: Name, visibility: (typeof visibilities)[number], row: 'own' | 'other' | null): Cell => {
  if (visibility === 'shared') return shared[name][row ?? 'missing']
  return visibility === 'private' ? privateImage[name] : openImage[name]
}

describe('who may do what: every actor x visibility x member row x action', () => {
  for (const name of Object.keys(actors) as Name[]) {
    for (const visibility of visibilities) {
      for (const row of ['own', 'other', null] as const) {
        it(`${name}, ${visibility} image, ${row ?? 'no'} row`, () => {
          const { project: projectId, roles, isMember } = actors[name]
          const actor = { userId: 'u', userName: null, projectNames: [], projectId, roles: expandRoles(roles) }
          const image = { owner: project, visibility }
          const decided = Object.fromEntries(
            actions.map((action) => [action, decide(actor, action, image, { actorIsMember: isMember, row })]),
          )
          assert.deepEqual(decided, expected(name, visibility, row))
        })
      }
    }
  }

  it('shows an image without owner to everyone, and lets only an administrator change it', () => {
    const stranger = { userId: 'u', userName: null, projectNames: [], projectId: 'x', roles: expandRoles(['member']) }
    const admin = { ...stranger, roles: expandRoles(['admin']) }
    const image = { owner: null, visibility: 'private' } as const
    assert.equal(decide(stranger, 'image.show', image, { actorIsMember: false }), 'allow')
    assert.equal(decide(stranger, 'image.change', image, { actorIsMember: false }), 'deny')
    assert.equal(decide(admin, 'image.change', image, { actorIsMember: false }), 'allow')
  })

  it('never takes a caller without project for the owner of an image without owner', () => {
    const unscoped = { userId: 'u', userName: null, projectNames: [], projectId: null, roles: expandRoles(['member']) }
    const image = { owner: null, visibility: 'shared' } as const
    assert.equal(decide(unscoped, 'image.change', image, { actorIsMember: false }), 'deny')
  })
})

describe('roles', () => {
  it('imply the lesser ones, in any letter case; unknown ones count for nothing', () => {
    assert.deepEqual([...expandRoles(['Member'])].sort(), ['member', 'reader'])
    assert.deepEqual([...expandRoles(['ADMIN'])].sort(), ['admin', 'manager', 'member', 'reader'])
    assert.deepEqual([...expandRoles(['creator', '__proto__', 'constructor'])], [])
  })
})
