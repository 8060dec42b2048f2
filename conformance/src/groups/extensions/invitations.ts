import { InvitationSchema, InvitationsSchema, MemberSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectMembers, expectStatus, header, imageIds } from '../../expect.ts'
import { dayS, expectRefusal, inSeconds, unique, walk } from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'

type Body = { [key: string]: Json }

const codeForm = /^vtr-[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z-]{26,40}$/

const invite = async (actor: Actor, image: string, body: Body = {}) => {
  const answer = expectDocument(
    expectStatus(await actor.api.post('/v2/invitations', { image_id: image, ...body }), 201),
    InvitationSchema,
  )
  return { answer, id: stringAt(answer.json, 'id'), code: String(at(answer.json, 'code')) }
}

const claim = (actor: Actor, code: string): Promise<Answer> => actor.api.post('/v2/invitation-claims', { code })

const shown = async (actor: Actor, id: string): Promise<Answer> =>
  expectDocument(expectStatus(await actor.api.get(`/v2/invitations/${id}`), 200), InvitationSchema)

const runCodes = async ({ actors, images, own }: Scene) => {
  const { owner, ownerReader, consumer, other, stranger } = actors

  await own('a code is shown once, ends in 14 days, and is for one project', async () => {
    const { answer, id, code } = await invite(owner, await images.queued())
    expectMatch(code, codeForm, 'the code')
    const { uses, used, state, status, claims, hint } = objectAt(answer.json)
    expectEqual([uses, used, state, status, claims], [1, 0, 'open', 'pending', []], 'the invitation')
    const days = (Date.parse(stringAt(answer.json, 'expires_at')) - Date.now()) / dayS / 1000
    if (days < 13.9 || days > 14.1) throw new Error(`it ends in ${days} days`)
    if (!code.startsWith(String(hint)) || String(hint).length > 12) throw new Error(`the hint of ${code} is ${hint}`)
    for (const actor of [owner, ownerReader]) {
      const again = await shown(actor, id)
      expectField(again, ['code'], undefined)
      const list = expectDocument(expectStatus(await actor.api.get('/v2/invitations'), 200), InvitationsSchema)
      if (list.text.includes(code) || again.text.includes(code)) throw new Error('the code is told a second time')
    }
    const ids = (await walk(owner.api, '/v2/invitations?limit=3', 'invitations')).map((item) => at(item, 'id'))
    expectEqual(ids.filter((other) => other === id).length, 1, 'times that it is listed')
  })
  await own('whoever has the code claims it for its project: pending, and visible', async () => {
    const image = await images.active()
    const { id, code } = await invite(owner, image)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    const answer = expectDocument(expectStatus(await claim(consumer, code), 200), MemberSchema)
    expectField(answer, ['status'], 'pending')
    expectField(answer, ['member_id'], consumer.projectId)
    expectField(answer, ['image_id'], image)
    expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
    const after = await shown(owner, id)
    expectField(after, ['state'], 'used')
    expectField(after, ['used'], 1)
    expectField(after, ['claims', 0, 'project_id'], consumer.projectId)
  })
  await own('a used code is 410 for others, and answers the membership to who claimed it', async () => {
    const { code } = await invite(owner, await images.queued())
    const first = expectStatus(await claim(consumer, code), 200)
    expectEqual(expectStatus(await claim(consumer, code), 200).json, first.json, 'the membership')
    expectRefusal(await claim(other, code), 410)
  })
  await own('who is a member already uses nothing up', async () => {
    const image = await images.queued()
    await images.share(image, consumer, 'rejected')
    const { id, code } = await invite(owner, image)
    expectField(expectStatus(await claim(consumer, code), 200), ['status'], 'rejected')
    expectField(await shown(owner, id), ['used'], 0)
    expectStatus(await claim(other, code), 200)
  })
  await own('a code is read as people write it: any case, O for 0, I and L for 1, without hyphens', async () => {
    const rewrites: ((code: string) => string)[] = [
      (code) => code.toUpperCase(),
      (code) => code.toLowerCase(),
      (code) => code.replaceAll('0', 'O').replaceAll('1', 'I'),
      (code) => code.replaceAll('0', 'o').replaceAll('1', 'l'),
      (code) => `vtr-${code.slice(4).replaceAll('-', '')}`,
    ]
    for (const rewrite of rewrites) {
      const { code } = await invite(owner, await images.queued())
      expectStatus(await claim(consumer, rewrite(code)), 200)
    }
  })
  await own('an invitation may say accepted, message and end', async () => {
    const image = await images.active()
    const ends = inSeconds(5 * dayS)
    const { code } = await invite(owner, image, { status: 'accepted', message: 'come in', ends_at: ends })
    expectField(expectStatus(await claim(consumer, code), 200), ['status'], 'accepted')
    expectEqual(imageIds(await consumer.api.get(`/v2/images?id=${image}`)), [image], 'the list')
    const { message, ends_at } = objectAt(
      (await consumer.api.get(`/v2/images/${image}?include=membership`)).json,
      'membership',
    )
    expectEqual([message, ends_at], ['come in', ends], 'the terms')
  })
  await own('a code for two is for two', async () => {
    const image = await images.queued()
    const { code } = await invite(owner, image, { uses: 2 })
    for (const actor of [consumer, other]) expectStatus(await claim(actor, code), 200)
    expectRefusal(await claim(stranger, code), 410)
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [consumer.projectId, other.projectId])
  })
  await own('the own image is not claimed', async () => {
    const { code } = await invite(owner, await images.queued())
    expectRefusal(await claim(owner, code), 403)
  })
}

