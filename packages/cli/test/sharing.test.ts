import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { run } from '../src/run.ts'
import { type Demo, startDemo, until } from './demo.ts'
import { memoryContext, memoryOutput } from './memory-context.ts'

type Row = Record<string, string | number | boolean | null>

/** The smallest picture there is. */
const onePixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const startTimeoutMs = 60_000
let demo: Demo
let consumerId = ''
let disk = ''

before(
  async () => {
    demo = await startDemo()
    disk = join(demo.folder, 'disk.raw')
    await writeFile(disk, randomBytes(4096))
    consumerId = (await demo.json<Record<string, string>>('consumer', 'whoami')).project_id ?? ''
  },
  { timeout: startTimeoutMs },
)
after(() => demo.close())

const producer = (...words: string[]) => demo.as('producer', words)
const consumer = (...words: string[]) => demo.as('consumer', words)

const succeeds = async (ended: ReturnType<Demo['as']>): Promise<string> => {
  const { exitCode, out, talk } = await ended
  assert.equal(exitCode, 0, talk)
  return out + talk
}

const createImage = async (name: string): Promise<string> => {
  const { id } = await demo.json<{ id: string }>('producer', 'image', 'create', name, '--file', disk)
  return id
}

/** The share of an image with the consumer. */
const shareOf = async (image: string): Promise<Row | undefined> =>
  (await demo.json<Row[]>('producer', 'members', image)).find(({ member_id }) => member_id === consumerId)

const press = async (link: string): Promise<void> => {
  assert.equal((await fetch(link, { method: 'POST' })).status, 200)
}

