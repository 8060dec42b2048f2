import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { logIn } from './accounts.ts'
import { boot, sha512Of } from './disk.ts'
import { follow } from './follow.ts'
import { commandIn, linkIn, type MailServer, prepareMailServer } from './mail-server.ts'
import { OpenStackCommand, openStackConsumer } from './openstack-client.ts'
import { needCommands } from './packages.ts'
import { databaseNames } from './postgres.ts'
import { temporaryFolder } from './service.ts'
import { type Stage, withStage } from './stage.ts'
import { fails, rowsOf, shownBy, succeeds, type Vitrine, vitrineAs } from './vitrine-command.ts'
import { waitFor } from './wait.ts'
import { prepareWebhookReceiver } from './webhook-receiver.ts'

const skip = await needCommands('openssl', 'openstack', 'qemu-img', 'qemu-system-x86_64')

const mailbox = 'ada@reader.example'
const listing = 'acme-images/debian-docker'

/** Both sides, each with its command. */
interface Cast {
  readonly stage: Stage
  readonly mail: MailServer
  readonly producer: Vitrine
  readonly consumer: Vitrine
  readonly consumerId: string
}

/** Makes an image, which need not have bytes to be shared. @returns its id */
const createImage = async ({ producer }: Cast, name: string, ...options: string[]): Promise<string> =>
  (await shownBy(producer, 'image', 'create', name, ...options)).id ?? ''

/** What a mail's button does. */
const press = async (link: string): Promise<void> => {
  assert.equal((await fetch(link, { method: 'POST' })).status, 200)
}

const inboxNames = async ({ consumer }: Cast): Promise<(string | undefined)[]> =>
  (await rowsOf(consumer, 'inbox')).map(({ name }) => name)

const listNames = async ({ consumer }: Cast): Promise<(string | undefined)[]> =>
  (await rowsOf(consumer, 'image', 'list')).map(({ name }) => name).sort()

const membership = async ({ producer, consumerId }: Cast, image: string): Promise<Record<string, string>> => {
  const rows = await rowsOf(producer, 'members', image)
  const row = rows.find((each) => (each.project_id ?? each.member_id) === consumerId)
  assert.ok(row, `${image} is shared with the consumer: ${JSON.stringify(rows)}`)
  return row
}

const playSixSteps = async (t: TestContext, cast: Cast): Promise<void> => {
  const { stage, mail, producer, consumer, consumerId } = cast
  const openstack = openStackConsumer(new OpenStackCommand(stage, 'consumer'))
  let imageId = ''

  await t.test('the producer announces an image', async () => {
    imageId = await createImage(cast, 'golden', '--file', stage.disk.path)
    const refused = await fails(5, producer, 'publish', 'golden', '--title', 'Debian 13 with Docker')
    assert.match(refused, /profile/i)
    await succeeds(producer, 'producer', 'set', '--handle', 'acme-images', '--name', 'Acme Images')
    const facts = ['--os', 'Debian', '--os-version', '13', '--architecture', 'x86_64']
    await succeeds(
      producer,
      'publish',
      'golden',
      '--title',
      'Debian 13 with Docker',
      '--slug',
      'debian-docker',
      ...facts,
    )
  })
  await t.test('the consumer finds it', async () => {
    const found = await rowsOf(consumer, 'catalogue', 'docker', '--os', 'debian')
    assert.deepEqual(
      found.map(({ title }) => title),
      ['Debian 13 with Docker'],
    )
    assert.ok(!JSON.stringify(found).includes(imageId))
    const shown = await shownBy(consumer, 'catalogue', 'show', listing)
    assert.equal(shown.os_version ?? shown.os, '13')
  })
  const ask = async (message: string): Promise<string> => {
    await succeeds(consumer, 'request', listing, '--email', mailbox, '--message', message)
    await press(linkIn(await mail.next(mailbox, /confirm/i), '/catalogue/requests/confirm/'))
    const [request] = await rowsOf(producer, 'requests')
    assert.equal(request?.message, message)
    assert.equal(request?.project_proven, 'true')
    return request?.id ?? ''
  }
  await t.test('asks for it, and is denied with a reason', async () => {
    await succeeds(producer, 'deny', await ask('Please.'), '--reason', 'Tell me what for.')
    const denied = await mail.next(mailbox, /Debian 13 with Docker/)
    assert.ok(denied.text.includes('Tell me what for.'))
    assert.deepEqual(await inboxNames(cast), [])
  })
  await t.test('asks again, is approved and accepts with the command of the mail', async () => {
    await succeeds(producer, 'approve', await ask('For teaching.'), '--message', 'Enjoy it.', '--until', '30d')
    const approved = await mail.next(mailbox, /Debian 13 with Docker/)
    const command = commandIn(approved, /^\$? ?vitrine accept/)
    const finished = await stage.run('sh', ['-c', command], { environment: { OS_CLOUD: 'consumer' } })
    assert.equal(finished.exitCode, 0, finished.stderr)
    assert.deepEqual(await openstack.listedIds(), [imageId])
    assert.equal((await membership(cast, 'golden')).status, 'accepted')
    const path = join(stage.folder, 'copy.qcow2')
    await succeeds(consumer, 'image', 'download', imageId, '-o', path)
    assert.equal(await sha512Of(path), stage.disk.sha512)
    assert.equal(await boot(path), stage.disk.line)
    assert.equal((await membership(cast, 'golden')).member_id ?? consumerId, consumerId)
  })
}