const runEnds = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other } = actors
  await own('an expired code is 410', async () => {
    const { id, code } = await invite(owner, await images.queued(), { expires_at: inSeconds(1) })
    await eventually(
      async () => stringAt((await shown(owner, id)).json, 'state'),
      (state) => state === 'expired',
      'the end of the invitation',
    )
    expectRefusal(await claim(consumer, code), 410)
  })
  await own('a revoked code is 410; members who came by it stay', async () => {
    const image = await images.queued()
    const { id, code } = await invite(owner, image, { uses: 5 })
    expectStatus(await claim(consumer, code), 200)
    expectStatus(await owner.api.delete(`/v2/invitations/${id}`), 204)
    expectField(await shown(owner, id), ['state'], 'revoked')
    expectRefusal(await claim(other, code), 410)
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [consumer.projectId])
  })
  await own('a code of an image that is private now is 403, of a deleted one 404 or 410', async () => {
    const image = await images.queued()
    const { code } = await invite(owner, image, { uses: 5 })
    const visibility = async (value: string) =>
      expectStatus(await owner.api.patch(`/v2/images/${image}`, [{ op: 'replace', path: '/visibility', value }]), 200)
    await visibility('private')
    const told = expectRefusal(await claim(consumer, code), 403)
    if (told.includes(image)) throw new Error('the refusal tells the id of the image')
    await visibility('shared')
    expectStatus(await claim(consumer, code), 200)
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    expectRefusal(await claim(other, code), 404, 410)
  })
  await own('a claim race on the last use: 20 at once, one project wins', async () => {
    const cast = [consumer, other, actors.stranger, actors.admin]
    for (let round = 0; round < 3; round++) {
      const image = await images.queued()
      const { id, code } = await invite(owner, image, { uses: 2 })
      const first = await claim(consumer, code)
      expectStatus(first, 200)
      const rivals = cast.slice(1)
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => rivals[index % rivals.length] ?? other).map(async (actor) => ({
          actor,
          answer: expectStatus(await claim(actor, code), 200, 410),
        })),
      )
      const winners = new Set(answers.filter(({ answer }) => answer.status === 200).map(({ actor }) => actor.projectId))
      expectEqual(winners.size, 1, 'the projects that won')
      expectMembers(await owner.api.get(`/v2/images/${image}/members`), [consumer.projectId, ...winners])
      const after = await shown(owner, id)
      expectField(after, ['used'], 2)
      expectEqual(listAt(after.json, 'claims').length, 2, 'the claims')
    }
  })
  await own('claim racing revoke: a member, or 410, and never one without the other', async () => {
    for (let round = 0; round < 8; round++) {
      const image = await images.queued()
      const { id, code } = await invite(owner, image)
      const [claimed] = await Promise.all([claim(consumer, code), owner.api.delete(`/v2/invitations/${id}`)])
      expectStatus(claimed, 200, 410)
      const member = await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`)
      expectEqual(member.status, claimed.status === 200 ? 200 : 404, 'the membership')
    }
  })
}

const runNamed = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other } = actors
  const waitingFor = async (actor: Actor, message: string) => {
    const items = await walk(actor.api, '/v2/inbox', 'items')
    return items.find((item) => at(item, 'invitation', 'message') === message)
  }
  await own('an invitation to name@domain has no code, and waits in the inbox of that project alone', async () => {
    const message = unique()
    const { answer } = await invite(owner, await images.active(), { project: consumer.projectName, message })
    expectField(answer, ['code'], undefined)
    expectField(answer, ['hint'], null)
    const item = await waitingFor(consumer, message)
    expectEqual(at(item, 'invitation', 'shared_by'), owner.projectId, 'shared_by')
    expectEqual(await waitingFor(other, message), undefined, 'what waits for another')
  })
  await own('the name is read in any case', async () => {
    const message = unique()
    await invite(owner, await images.queued(), { project: consumer.projectName.toUpperCase(), message })
    if ((await waitingFor(consumer, message)) === undefined) throw new Error('nothing waits')
  })
  await own('only the project of that name claims it', async () => {
    const image = await images.active()
    const { id } = await invite(owner, image, { project: consumer.projectName })
    expectRefusal(await other.api.post('/v2/invitation-claims', { invitation: id }), 404)
    const answer = expectStatus(await consumer.api.post('/v2/invitation-claims', { invitation: id }), 200)
    expectField(answer, ['member_id'], consumer.projectId)
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [consumer.projectId])
  })
  await own('the id of an invitation with a code claims nothing', async () => {
    const { id } = await invite(owner, await images.queued())
    expectRefusal(await consumer.api.post('/v2/invitation-claims', { invitation: id }), 404)
  })
  await own('enumeration of projects: the answer is the same whether the name exists', async () => {
    const image = await images.queued()
    const tell = async (name: string) => {
      const { answer, id } = await invite(owner, image, { project: name })
      const { created_at: _at, expires_at: _until, ...rest } = objectAt(answer.json)
      return JSON.stringify(rest).toLowerCase().replaceAll(id, 'ID').replaceAll(name.toLowerCase(), 'NAME')
    }
    const absent = `${unique()}@${consumer.projectName.replace(/^.*@/, '')}`
    expectEqual(await tell(absent), await tell(consumer.projectName), 'the answer')
  })
  await own('one name has one open invitation to an image at a time', async () => {
    const image = await images.queued()
    const name = `${unique()}@example`
    const { id } = await invite(owner, image, { project: name })
    expectRefusal(await owner.api.post('/v2/invitations', { image_id: image, project: name }), 409)
    for (let times = 0; times < 2; times++) expectStatus(await owner.api.delete(`/v2/invitations/${id}`), 204)
    await invite(owner, image, { project: name })
  })
  await own('an invitation that is declined leaves the inbox', async () => {
    const message = unique()
    const { id } = await invite(owner, await images.queued(), { project: consumer.projectName, message })
    const answered = await consumer.api.post('/v2/inbox/answers', { answer: 'rejected', invitations: [id] })
    expectField(expectStatus(answered, 200), ['results', 0, 'result'], 'rejected')
    expectEqual(await waitingFor(consumer, message), undefined, 'what waits')
  })
}

const badInvitations: [what: string, body: Body][] = [
  ['no use', { uses: 0 }],
  ['10,001 uses', { uses: 10_001 }],
  ['half a use', { uses: 1.5 }],
  ['uses as text', { uses: '1' }],
  ['an end in the past', { expires_at: '2020-01-01T00:00:00Z' }],
  ['an end that is none', { expires_at: 'never' }],
  ['shares that end in the past', { ends_at: '2020-01-01T00:00:00Z' }],
  ['an end in more than a year', { expires_at: inSeconds(367 * dayS) }],
  ['a name with uses', { project: 'a@b', uses: 2 }],
  ['a name with a domain of addresses', { project: 'a@b', email_domain: 'example.org' }],
  ['the status rejected', { status: 'rejected' }],
  ['a domain with a blank', { email_domain: 'example .org' }],
  ['a domain with an at', { email_domain: 'me@example.org' }],
  ['a domain with a wildcard', { email_domain: '*.example.org' }],
  ['a domain with one label', { email_domain: 'org' }],
  ['a name with a line end', { project: 'a@b\r\nc' }],
  ['an unknown key', { code: 'mine' }],
  ['an image that is a number', { image_id: 5 }],
]

const runRefusals = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, stranger } = actors
  const image = await images.queued()
  for (const [what, body] of badInvitations)
    await own(`an invitation of ${what} is 400`, async () => {
      expectRefusal(await owner.api.post('/v2/invitations', { image_id: image, ...body }), 400)
    })
  await own('nobody invites to the image of another', async () => {
    await images.share(image, consumer, 'accepted')
    expectRefusal(await consumer.api.post('/v2/invitations', { image_id: image }), 403)
    expectRefusal(await stranger.api.post('/v2/invitations', { image_id: image }), 404)
    expectRefusal(await owner.api.post('/v2/invitations', { image_id: 'not-an-id' }), 404)
  })
  await own('nobody invites to a private image', async () => {
    const hidden = await images.queued({ visibility: 'private' })
    expectRefusal(await owner.api.post('/v2/invitations', { image_id: hidden }), 403)
  })
  for (const body of [
    {},
    [],
    { code: '' },
    { code: 5 },
    { code: 'a', invitation: 'b' },
    { code: 'c'.repeat(101) },
  ] satisfies Json[])
    await own(`a claim of ${JSON.stringify(body).slice(0, 40)} is 400`, async () => {
      expectRefusal(await consumer.api.post('/v2/invitation-claims', body), 400)
    })
  await own('a domain is proven by a confirmed address alone', async () => {
    const { code } = await invite(owner, image, { email_domain: `${unique()}.example.org`, uses: 5 })
    expectRefusal(await claim(stranger, code), 403)
    expectStatus(await stranger.api.get(`/v2/images/${image}`), 404)
  })
  await own('guessing codes: wrong ones are 404, all alike, and soon 429 with a time to wait', async () => {
    const guess = () => `vtr-${unique()}${unique()}`.slice(0, 30)
    const first = expectRefusal(await claim(stranger, guess()), 404)
    let last: Answer | undefined
    for (let tries = 0; tries < 40 && last?.status !== 429; tries++) {
      last = await claim(stranger, guess())
      if (last.status !== 429) expectEqual(expectRefusal(last, 404), first, 'the message')
    }
    if (last === undefined) throw new Error('nothing was tried')
    expectRefusal(last, 429)
    expectMatch(header(last, 'retry-after'), /^[1-9]\d*$/, 'Retry-After')
  })
}

export const invitations: Group = {
  name: 'invitations',
  own: true,
  async run(scene) {
    await runCodes(scene)
    await runEnds(scene)
    await runNamed(scene)
    await runRefusals(scene)
  },
}
