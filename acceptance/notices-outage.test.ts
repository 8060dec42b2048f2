import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { type Account, logIn } from './accounts.ts'
import { linkIn, type MailServer, prepareMailServer } from './mail-server.ts'
import { needCommands } from './packages.ts'
import { databaseNames, startPostgres } from './postgres.ts'
import { startService, temporaryFolder } from './service.ts'
import { waitFor } from './wait.ts'
import { prepareWebhookReceiver, type ReceivedCall, type WebhookReceiver } from './webhook-receiver.ts'

const skip = await needCommands('openssl')

/** What a call of the service answers. */
const call = async (account: Account, url: string, method: string, path: string, body?: object): Promise<unknown> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-auth-token': account.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

const textOf = (document: unknown, name: string): string => {
  assert.ok(typeof document === 'object' && document !== null)
  const value: unknown = Object.entries(document).find(([key]) => key === name)?.[1]
  assert.ok(typeof value === 'string', `${name} in ${JSON.stringify(document)}`)
  return value
}

const listOf = (document: unknown, name: string): readonly unknown[] => {
  assert.ok(typeof document === 'object' && document !== null)
  const value: unknown = Object.entries(document).find(([key]) => key === name)?.[1]
  assert.ok(Array.isArray(value), `${name} in ${JSON.stringify(document)}`)
  return value
}

/** One side that is told of everything, by mail and by webhook. */
interface Side {
  readonly name: 'producer' | 'consumer'
  readonly mailbox: string
  readonly receiver: WebhookReceiver
  readonly secret: string
}

const subscribe = async (
  data: string,
  url: string,
  name: Side['name'],
  mail: MailServer,
  receiver: WebhookReceiver,
): Promise<Side> => {
  const account = await logIn(data, name)
  const mailbox = `${name}@people.example`
  await call(account, url, 'POST', '/v2/notice-addresses', { email: mailbox })
  const link = linkIn(await mail.next(mailbox, /confirm/i), '/catalogue/notices/confirm/')
  assert.equal((await fetch(link, { method: 'POST' })).status, 200)
  const webhook = await call(account, url, 'POST', '/v2/webhooks', { url: receiver.url })
  return { name, mailbox, receiver, secret: textOf(webhook, 'secret') }
}

/** Shares images, has them answered and takes them back. @returns the ids of the images */
const live = async (data: string, imageIds: readonly string[], end: boolean): Promise<void> => {
  const [producer, consumer] = await Promise.all([logIn(data, 'producer'), logIn(data, 'consumer')])
  for (const id of imageIds) {
    const image = await producer.images.getImage(id)
    const member = await image.createMember(consumer.projectId)
    await (await (await consumer.images.getImage(id)).getMember(consumer.projectId)).updateStatus('accepted')
    if (end) await member.delete()
  }
}

const endShares = async (data: string, imageIds: readonly string[]): Promise<void> => {
  const [producer, consumer] = await Promise.all([logIn(data, 'producer'), logIn(data, 'consumer')])
  for (const id of imageIds) {
    await (await (await producer.images.getImage(id)).getMember(consumer.projectId)).delete()
  }
}

/** Webhook calls as `kind` by image, after their signatures were checked; every id once. */
const kindsByImage = (calls: readonly ReceivedCall[], secret: string): Map<string, string[]> => {
  const verifier = new Webhook(secret)
  const found = new Map<string, string[]>()
  const ids = new Set<string>()
  for (const { headers, body } of calls) {
    const id = headers['webhook-id'] ?? ''
    assert.ok(!ids.has(id), `${id} came once`)
    ids.add(id)
    const notice: unknown = verifier.verify(body, { ...headers })
    assert.ok(typeof notice === 'object' && notice !== null && 'data' in notice)
    const image = textOf(notice.data, 'image_id')
    found.set(image, [...(found.get(image) ?? []), textOf(notice, 'type')])
  }
  return found
}