const playInvitation = async (t: TestContext, cast: Cast): Promise<void> => {
  const { producer, consumer } = cast
  await t.test('a code is claimed, once', async () => {
    await createImage(cast, 'by-code')
    const { code = '', id = '' } = await shownBy(producer, 'invite', 'by-code', '--accepted')
    assert.match(code, /^vtr-/)
    assert.match(await fails(3, consumer, 'claim', `${code.slice(0, -1)}${code.endsWith('0') ? '1' : '0'}`), /code/)
    await succeeds(consumer, 'claim', code.toLowerCase())
    assert.equal((await membership(cast, 'by-code')).status, 'accepted')
    const invitation = (await rowsOf(producer, 'invitations')).find((row) => row.id === id)
    assert.ok(invitation === undefined || invitation.state === 'used')
  })
  await t.test('a code that was revoked is worth nothing', async () => {
    await createImage(cast, 'revoked')
    const { code = '', id = '' } = await shownBy(producer, 'invite', 'revoked', '--uses', '5', '--expires', '2d')
    await succeeds(producer, 'revoke', id)
    assert.match(await fails(3, consumer, 'claim', code), /revoked/)
  })
}

const playInbox = async (t: TestContext, cast: Cast): Promise<void> => {
  const { producer, consumer, consumerId } = cast
  await t.test('the inbox: accept, reject, later, all, block', async () => {
    for (const name of ['first', 'second', 'third']) {
      await createImage(cast, name)
      await succeeds(producer, 'share', name, consumerId, '--message', `This is the ${name}.`, '--until', '90d')
    }
    assert.deepEqual(await inboxNames(cast), ['third', 'second', 'first'])
    const [top] = await rowsOf(consumer, 'inbox')
    assert.ok(JSON.stringify(top).includes('This is the third.'))
    await succeeds(consumer, 'accept', 'first')
    await succeeds(consumer, 'reject', 'second')
    assert.deepEqual(await inboxNames(cast), ['third'])
    await succeeds(consumer, 'later', 'second')
    assert.deepEqual(await inboxNames(cast), ['third', 'second'])
    await succeeds(consumer, 'accept', '--all', '--yes')
    assert.deepEqual(await listNames(cast), ['by-code', 'first', 'golden', 'second', 'third'])

    await createImage(cast, 'unwanted')
    await succeeds(producer, 'share', 'unwanted', consumerId)
    await succeeds(consumer, 'block', '--producer', '@acme-images', '--yes')
    assert.deepEqual(await inboxNames(cast), [])
    await createImage(cast, 'unseen')
    await succeeds(producer, 'share', 'unseen', consumerId)
    assert.deepEqual(await inboxNames(cast), [])
    assert.equal((await membership(cast, 'unseen')).status, 'pending')
    const [block] = await rowsOf(consumer, 'rules')
    await succeeds(consumer, 'rule', 'delete', block?.id ?? '')
    assert.deepEqual(await inboxNames(cast), ['unseen', 'unwanted'])
  })
  await t.test('a rule accepts by itself, or only reports', async () => {
    await succeeds(consumer, 'rule', 'add', 'accept', '@acme-images', '--audit')
    await createImage(cast, 'watched')
    await succeeds(producer, 'share', 'watched', consumerId)
    assert.equal((await membership(cast, 'watched')).status, 'pending')
    const [audit] = await rowsOf(consumer, 'rules')
    assert.equal(audit?.reported, '1')
    await succeeds(consumer, 'rule', 'delete', audit?.id ?? '')
    await succeeds(consumer, 'rule', 'add', 'accept', '@acme-images')
    await createImage(cast, 'trusted')
    await succeeds(producer, 'share', 'trusted', consumerId)
    assert.equal((await membership(cast, 'trusted')).status, 'accepted')
    const [rule] = await rowsOf(consumer, 'rules')
    await succeeds(consumer, 'rule', 'delete', rule?.id ?? '')
  })
}

