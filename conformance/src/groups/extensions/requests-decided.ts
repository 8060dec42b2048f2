import { AccessRequestSchema, AccessRequestsSchema } from '@vitrine/contract'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectStatus } from '../../expect.ts'
import { dayS, expectPrivate, expectRefusal, expectSafePage, inSeconds, pathOf, published } from '../../extensions.ts'
import { type Json, objectAt, stringAt } from '../../json.ts'
import { changeKey, expectKeyRefusal, expectKeyState, expectNamed, grantsOf, sealed } from '../../keys.ts'
import type { MailReceiver } from '../../receivers.ts'
import { type Scene, sleep } from '../../suite.ts'
import { ask, asked, confirmation, mailbox, queueOf, statusOf } from './asking.ts'

export const runConfirmed = async (scene: Scene, mail: MailReceiver) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, other, stranger, nobody } = actors
  const listed = async () => {
    const image = await images.active()
    return { image, listing: (await published(scene, image)).path }
  }

  await own('confirmation by GET changes nothing, by POST it does, and once more it is the same', async () => {
    const { image, listing } = await listed()
    const to = mailbox()
    const receipt = expectStatus(await ask(scene, listing, { project: consumer.projectId, email: to }), 202)
    const track = stringAt(receipt.json, 'track')
    const link = pathOf(scene, confirmation(await mail.arrival(to, () => true)))
    for (const method of ['GET', 'HEAD', 'GET'])
      expectStatus(
        await nobody.send(method, link, { headers: { accept: 'text/html' } }),
        200,
        ...(method === 'HEAD' ? [405] : []),
      )
    expectField(await statusOf(scene, track), ['state'], 'unconfirmed')
    expectEqual(await queueOf(owner, image), [], 'the queue')
    for (let times = 0; times < 2; times++) {
      expectStatus(await nobody.send('POST', link, { headers: { accept: 'text/html' } }), 200, 303)
      expectField(await statusOf(scene, track), ['state'], 'waiting')
    }
    expectEqual((await queueOf(ownerReader, image)).length, 1, 'the requests in the queue')
  })
  await own('replayed and forged confirmation links: forged ones are 404', async () => {
    const { listing } = await listed()
    const { link } = await asked(scene, mail, listing, consumer.projectId)
    const path = pathOf(scene, link)
    const base = path.slice(0, path.lastIndexOf('/'))
    for (const forged of [`${path}x`, path.slice(0, -1), `${base}/${'a'.repeat(43)}`, `${base}/x`])
      for (const method of ['GET', 'POST']) expectStatus(await nobody.send(method, forged), 404)
  })
  await own('the link in the mail leads to this service, whatever Host was sent', async () => {
    const { listing } = await listed()
    const to = mailbox()
    const poisoned = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      forwarded: 'host=evil.example',
    }
    expectStatus(await ask(scene, listing, { project: 'p', email: to }, poisoned), 202)
    const { raw, content } = await mail.arrival(to, () => true)
    if (raw.includes('evil.example') || (content.html ?? '').includes('evil.example'))
      throw new Error('the mail names the host that was sent')
  })
  await own('approve shares the image with message and end, mails the id, and the requester sees it', async () => {
    const { image, listing } = await listed()
    const { to, track } = await asked(scene, mail, listing, consumer.projectId, 'for the night builds')
    const [request] = await queueOf(owner, image)
    const { id, state, project, project_proven, email, message } = objectAt(request)
    expectEqual(
      [state, project, project_proven, email, message],
      ['waiting', consumer.projectId, false, to, 'for the night builds'],
      'the request',
    )
    expectDocument(expectStatus(await owner.api.get('/v2/access-requests'), 200), AccessRequestsSchema)
    const path = `/v2/access-requests/${String(id)}`
    expectDocument(expectStatus(await ownerReader.api.get(path), 200), AccessRequestSchema)
    const ends = inSeconds(30 * dayS)
    const approved = await owner.api.post(`${path}/approve`, { message: 'welcome', ends_at: ends })
    expectField(expectDocument(expectStatus(approved, 200), AccessRequestSchema), ['state'], 'approved')
    const shown = expectStatus(await consumer.api.get(`/v2/images/${image}?include=membership`), 200)
    const membership = objectAt(shown.json, 'membership')
    expectEqual([membership.status, membership.message, membership.ends_at], ['pending', 'welcome', ends], 'the share')
    const { content } = await mail.arrival(to, (arrived) => (arrived.content.text ?? '').includes(image))
    for (const part of [image, String((await images.read(image)).os_hash_value).slice(0, 32), 'welcome', 'accept'])
      if (!(content.text ?? '').includes(part)) throw new Error(`the mail does not say ${part}`)
    const status = await statusOf(scene, track)
    expectField(status, ['state'], 'approved')
    expectField(status, ['image_id'], image)
    expectRefusal(await owner.api.post(`${path}/approve`, {}), 409)
    expectRefusal(await owner.api.post(`${path}/deny`, { reason: 'late' }), 409)
    expectEqual(await queueOf(owner, image), [], 'the queue')
    expectEqual((await queueOf(owner, image, 'approved')).length, 1, 'the approved')
  })
  await own('deny needs a reason, tells it, and shares nothing', async () => {
    const { image, listing } = await listed()
    const { to, track } = await asked(scene, mail, listing, other.projectId)
    const reason = 'Licence for one site only. <b>no</b><script>alert(1)</script>'
    const id = stringAt((await queueOf(owner, image))[0], 'id')
    for (const body of [{}, { reason: 5 }, { reason: 'r'.repeat(2001) }, []] satisfies Json[])
      expectRefusal(await owner.api.post(`/v2/access-requests/${id}/deny`, body), 400)
    const denied = await owner.api.post(`/v2/access-requests/${id}/deny`, { reason })
    expectField(expectDocument(expectStatus(denied, 200), AccessRequestSchema), ['state'], 'denied')
    await mail.arrival(to, ({ content }) => (content.text ?? '').includes('Licence for one site only.'))
    const status = await statusOf(scene, track)
    expectField(status, ['state'], 'denied')
    expectField(status, ['image_id'], null)
    expectField(status, ['reason'], reason)
    const page = expectStatus(await nobody.get(pathOf(scene, track), { headers: { accept: 'text/html' } }), 200)
    expectSafePage(page)
    expectPrivate(page)
    if (page.text.includes('<b>no</b>')) throw new Error('the page holds the markup of the reason')
    expectStatus(await other.api.get(`/v2/images/${image}`), 404)
  })
  await own('approve racing deny: one wins, the other is 409', async () => {
    for (let round = 0; round < 2; round++) {
      const { image, listing } = await listed()
      const { track } = await asked(scene, mail, listing, consumer.projectId)
      const path = `/v2/access-requests/${stringAt((await queueOf(owner, image))[0], 'id')}`
      const answers = await Promise.all([
        owner.api.post(`${path}/approve`, {}),
        owner.api.post(`${path}/deny`, { reason: 'no' }),
        owner.api.post(`${path}/approve`, {}),
      ])
      expectEqual(answers.map(({ status }) => status).sort(), [200, 409, 409], 'the answers')
      const denied = answers[1]?.status === 200
      expectField(await statusOf(scene, track), ['state'], denied ? 'denied' : 'approved')
      expectStatus(await consumer.api.get(`/v2/images/${image}`), denied ? 404 : 200)
    }
  })
  // Requests are limited by network, so two expectations are about one.
  const { image: encrypted, key } = await sealed(scene)
  const pathOfRequest = async () => `/v2/access-requests/${stringAt((await queueOf(owner, encrypted))[0], 'id')}`
  await own('only the producer decides', async () => {
    await asked(scene, mail, (await published(scene, encrypted)).path, consumer.projectId)
    const path = await pathOfRequest()
    for (const actor of [consumer, stranger]) {
      expectRefusal(await actor.api.get(path), 404)
      expectRefusal(await actor.api.post(`${path}/approve`, {}), 404)
      expectRefusal(await actor.api.post(`${path}/deny`, { reason: 'no' }), 404)
      expectEqual(await queueOf(actor, encrypted), [], 'the queue')
    }
    expectRefusal(await ownerReader.api.post(`${path}/approve`, {}), 403)
  })
  await own('to share an encrypted image, approving needs its key to be granted, or grants it', async () => {
    const path = await pathOfRequest()
    for (const body of [{}, { grant: false }]) {
      const message = expectKeyRefusal(await owner.api.post(`${path}/approve`, body), 'key_not_granted')
      expectNamed(message, key, `vitrine key grant ${key} ${consumer.projectId}`)
    }
    await changeKey(owner, key, { status: 'disabled' })
    expectKeyRefusal(await owner.api.post(`${path}/approve`, { grant: true }), 'key_disabled')
    await changeKey(owner, key, { status: 'enabled' })
    expectField(await owner.api.get(path), ['state'], 'waiting')
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
    expectStatus(await consumer.api.get(`/v2/images/${encrypted}`), 404)
    expectField(expectStatus(await owner.api.post(`${path}/approve`, { grant: true }), 200), ['state'], 'approved')
    await expectKeyState(scene, encrypted, consumer, 'granted')
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
    expectStatus(await consumer.api.get(`/v2/images/${encrypted}/file`), 200)
  })
  await own('an image deleted under a pending request closes it', async () => {
    const { image, listing } = await listed()
    const { track } = await asked(scene, mail, listing, consumer.projectId)
    const id = stringAt((await queueOf(owner, image))[0], 'id')
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    expectField(await statusOf(scene, track), ['state'], 'closed')
    expectRefusal(await owner.api.post(`/v2/access-requests/${id}/approve`, {}), 404, 409)
  })
  await own('a mailbox that wants no such mail gets none, and nobody is told', async () => {
    const { listing } = await listed()
    const to = mailbox()
    const first = expectStatus(await ask(scene, listing, { project: 'p', email: to }), 202)
    const { content } = await mail.arrival(to, () => true)
    const unsubscribe = content.headers.find(({ key }) => key === 'list-unsubscribe')?.value ?? ''
    const link = pathOf(scene, unsubscribe.replace(/^<|>$/g, ''))
    expectStatus(await nobody.get(link), 200)
    expectStatus(await nobody.send('POST', link), 200, 303)
    const { listing: another } = await listed()
    const second = expectStatus(await ask(scene, another, { project: 'p', email: to }), 202)
    const told = (receipt: Answer) => ({ ...objectAt(receipt.json), track: '' })
    expectEqual(told(second), told(first), 'the answer')
    await sleep(1500)
    expectEqual(mail.to(to).length, 1, 'the mails')
  })
  await own('what the requester writes becomes neither header nor markup of a mail', async () => {
    const image = await images.active({ name: '<i>name</i>\r\nX-Name: 1' }).catch(() => images.active())
    const title = 'A <u>title</u> & "more"'
    const listing = (await published(scene, image, { title })).path
    const message = 'Hello\r\n.\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script><img src=x>'.replaceAll(
      '\r',
      '',
    )
    const { to } = await asked(scene, mail, listing, consumer.projectId, message)
    const id = stringAt((await queueOf(owner, image))[0], 'id')
    const body = { message: 'Subject: x\n<b>bold</b>' }
    expectStatus(await owner.api.post(`/v2/access-requests/${id}/approve`, body), 200)
    await mail.arrival(to, (arrived) => (arrived.content.text ?? '').includes(image))
    for (const { content, to: recipients } of mail.to(to)) {
      expectEqual(recipients, [to], 'the recipients')
      expectEqual(content.headers.filter(({ key }) => key === 'bcc').length, 0, 'the Bcc')
      if (/<script|<b>bold|<img src=x|<u>|<i>name/.test(content.html ?? ''))
        throw new Error('the mail holds the markup that was sent')
    }
  })
}
