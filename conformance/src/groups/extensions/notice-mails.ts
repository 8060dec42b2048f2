import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectEqual, expectMatch, expectStatus } from '../../expect.ts'
import { expectPrivate, expectRefusal, expectSafePage, pathOf, unique } from '../../extensions.ts'
import { at, listAt, stringAt } from '../../json.ts'
import { sealed } from '../../keys.ts'
import type { Mail, MailReceiver } from '../../receivers.ts'
import { type Group, type Scene, sleep } from '../../suite.ts'
import { added, addresses } from './notice-addresses.ts'
import { shareMany } from './ways-to-share.ts'

const linkIn = (mail: Mail, pattern: RegExp): string => {
  const found = pattern.exec(mail.content.text ?? '')?.[0]
  if (found === undefined) throw new Error(`the mail has no such link: ${mail.content.text}`)
  return found
}

const headerOf = (mail: Mail, name: string): string => mail.content.headers.find(({ key }) => key === name)?.value ?? ''

/** Adds a mailbox and gives its consent. */
const confirmed = async (scene: Scene, mail: MailReceiver, actor: Actor, email: string, more = {}): Promise<string> => {
  const made: Answer = expectStatus(await added(scene, actor, email, more), 201)
  const link = linkIn(await mail.arrival(email, () => true), /https?:\/\/\S*\/catalogue\/notices\/confirm\/[\w-]+/)
  expectStatus(await scene.actors.nobody.send('POST', pathOf(scene, link)), 200, 303)
  return stringAt(made.json, 'id')
}

const wordsOf = ({ content }: Mail): string => (content.text ?? '').replace(/\s+/g, ' ')

/** What mails tell of encrypted images: whether they boot, and before they are shared neither their id nor that of the key. */
const runBoot = async (scene: Scene, mail: MailReceiver) => {
  const { own, actors, images } = scene
  const { owner, consumer } = actors
  const arrival = (email: string, part: string) => mail.arrival(email, (arrived) => wordsOf(arrived).includes(part))

  await own('the mail of a share says whether the project can boot the image, and if not why', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    const { image, key } = await sealed(scene)
    const queued = await images.queued()
    await shareMany(owner, { images: [image, queued], projects: [consumer.projectId], grant: true })
    expectMatch(wordsOf(await arrival(email, image)), /can boot it now/, 'the mail of the image that boots')
    const text = wordsOf(await arrival(email, queued))
    expectMatch(text, /cannot boot it yet/, 'the mail of the image that does not')
    expectMatch(text, /is queued/, 'why not')
    if (mail.to(email).some(({ raw }) => raw.includes(key))) throw new Error('a mail names the key, which is no matter')
  })
  await own('the mail of an invitation says it too, and names neither the image nor the key', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    for (const [grant, pattern] of [
      [true, /your project can boot it/],
      [false, /cannot boot it yet: .* may not use its key/],
    ] as const) {
      const name = unique()
      const { image, key } = await sealed(scene, { attributes: { name } })
      const body = { image_id: image, project: consumer.projectName, grant }
      const made = expectStatus(await owner.api.post('/v2/invitations', body), 201)
      const arrived = await arrival(email, name)
      expectMatch(wordsOf(arrived), pattern, 'the mail')
      for (const hidden of [image, key])
        if (arrived.raw.includes(hidden) || wordsOf(arrived).includes(hidden)) throw new Error(`it names ${hidden}`)
      expectStatus(await owner.api.delete(`/v2/invitations/${stringAt(made.json, 'id')}`), 204)
    }
  })
}