const playPlan = async (t: TestContext, cast: Cast): Promise<void> => {
  const { producer, stage, consumerId } = cast
  await t.test('a file says what is shared; the second time there is nothing to do', async () => {
    await createImage(cast, 'planned')
    const path = join(stage.folder, 'shares.yaml')
    const file = `shares:\n  - images: [planned, revoked]\n    projects: [${consumerId}]\n    message: From a file.\n`
    await writeFile(path, file)
    const planned = await succeeds(producer, 'share', 'plan', path)
    assert.match(`${planned.stdout}${planned.stderr}`, /planned/)
    assert.deepEqual(await rowsOf(producer, 'members', 'planned'), [])
    await succeeds(producer, 'share', 'apply', path, '--yes')
    for (const name of ['planned', 'revoked']) {
      const share = await membership(cast, name)
      assert.deepEqual([share.status, share.message], ['pending', 'From a file.'])
    }
    const before = await rowsOf(producer, 'members', 'planned')
    const again = await succeeds(producer, 'share', 'apply', path, '--yes')
    assert.match(`${again.stdout}${again.stderr}`, /are as the file says/)
    assert.deepEqual(await rowsOf(producer, 'members', 'planned'), before)
  })
}

const playWithdrawal = async (t: TestContext, cast: Cast): Promise<void> => {
  const { producer, consumer, mail } = cast
  await t.test('a withdrawal is announced, taken back, and made at once', async () => {
    await succeeds(consumer, 'notice', 'add', 'team@reader.example')
    await press(linkIn(await mail.next('team@reader.example', /confirm/i), '/catalogue/notices/confirm/'))
    await succeeds(producer, 'withdraw', 'first', '--at', '30d', '--message', 'Use second.', '--yes')
    assert.equal((await membership(cast, 'first')).withdrawn, 'true')
    const announced = await mail.next('team@reader.example', /^Being withdrawn .*first/)
    assert.ok(announced.text.includes('Use second.'))
    await succeeds(producer, 'withdraw', 'first', '--cancel')
    assert.equal((await membership(cast, 'first')).withdrawn, 'false')
    await mail.next('team@reader.example', /^Not withdrawn after all: .*first/)
    await succeeds(producer, 'withdraw', 'first', '--yes')
    assert.deepEqual(await rowsOf(producer, 'members', 'first'), [])
    await mail.next('team@reader.example', /^No longer shared: .*first/)
    assert.ok(!(await listNames(cast)).includes('first'))
  })
}