const waitingOf = async (data: string, url: string, name: Side['name']): Promise<number> =>
  listOf(await call(await logIn(data, name), url, 'GET', '/v2/deliveries?state=waiting'), 'deliveries').length

const imageNames = ['one', 'two', 'three', 'four', 'five', 'six']

for (const database of databaseNames) {
  test(`targets that were down all the time are told everything once, in order, on ${database}`, {
    skip,
  }, async (t) => {
    await using folder = await temporaryFolder()
    await using postgres = database === 'PostgreSQL' ? await startPostgres(folder.path) : undefined
    await using mail = await prepareMailServer(folder.path)
    await using toProducer = await prepareWebhookReceiver()
    await using toConsumer = await prepareWebhookReceiver()
    const targets = [mail, toProducer, toConsumer]
    const data = join(folder.path, 'data')
    const settings = {
      VITRINE_LOG_LEVEL: 'warn',
      VITRINE_OUTBOUND_ALLOW: '127.0.0.0/8',
      ...mail.settings,
      ...(postgres === undefined ? {} : { VITRINE_DATABASE_URL: postgres.url }),
    }
    const start = () => startService({ data, by: 'node', settings })

    await Promise.all(targets.map((target) => target.listen()))
    let service = await start()
    try {
      const producerSide = await subscribe(data, service.url, 'producer', mail, toProducer)
      const consumerSide = await subscribe(data, service.url, 'consumer', mail, toConsumer)
      const ids: string[] = []
      for (const name of imageNames) {
        const { images } = await logIn(data, 'producer')
        ids.push((await images.createImage({ name, diskFormat: 'raw', containerFormat: 'bare' })).id)
      }
      const mailsBefore = mail.received.length

      await Promise.all(targets.map((target) => target.close()))
      await live(data, ids.slice(0, 2), true)
      await live(data, ids.slice(2, 4), false)
      await service.kill()
      service = await start()
      await endShares(data, ids.slice(2, 4))
      await live(data, ids.slice(4, 6), true)
      await service.kill()
      service = await start()
      assert.equal(mail.received.length, mailsBefore)
      assert.ok((await waitingOf(data, service.url, 'consumer')) > 0, 'what could not be told waits, for all to see')

      const backAt = performance.now()
      await Promise.all(targets.map((target) => target.listen()))
      await waitFor(
        `the end of the queue (${service.log()})`,
        async () => {
          const counts = await Promise.all([
            waitingOf(data, service.url, 'producer'),
            waitingOf(data, service.url, 'consumer'),
          ])
          return counts.every((count) => count === 0) || undefined
        },
        90_000,
      )
      t.diagnostic(
        `everything was told ${((performance.now() - backAt) / 1000).toFixed(1)} s after the targets were back`,
      )

      const shared = new Map(ids.map((id) => [id, ['share.created', 'share.withdrawn']]))
      assert.deepEqual(kindsByImage(toConsumer.received, consumerSide.secret), shared)
      const answered = new Map(ids.map((id) => [id, ['share.answered']]))
      assert.deepEqual(kindsByImage(toProducer.received, producerSide.secret), answered)

      const mails = mail.received.slice(mailsBefore)
      assert.equal(new Set(mails.map((each) => each.messageId)).size, mails.length, 'every Message-ID came once')
      const told = (mailbox: string, name: string): (string | undefined)[] =>
        mails
          .filter(({ to, subject }) => to.includes(mailbox) && subject.includes(`"${name}"`))
          .map(({ subject }) => subject.split(':')[0])
      for (const name of imageNames) {
        assert.deepEqual(told(consumerSide.mailbox, name), ['Shared with you', 'No longer shared'])
        assert.deepEqual(told(producerSide.mailbox, name), ['Accepted'])
      }
      assert.equal(mails.length, imageNames.length * 3)
      assert.ok(!service.log().includes(mail.password), 'the password of the mail server is in no log')
    } finally {
      await service.stop()
    }
  })
}