test('from the catalogue to an accepted share by the command alone', async (t) => {
  const mailbox = 'ada@reader.example'
  const id = await createImage('golden')

  await t.test('a listing needs a profile; then everybody reads it, and nobody the id of the image', async () => {
    const publish = [
      'publish',
      'golden',
      '--title',
      'Debian 13 with Docker',
      '--slug',
      'debian-docker',
      '--os',
      'debian',
    ]
    const early = await producer(...publish)
    assert.equal(early.exitCode, 5)
    assert.equal((await producer('producer')).exitCode, 3)
    assert.equal((await producer('producer', 'set', '--name', 'Acme')).exitCode, 2)
    await succeeds(
      producer('producer', 'set', '--handle', 'acme', '--name', 'Acme', '--website', 'https://acme.example'),
    )
    await succeeds(producer('producer', 'set', '--name', 'Acme Images'))
    const profile = await demo.json<Row>('producer', 'producer')
    assert.deepEqual([profile.handle, profile.name, profile.website], ['acme', 'Acme Images', 'https://acme.example'])
    await writeFile(join(demo.folder, 'about.md'), '# About\n\nBoots in *seconds*.\n')
    assert.match(
      await succeeds(producer(...publish, '--description', join(demo.folder, 'about.md'), '--show', 'size,checksum')),
      /Everybody can read it: http:\/\/127\.0\.0\.1:\d+\/catalogue\/producers\/acme\/debian-docker/,
    )
    const anonymous = await demo.as(undefined, ['catalogue', 'docker', '--os', 'debian', '--url', demo.url])
    assert.equal(anonymous.exitCode, 0, anonymous.talk)
    assert.match(anonymous.out, /acme\/debian-docker {2}Debian 13 with Docker/)
    const page = await demo.as(undefined, ['catalogue', 'show', `${demo.url}/catalogue/producers/acme/debian-docker`])
    assert.match(page.out, /\nDescription\n\n {2}# About\n\n {2}Boots in \*seconds\*\.\n/)
    assert.ok(!(anonymous.out + page.out).includes(id))
    assert.match((await consumer('catalogue', 'nothing-like-it')).talk, /^Nothing in the catalogue/)
  })

  await t.test('a listing is changed by its slug, and only as far as is said', async () => {
    await succeeds(producer('listing', 'set', 'debian-docker', '--summary', 'For teaching.', '--os-version', '13'))
    const listing = await demo.json<Row>('producer', 'listing', 'show', 'debian-docker')
    assert.deepEqual([listing.summary, listing.os_name, listing.os_version], ['For teaching.', 'debian', '13'])
    assert.deepEqual(listing.shown, ['size', 'checksum'])
    const icon = join(demo.folder, 'icon.png')
    await writeFile(icon, Buffer.from(onePixel, 'base64'))
    await succeeds(producer('listing', 'set', 'debian-docker', '--summary', '', '--icon', icon))
    const path = (await demo.json<Row>('producer', 'listing', 'show', 'debian-docker')).icon
    assert.equal((await fetch(new URL(String(path), demo.url))).headers.get('content-type'), 'image/png')
    await succeeds(producer('listing', 'set', 'debian-docker', '--icon', ''))
    assert.equal((await demo.json<Row>('producer', 'listing', 'show', 'debian-docker')).icon, null)
    assert.equal((await producer('listing', 'set', 'debian-docker', '--icon', disk)).exitCode, 2)
    assert.equal((await demo.json<Row>('producer', 'listing', 'show', 'debian-docker')).summary, null)
    assert.equal((await producer('listing', 'set', 'debian-docker')).exitCode, 2)
    assert.equal((await consumer('listing', 'show', 'debian-docker')).exitCode, 3)
  })

  await t.test('asked for without an account, denied with a reason', async () => {
    const words = ['request', 'acme/debian-docker', '--email', mailbox, '--url', demo.url, '-f', 'json']
    assert.equal((await demo.as(undefined, words)).exitCode, 2, 'who has no account has to name the project')
    const asked = await demo.as(undefined, [...words, '--project', consumerId, '--message', 'Please.'])
    assert.equal(asked.exitCode, 0, asked.talk)
    const { track } = JSON.parse(asked.out)
    assert.deepEqual(await demo.json('producer', 'requests'), [])
    await press(await demo.linkTo(mailbox, '/requests/confirm/', 1))
    const [request] = await demo.json<Row[]>('producer', 'requests', '--image', 'golden')
    assert.deepEqual([request?.message, request?.project_proven], ['Please.', false])
    const reference = String(request?.id).slice(0, 8)
    assert.match(await succeeds(producer('deny', reference, '--reason', 'What for?')), /Denied to/)
    assert.equal((await producer('deny', String(request?.id), '--reason', 'Again')).exitCode, 5)
    const status = await demo.json<Row>(undefined, 'request', 'show', track)
    assert.deepEqual([status.state, status.reason], ['denied', 'What for?'])
  })

  await t.test('asked for signed in, approved with terms, and accepted', async () => {
    await succeeds(consumer('request', 'acme/debian-docker', '--email', mailbox, '--project', 'consumer'))
    await press(await demo.linkTo(mailbox, '/requests/confirm/', 3))
    const [request] = await demo.json<Row[]>('producer', 'requests')
    assert.equal(request?.project_proven, true)
    await succeeds(producer('approve', String(request?.id), '--message', 'Enjoy it.', '--until', '30d'))
    const [item] = await demo.json<Row[]>('consumer', 'inbox')
    assert.deepEqual([item?.id, item?.message, item?.producer], [id, 'Enjoy it.', 'acme'])
    const daysLeft = (Date.parse(String(item?.ends_at)) - Date.now()) / 86_400_000
    assert.ok(daysLeft > 29.9 && daysLeft <= 30)
    const { out } = await consumer('inbox')
    assert.match(out, /@acme +4\.0 KiB +raw +sha512:[0-9a-f]{12} +yes +Enjoy it\. +in 30 days/)
    await succeeds(consumer('accept', 'golden'))
    assert.equal((await shareOf('golden'))?.status, 'accepted')
    assert.equal((await producer('approve', String(request?.id))).exitCode, 5)
  })
})

test('a share carries a message and an end, and sharing again changes what is said', async () => {
  await createImage('terms')
  const share = (...words: string[]) => demo.json<Row[]>('producer', 'share', 'terms', consumerId, ...words)
  assert.equal((await share('--message', 'One.', '--dry-run'))[0]?.result, 'would be shared')
  assert.equal(await shareOf('terms'), undefined)
  assert.equal((await share('--message', 'One.', '--until', '2099-01-01'))[0]?.result, 'shared')
  assert.equal((await share('--message', 'One.'))[0]?.result, 'already shared')
  assert.equal((await share('--message', 'Two.', '--dry-run'))[0]?.result, 'would be changed')
  assert.equal((await share('--message', 'Two.'))[0]?.result, 'changed')
  const after = await shareOf('terms')
  assert.deepEqual([after?.message, after?.ends_at], ['Two.', '2099-01-01T00:00:00Z'])
  assert.equal((await producer('share', 'terms', consumerId, '--until', '2001-01-01')).exitCode, 2)
})

test('codes and names of projects: invited, claimed, revoked', async (t) => {
  await createImage('by-code')
  await t.test('a code is shown once, and claimed', async () => {
    const { code, id } = await demo.json<Record<string, string>>(
      'producer',
      'invite',
      'by-code',
      '--accepted',
      '--expires',
      '2d',
    )
    assert.ok(code)
    assert.ok(!(await succeeds(producer('invitations'))).includes(code))
    assert.match(await succeeds(consumer('claim', code)), /in your list now/)
    assert.equal((await shareOf('by-code'))?.status, 'accepted')
    const listed = (await demo.json<Row[]>('producer', 'invitations')).find((row) => row.id === id)
    assert.ok(listed === undefined || listed.state === 'used')
    assert.equal((await consumer('claim', 'vtr-no-such-code')).exitCode, 3)
  })
  await t.test('a revoked code is worth nothing', async () => {
    await createImage('revoked')
    const { code, id } = await demo.json<Record<string, string>>('producer', 'invite', 'revoked', '--uses', '5')
    await succeeds(producer('revoke', (id ?? '').slice(0, 8)))
    const claimed = await consumer('claim', code ?? '')
    assert.equal(claimed.exitCode, 3)
    assert.match(claimed.talk, /revoked/)
  })
  await t.test('a project is invited by its name, and accepts in its inbox', async () => {
    await createImage('by-name')
    await succeeds(producer('share', 'by-name', 'consumer@Default', '--message', 'By name.'))
    const again = await demo.json<Row[]>('producer', 'share', 'by-name', 'consumer@Default')
    assert.equal(again[0]?.result, 'already invited')
    const item = (await demo.json<Row[]>('consumer', 'inbox')).find(({ kind }) => kind === 'invitation')
    assert.deepEqual([item?.name, item?.message], ['by-name', 'By name.'])
    await succeeds(consumer('accept', String(item?.id)))
    assert.equal((await shareOf('by-name'))?.status, 'accepted')
  })
})

test('the inbox is answered as a whole, and a producer is blocked and unblocked', async () => {
  await succeeds(consumer('reject', '--all'))
  for (const name of ['first', 'second']) {
    await createImage(name)
    await succeeds(producer('share', name, consumerId))
  }
  assert.equal((await consumer('accept')).exitCode, 2)
  assert.equal((await consumer('accept', 'first', '--all')).exitCode, 2)
  assert.match(await succeeds(consumer('accept', '--all')), /2 answered/)
  assert.equal((await shareOf('first'))?.status, 'accepted')
  assert.match(await succeeds(consumer('accept', '--all')), /^Nothing waits\.\n$/)

  await createImage('unwanted')
  await succeeds(producer('share', 'unwanted', consumerId))
  await succeeds(consumer('block', 'unwanted'))
  assert.deepEqual(await demo.json('consumer', 'inbox'), [])
  await createImage('unseen')
  await succeeds(producer('share', 'unseen', consumerId))
  assert.deepEqual(await demo.json('consumer', 'inbox'), [])
  const [block] = await demo.json<Row[]>('consumer', 'rules')
  assert.equal(block?.kind, 'block')
  await succeeds(consumer('rule', 'delete', String(block?.id).slice(0, 8)))
  assert.deepEqual(await demo.json('consumer', 'rules'), [])
})

test('a rule accepts what a producer shares, or only reports it', async () => {
  const audit = await demo.json<Row>('consumer', 'rule', 'add', 'accept', '@acme', '--audit')
  assert.equal(audit.mode, 'audit')
  await createImage('watched')
  await succeeds(producer('share', 'watched', consumerId))
  assert.equal((await shareOf('watched'))?.status, 'pending')
  await succeeds(consumer('rule', 'delete', String(audit.id)))
  const rule = await demo.json<Row>('consumer', 'rule', 'add', 'accept', '@acme')
  await createImage('trusted')
  await succeeds(producer('share', 'trusted', consumerId))
  assert.equal((await shareOf('trusted'))?.status, 'accepted')
  await succeeds(consumer('rule', 'delete', String(rule.id)))
})

test('a file of shares is planned, applied, and applied again without effect', async () => {
  const [one, two] = [await createImage('plan-one'), await createImage('plan-two')]
  const path = join(demo.folder, 'shares.yaml')
  const write = (message: string) =>
    writeFile(
      path,
      `shares:\n  - images: [plan-one, ${two.slice(0, 13)}]\n    projects: ["${consumerId}", other@Default]\n    message: ${message}\n    until: 2099-01-01\n`,
    )
  await write('From a file.')
  const planned = await demo.json<Row[]>('producer', 'share', 'plan', path)
  assert.deepEqual(
    planned.map(({ action, image_id }) => `${action} ${image_id === one ? 'one' : 'two'}`),
    ['share one', 'invite one', 'share two', 'invite two'],
  )
  assert.equal(await shareOf('plan-one'), undefined)
  assert.match(await succeeds(producer('share', 'apply', path, '--yes')), /4 changes made/)
  for (const name of ['plan-one', 'plan-two']) {
    const share = await shareOf(name)
    assert.deepEqual([share?.message, share?.ends_at], ['From a file.', '2099-01-01T00:00:00Z'])
  }
  assert.match(await succeeds(producer('share', 'apply', path, '--yes')), /^Nothing to do/)

  await write('Changed.')
  assert.match(
    await succeeds(producer('share', 'apply', path, '--yes')),
    /^ *Action[\s\S]*~ +change[\s\S]*2 changes made/,
  )
  assert.equal((await shareOf('plan-two'))?.message, 'Changed.')
  await succeeds(producer('share', 'plan-one', '0123456789abcdef0123456789abcdef'))
  assert.match(await succeeds(producer('share', 'plan', path)), /^Nothing to do/)
  assert.match(await succeeds(producer('share', 'apply', path, '--prune')), /- +unshare[\s\S]*1 change made/)
  assert.equal((await demo.json<Row[]>('producer', 'members', 'plan-one')).length, 1)
})

test('a file that names a project by its name stays applied when that accepts, and prunes names, too', async () => {
  await createImage('plan-named')
  const path = join(demo.folder, 'named.yaml')
  const write = (project: string, message: string) =>
    writeFile(path, `shares: [{images: plan-named, projects: "${project}", message: ${message}}]`)
  await write('consumer@Default', 'By name.')
  assert.match(await succeeds(producer('share', 'apply', path)), /1 change made/)
  assert.match(await succeeds(producer('share', 'apply', path)), /^Nothing to do/)
  const item = (await demo.json<Row[]>('consumer', 'inbox')).find(({ name }) => name === 'plan-named')
  await succeeds(consumer('accept', String(item?.id)))
  assert.match(await succeeds(producer('share', 'apply', path, '--prune')), /^Nothing to do/)
  await write('consumer@default', 'Changed.')
  assert.match(await succeeds(producer('share', 'apply', path)), /~ +change/)
  assert.equal((await shareOf('plan-named'))?.message, 'Changed.')
  await succeeds(producer('share', 'plan-named', 'other@Default'))
  assert.match(await succeeds(producer('share', 'apply', path, '--prune')), /- +unshare +plan-named +other@default/)
  assert.match(await succeeds(producer('share', 'plan', path, '--prune')), /^Nothing to do/)
  await succeeds(producer('unshare', 'plan-named', 'consumer@Default'))
  assert.equal(await shareOf('plan-named'), undefined)
  assert.equal((await producer('unshare', 'plan-named', 'consumer@Default')).exitCode, 3)
})

test('a withdrawal shows whom it affects, is announced, taken back, and made', async () => {
  const id = await createImage('leaving')
  await succeeds(producer('share', 'leaving', consumerId))
  await succeeds(consumer('accept', 'leaving'))
  const preview = await demo.json<Row>('producer', 'withdraw', 'leaving', '--dry-run')
  assert.equal(preview.accepted, 1)
  assert.match(
    await succeeds(producer('withdraw', 'leaving', '--at', '30d', '--message', 'Use another.')),
    /1 accepted it/,
  )
  assert.equal((await shareOf('leaving'))?.withdrawn, true)
  await succeeds(producer('withdraw', 'leaving', '--cancel'))
  assert.equal((await shareOf('leaving'))?.withdrawn, false)
  assert.equal((await producer('withdraw', 'leaving', '--cancel', '--delete')).exitCode, 2)
  await succeeds(producer('withdraw', 'leaving', '--delete'))
  assert.equal((await producer('image', 'show', id)).exitCode, 3)
})

/** Somebody at a terminal who says this to the first question. */
const atTerminal = async (answer: string, ...words: string[]) => {
  const talk = memoryOutput(true)
  const environment = demo.account('producer')
  const stdin = Readable.from([`${answer}\n`])
  const exitCode = await run(words, { ...memoryContext({ environment, stdin, stdinIsTerminal: true }), talk })
  return { exitCode, talk: talk.text() }
}

test('who deletes or withdraws a shared image is told first whom it concerns, and no leaves it', async () => {
  const id = await createImage('in use')
  await succeeds(producer('share', 'in use', consumerId))
  await succeeds(consumer('accept', 'in use'))
  for (const words of [
    ['image', 'delete', id],
    ['withdraw', id],
  ]) {
    const { exitCode, talk } = await atTerminal('n', ...words)
    assert.equal(exitCode, 1)
    assert.match(talk, /1 project can use it: 1 accepted it, 0 wait, 0 rejected it\./)
    assert.match(talk, /\[y\/N\]/)
  }
  assert.equal((await shareOf('in use'))?.status, 'accepted')
  assert.equal((await atTerminal('y', 'image', 'delete', id)).exitCode, 0)
  assert.equal((await producer('image', 'show', id)).exitCode, 3)
})

test('what is not there is told as such, and never as a cloud that cannot do it', async () => {
  const missing = [
    ['request', 'acme/no-such-listing', '--email', 'a@b.example'],
    ['block', '--producer', '@no-such-producer'],
    ['rule', 'add', 'accept', '@no-such-producer'],
    ['rule', 'delete', 'ffffffff'],
    ['catalogue', 'show', 'acme/no-such-listing'],
    ['claim', 'vtr-no-such-code'],
    ['resend', 'ffffffff'],
  ]
  for (const words of missing) {
    const { exitCode, talk } = await consumer(...words)
    assert.equal(exitCode, 3, words.join(' ') + talk)
    assert.doesNotMatch(talk, /not part of this cloud/, words.join(' '))
  }
  assert.equal((await producer('stats', '00000000-0000-4000-8000-000000000000')).exitCode, 3)
})

test('it explains who may what, and counts only what is agreed to', async () => {
  const explained = await demo.json<Row>('producer', 'explain', 'golden', '--project', consumerId)
  assert.deepEqual([explained.see, explained.list, explained.download], [true, true, true])
  const { out } = await producer('explain', 'golden', '--project', '0'.repeat(32))
  assert.match(out, /see +no\n/)
  assert.match(out, /\nRule +Effect +Why\n/)
  assert.equal((await consumer('explain', 'golden', '--project', '0'.repeat(32))).exitCode, 4)
  assert.equal((await demo.json<Row>('producer', 'stats', 'golden')).accepted, 1)
  assert.equal((await demo.json<Row>('consumer', 'settings', '--usage', 'nothing')).usage, 'nothing')
  assert.equal((await demo.json<Row>('consumer', 'settings')).usage, 'nothing')
})

test('mailboxes and webhooks of a project are added, changed and removed', async () => {
  const mailbox = 'team@reader.example'
  const added = await demo.json<Row>('consumer', 'notice', 'add', mailbox, '--kinds', 'share.created', '--daily')
  assert.deepEqual([added.state, added.mode], ['unconfirmed', 'daily'])
  await press(await demo.linkTo(mailbox, '/notices/confirm/', 1))
  const set = await demo.json<Row>('consumer', 'notice', 'set', mailbox, '--no-daily')
  assert.deepEqual([set.state, set.mode, set.kinds], ['confirmed', 'instant', ['share.created']])
  await succeeds(consumer('notice', 'remove', mailbox))
  assert.deepEqual(await demo.json('consumer', 'notices'), [])
  assert.equal((await consumer('notice', 'add', mailbox, '--kinds', 'share.unknown')).exitCode, 2)

  const url = 'https://hooks.example.org/vitrine'
  const hook = await demo.json<Record<string, string>>('consumer', 'webhook', 'add', url)
  assert.ok(hook.secret)
  assert.ok(!JSON.stringify(await demo.json('consumer', 'webhooks')).includes(hook.secret))
  await succeeds(consumer('webhook', 'test', url))
  const queued = await demo.json<Row[]>('consumer', 'deliveries')
  const test = queued.find(({ kind, notice }) => kind === 'webhook' && notice === 'test')
  assert.equal(test?.target, url)
  assert.ok(!JSON.stringify(queued).includes(hook.secret))
  assert.equal((await consumer('resend', String(test?.id).slice(0, 8))).exitCode, 5, 'it is on its way already')
  assert.equal((await demo.json<Row>('consumer', 'webhook', 'set', url, '--no-enabled')).enabled, false)
  assert.equal((await consumer('webhook', 'replay', url, '--since', '2099-01-01')).exitCode, 2)
  await succeeds(consumer('webhook', 'remove', (hook.id ?? '').slice(0, 8)))
  assert.deepEqual(await demo.json('consumer', 'webhooks'), [])
})

test('the feed has one address at a time, shown once', async () => {
  assert.equal((await consumer('feed')).exitCode, 2)
  const { out } = await consumer('feed', '--new')
  assert.equal((await fetch(out.trim())).status, 200)
  await succeeds(consumer('feed', '--end'))
  assert.equal((await fetch(out.trim())).status, 404)
})

test('activity is listed, and followed as it happens', async () => {
  const types = (await demo.json<Row[]>('consumer', 'activity', '--limit', '500')).map(({ type }) => type)
  assert.ok(types.includes('member.create'))
  const id = await createImage('live')
  const stop = new AbortController()
  const context = memoryContext({ environment: demo.account('consumer'), signal: stop.signal })
  const following = run(['activity', '--follow', '--type', 'member.update', '-f', 'json'], context)
  // The stream carries what happens from its opening on, and nothing tells when that is: so it happens until it is seen.
  const seen = until(() => context.out.text() || undefined, 'an event')
  await succeeds(producer('share', 'live', consumerId))
  let isSeen = false
  void seen.then(() => {
    isSeen = true
  })
  while (!isSeen) {
    await succeeds(consumer('later', id))
    await succeeds(consumer('accept', id))
  }
  stop.abort(new Error('enough'))
  assert.equal(await following, 1)
  const events: Row[] = (await seen)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual([events[0]?.type, events[0]?.image_id], ['member.update', id])
})