const playQuestions = async (t: TestContext, cast: Cast): Promise<void> => {
  const { producer, consumer, consumerId } = cast
  await t.test('why a project sees an image, and how often it is used', async () => {
    const accepted = await shownBy(producer, 'explain', 'golden', '--project', consumerId)
    assert.deepEqual([accepted.see, accepted.list, accepted.download], ['true', 'true', 'true'])
    const stranger = await shownBy(producer, 'explain', 'golden', '--project', '0'.repeat(32))
    assert.deepEqual([stranger.see, stranger.list, stranger.download], ['false', 'false', 'false'])
    await fails(4, consumer, 'explain', 'golden', '--project', '0'.repeat(32))
    // Uses are counted a moment after the download.
    await waitFor('the download of golden in its statistics', async () => {
      const { downloads, accepted: count } = await shownBy(producer, 'stats', 'golden')
      return (downloads === '1' && count === '1') || undefined
    })
    await succeeds(consumer, 'settings', '--usage', 'nothing')
    assert.equal((await shownBy(producer, 'stats', 'golden')).downloads, '0')
  })
}

const playTelling = async (t: TestContext, cast: Cast): Promise<void> => {
  const { stage, producer, consumer, consumerId } = cast
  await t.test('activity comes as it happens', async () => {
    await using activity = follow(stage, 'consumer', ['activity', '--follow'])
    const id = await createImage(cast, 'live')
    await succeeds(producer, 'share', 'live', consumerId)
    await activity.line(/member\.create|shared/, 10_000)
    await succeeds(consumer, 'accept', id)
    await activity.line(/member\.update|accepted/, 10_000)
  })
  await t.test('a webhook is called, and what it got can be verified', async () => {
    await using receiver = await prepareWebhookReceiver()
    await receiver.listen()
    const { secret = '', id = '' } = await shownBy(consumer, 'webhook', 'add', receiver.url)
    const verifier = new Webhook(secret)
    await succeeds(consumer, 'webhook', 'test', id)
    const nth = (index: number) => waitFor(`call ${index} of the webhook`, () => receiver.received[index])
    const tested = await nth(0)
    assert.ok(JSON.stringify(verifier.verify(tested.body, { ...tested.headers })).includes('"type":"test"'))
    await createImage(cast, 'hooked')
    await succeeds(producer, 'share', 'hooked', consumerId)
    const called = await nth(1)
    assert.ok(JSON.stringify(verifier.verify(called.body, { ...called.headers })).includes('"type":"share.created"'))
    assert.throws(() => verifier.verify(called.body.replace('hooked', 'forged'), { ...called.headers }))
    const deliveries = await rowsOf(consumer, 'deliveries')
    assert.ok(deliveries.some((row) => row.kind === 'webhook' && row.state === 'sent'))
    assert.ok(!JSON.stringify(deliveries).includes(secret))
    await succeeds(consumer, 'webhook', 'remove', id, '--yes')
  })
}

const followLinks = async (t: TestContext, { mail }: Cast): Promise<void> => {
  await t.test('every link of every mail leads to a page', async () => {
    const links = mail.received.flatMap(({ text }) => text.match(/https?:\/\/[^\s<>"]+/g) ?? [])
    assert.ok(links.length > 10)
    for (const link of new Set(links)) {
      const response = await fetch(link)
      assert.equal(response.status, 200, link)
      assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
      await response.arrayBuffer()
    }
  })
}

for (const database of databaseNames) {
  test(`from the catalogue to an accepted share by the command alone, on ${database}`, { skip }, async (t) => {
    await using folder = await temporaryFolder()
    await using mail = await prepareMailServer(folder.path)
    await mail.listen()
    const play = async (stage: Stage): Promise<void> => {
      const [producer, consumer] = [vitrineAs(stage, 'producer'), vitrineAs(stage, 'consumer')]
      const { projectId: consumerId } = await logIn(stage.data, 'consumer')
      const cast = { stage, mail, producer, consumer, consumerId }
      await playSixSteps(t, cast)
      await playInvitation(t, cast)
      await playInbox(t, cast)
      await playPlan(t, cast)
      await playWithdrawal(t, cast)
      await playQuestions(t, cast)
      await playTelling(t, cast)
      await followLinks(t, cast)
    }
    const settings = { ...mail.settings, VITRINE_OUTBOUND_ALLOW: '127.0.0.0/8' }
    await withStage(play, { by: 'node', database, settings })
  })
}