const runMails = async (scene: Scene, mail: MailReceiver) => {
  const { actors, images, own } = scene
  const { consumer, owner, nobody } = actors
  const stateOf = async (id: string) =>
    at(
      listAt((await consumer.api.get(addresses)).json, 'addresses').find((item) => at(item, 'id') === id),
      'state',
    )
  const about = (part: string) => (arrived: Mail) => (arrived.content.text ?? '').includes(part)

  await own('a mailbox gets nothing before it consents, by POST alone', async () => {
    const [witness, email] = [`${unique()}@example.org`, `${unique()}@example.org`]
    await confirmed(scene, mail, consumer, witness)
    const made = expectStatus(await added(scene, consumer, email), 201)
    const id = stringAt(made.json, 'id')
    const link = pathOf(
      scene,
      linkIn(await mail.arrival(email, () => true), /https?:\/\/\S*\/catalogue\/notices\/confirm\/[\w-]+/),
    )
    const page = expectStatus(await nobody.get(link, { headers: { accept: 'text/html' } }), 200)
    expectSafePage(page)
    expectPrivate(page)
    expectEqual(await stateOf(id), 'unconfirmed', 'after GET')
    const early = await images.active()
    await images.share(early, consumer)
    await mail.arrival(witness, about(early))
    for (let times = 0; times < 2; times++) expectStatus(await nobody.send('POST', link), 200, 303)
    expectEqual(await stateOf(id), 'confirmed', 'after POST')
    const image = await images.active()
    await images.share(image, consumer)
    await mail.arrival(email, about(image))
    expectEqual(mail.to(email).filter(about(early)).length, 0, 'mails of the time before')
    expectStatus(await nobody.send('POST', `${link}x`), 404)
  })
  await own('the mail of a share says what, who, size and hash, the id, and what to type', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    const image = await images.active({ name: 'Debian 13 with tools' })
    const body = { action: 'share', images: [image], projects: [consumer.projectId], message: 'Try it' }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    const arrived = await mail.arrival(email, about(image))
    const { text = '', html = '', subject = '' } = arrived.content
    const hash = String((await images.read(image)).os_hash_value)
    for (const part of [
      'Debian 13 with tools',
      'Try it',
      image,
      owner.projectId,
      hash,
      `vitrine accept ${image}`,
      'openstack',
    ])
      if (!text.replace(/\s+/g, ' ').includes(part) && !text.replace(/\s+/g, '').includes(part))
        throw new Error(`the mail does not say ${part}`)
    if (!html.includes(image) || subject === '') throw new Error('the mail has no HTML, or no subject')
    expectMatch(headerOf(arrived, 'list-unsubscribe'), /^<https?:\/\/.+>$/, 'List-Unsubscribe')
    expectEqual(headerOf(arrived, 'list-unsubscribe-post'), 'List-Unsubscribe=One-Click', 'List-Unsubscribe-Post')
    expectMatch(headerOf(arrived, 'auto-submitted'), /^auto-generated/, 'Auto-Submitted')
    await sleep(300)
    expectEqual(mail.to(email).filter(about(image)).length, 1, 'the mails of the share')
  })
  await own('unsubscribe by GET changes nothing, in one click it ends the mails', async () => {
    const email = `${unique()}@example.org`
    const id = await confirmed(scene, mail, consumer, email)
    const first = await images.active()
    await images.share(first, consumer)
    const arrived = await mail.arrival(email, about(first))
    const link = pathOf(scene, headerOf(arrived, 'list-unsubscribe').replace(/^<|>$/g, ''))
    const page = expectStatus(await nobody.get(link, { headers: { accept: 'text/html' } }), 200)
    expectSafePage(page)
    expectPrivate(page)
    expectEqual(await stateOf(id), 'confirmed', 'after GET')
    const oneClick = {
      body: 'List-Unsubscribe=One-Click',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }
    for (let times = 0; times < 2; times++) expectStatus(await nobody.send('POST', link, oneClick), 200, 202, 204, 303)
    expectEqual(await stateOf(id), 'unsubscribed', 'after POST')
    const second = await images.active()
    await images.share(second, consumer)
    await sleep(1500)
    expectEqual(mail.to(email).filter(about(second)).length, 0, 'mails after the end')
    expectStatus(await nobody.send('POST', `${link}x`, oneClick), 404)
  })
  await own('names and messages inject neither headers nor markup', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    const name = `evil\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>\u202e`
    const image = await images
      .active({ name: name.replaceAll(/[\r\n]/g, '\n') })
      .catch(() => images.active({ name: '<script>alert(1)</script>' }))
    const body = {
      action: 'share',
      images: [image],
      projects: [consumer.projectId],
      message: 'a\nBcc: x@example.org\n<img src=x>',
    }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    const arrived = await mail.arrival(email, about(image))
    expectEqual(arrived.to, [email], 'the recipients')
    expectEqual(headerOf(arrived, 'bcc'), '', 'Bcc')
    const { html = '', subject = '' } = arrived.content
    if (/<script|<img src=x/.test(html)) throw new Error('the mail holds the markup that was sent')
    if (/[\p{Cc}\u202a-\u202e]/u.test(subject)) throw new Error('the subject holds control characters')
  })
  await own('a blocked producer never notifies', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    const rule = expectStatus(await consumer.api.post('/v2/rules', { kind: 'block', producer: owner.projectId }), 201)
    const image = await images.active()
    await images.share(image, consumer)
    await sleep(1500)
    expectEqual(mail.to(email).filter(about(image)).length, 0, 'mails of a blocked producer')
    expectStatus(await consumer.api.delete(`/v2/rules/${stringAt(rule.json, 'id')}`), 204)
  })
  await own('an invitation for a domain is claimed by who has a confirmed address in it, and no other', async () => {
    const domain = `${unique()}.example.org`
    const made = await owner.api.post('/v2/invitations', {
      image_id: await images.active(),
      email_domain: domain,
      uses: 3,
    })
    const code = stringAt(expectStatus(made, 201).json, 'code')
    const claim = () => consumer.api.post('/v2/invitation-claims', { code })
    for (const near of [`x@a${domain}`, `x@sub.${domain}`, `x@${domain}.evil.example`])
      await confirmed(scene, mail, consumer, near)
    expectRefusal(await claim(), 403)
    await confirmed(scene, mail, consumer, `x@${domain.toUpperCase()}`)
    expectStatus(await claim(), 200)
  })
}

export const noticeMails: Group = {
  name: 'mails about shares',
  own: true,
  async run(scene) {
    const { mail } = scene.receivers
    if (mail) {
      await runMails(scene, mail)
      await runBoot(scene, mail)
    } else await scene.skip('mails are sent', 'no mails are received; see --smtp')
  },
}
