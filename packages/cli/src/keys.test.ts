import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import {
  fakeCloud,
  imageDocument,
  type MemoryContext,
  memoryContext,
  otherProjectId,
  projectId,
} from '../test/memory-context.ts'
import type { Context } from './context.ts'
import { run } from './run.ts'

const imageId = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'
const keyId = 'aaaaaaaa-1bc3-4c3f-893e-3e471fd16e64'
const image = `/v2/images/${imageId}`
const key = `/v2/keys/${keyId}`

const vitrine = async (words: string[], given: Partial<Context>): Promise<MemoryContext & { exitCode: number }> => {
  const context = memoryContext(given)
  const exitCode = await run(words, context)
  return { ...context, exitCode }
}

const keyDocument = (changes: object = {}) => ({
  id: keyId,
  name: 'golden',
  project_id: projectId,
  status: 'enabled',
  default: true,
  grantable: true,
  adopted: false,
  version: 1,
  rotating: false,
  images: 2,
  created_at: '2026-03-01T00:00:00Z',
  updated_at: '2026-03-01T00:00:00Z',
  ...changes,
})

const encryption = {
  image_id: imageId,
  kind: 'sealed',
  key_id: keyId,
  key_project: projectId,
  key_state: 'granted',
  content: null,
}

const denied = {
  image_id: imageId,
  project_id: otherProjectId,
  can_boot: false,
  reasons: [
    { rule: 'status', effect: 'allows', text: 'The image is active.', next: null },
    { rule: 'key', effect: 'denies', text: 'It may not use the key \u001b[31m.', next: 'Ask for it.' },
  ],
}

const refusal = (status: number, message: string) => Response.json({ error: { code: status, message } }, { status })

const others = [
  keyDocument(),
  keyDocument({ id: 'bbbbbbbb-0000-4000-8000-000000000000', name: 'twice' }),
  keyDocument({ id: 'cccccccc-0000-4000-8000-000000000000', name: 'twice' }),
]

/** A cloud with keys, an image, and one more answer. */
const cloudWith = (answer: (line: string, url: URL) => unknown = () => undefined) =>
  fakeCloud((method, url) => {
    const line = `${method} ${url.pathname}`
    const given = answer(line, url)
    if (given !== undefined) return given
    if (line === 'GET /v2/keys') return { keys: others, first: '/v2/keys' }
    if (line === `GET ${key}` || line === `PATCH ${key}`) return keyDocument()
    return line === `GET ${image}` ? imageDocument(imageId) : undefined
  })

const sent = ({ seen }: ReturnType<typeof fakeCloud>) =>
  seen.filter(({ line }) => !line.startsWith('GET ')).map(({ line, body }) => [line, body])

const grant = {
  key_id: keyId,
  project_id: otherProjectId,
  granted_by_user: 'u1',
  shares: 0,
  created_at: '2026-03-01T00:00:00Z',
}

test('a key is granted by its id, as the service itself says it, or by beginning or name', async () => {
  for (const reference of [keyId, keyId.slice(0, 8), 'golden']) {
    const cloud = cloudWith((line) => (line.startsWith('PUT') ? grant : undefined))
    const { exitCode, talk } = await vitrine(['key', 'grant', reference, otherProjectId], cloud)
    assert.equal(exitCode, 0, talk.text())
    assert.match(talk.text(), /may use the key golden \(aaaaaaaa-.*waits for a share/)
    assert.deepEqual(sent(cloud), [[`PUT ${key}/grants/${otherProjectId}`, undefined]])
  }
})

test('the command of a refusal works for ids of any form, and names of projects are no ids', async () => {
  const cloud = cloudWith((line) =>
    line.startsWith('PUT') ? { ...grant, project_id: 'odd id', shares: 1 } : undefined,
  )
  const odd = await vitrine(['key', 'grant', keyId, 'odd id'], cloud)
  assert.equal(odd.exitCode, 0)
  assert.match(odd.talk.text(), /Note: odd id does not look like a project id/)
  assert.doesNotMatch(odd.talk.text(), /waits for a share/)
  assert.equal((await vitrine(['key', 'grant', keyId, 'team@default'], cloud)).exitCode, 2)
  assert.equal((await vitrine(['key', 'revoke', keyId, 'team@default'], cloud)).exitCode, 2)
})

test('of several keys none is guessed', async () => {
  const twice = await vitrine(['key', 'show', 'twice'], cloudWith())
  assert.equal(twice.exitCode, 5)
  assert.match(twice.talk.text(), /2 answer to twice.*\n {2}bbbbbbbb-.*\n {2}cccccccc-/)
  assert.equal((await vitrine(['key', 'show', 'none'], cloudWith())).exitCode, 3)
  const shown = await vitrine(['key', 'show', 'golden', '-f', 'json'], cloudWith())
  assert.deepEqual(JSON.parse(shown.out.text()), keyDocument())
})

test('clouds without keys are told as such', async () => {
  for (const words of [['list'], ['create', 'x'], ['show', keyId], ['grant', 'golden', otherProjectId]]) {
    const { exitCode, talk } = await vitrine(
      ['key', ...words],
      fakeCloud(() => undefined),
    )
    assert.equal(exitCode, 3)
    assert.match(talk.text(), /Keys are not part of this cloud/, words.join(' '))
  }
})

test('keys are changed by one word each', async () => {
  const cases = [
    [['enable', 'golden'], { status: 'enabled' }],
    [['disable', 'golden', '--yes'], { status: 'disabled' }],
    [['default', 'golden'], { default: true }],
    [['never-grant', 'golden', '--yes'], { grantable: false }],
  ] as const
  for (const [words, body] of cases) {
    const cloud = cloudWith()
    assert.equal((await vitrine(['key', ...words], cloud)).exitCode, 0)
    assert.deepEqual(sent(cloud), [[`PATCH ${key}`, body]])
  }
  for (const [words, query] of [
    [[], ''],
    [['--forget-data-keys'], '?data_keys=forget'],
  ] as const) {
    const cloud = cloudWith((line) => (line === `DELETE ${key}` ? new Response(null, { status: 204 }) : undefined))
    assert.equal((await vitrine(['key', 'delete', 'golden', '--yes', ...words], cloud)).exitCode, 0)
    assert.deepEqual(sent(cloud), [[`DELETE ${key}${query}`, undefined]])
  }
  const adopting = cloudWith((line) => (line === 'POST /v2/keys' ? keyDocument() : undefined))
  await vitrine(['key', 'create', 'golden', '--default', '--never-grant', '--secret', 's1'], adopting)
  assert.deepEqual(sent(adopting), [
    ['POST /v2/keys', { name: 'golden', default: true, grantable: false, secret_id: 's1' }],
  ])
})

test('a rotation can be waited for', async () => {
  let asked = 0
  const cloud = cloudWith((line) => {
    if (line === `POST ${key}/rotate`) return keyDocument({ version: 2, rotating: true })
    return line === `GET ${key}` && asked++ > 0 ? keyDocument({ version: 2 }) : undefined
  })
  const atOnce = await vitrine(['key', 'rotate', keyId], cloud)
  assert.match(atOnce.talk.text(), /being wrapped anew/)
  asked = 0
  const { exitCode, out, talk } = await vitrine(
    ['key', 'rotate', keyId, '--wait', '-f', 'value', '-c', 'version'],
    cloud,
  )
  assert.deepEqual([exitCode, out.text()], [0, '2\n'])
  assert.match(talk.text(), /wrapped by the new version/)
})

const create = ['image', 'create', 'x', '--disk-format', 'raw', '--file', '-', '--no-progress']

test('an image is marked as encrypted before any byte is sent', async () => {
  const cloud = cloudWith((line) => {
    if (line === 'POST /v2/images') return imageDocument(imageId, { status: 'queued' })
    if (line === `PUT ${image}/encryption`) return encryption
    return line === `PUT ${image}/file` ? new Response(null, { status: 204 }) : undefined
  })
  const { exitCode, talk } = await vitrine([...create, '--encrypt', '--key', 'golden'], {
    ...cloud,
    stdin: Readable.from([Buffer.from('bytes')]),
  })
  assert.equal(exitCode, 0, talk.text())
  const lines = sent(cloud).map(([line]) => line)
  assert.deepEqual(lines, ['POST /v2/images', `PUT ${image}/encryption`, `PUT ${image}/file`])
  assert.deepEqual(sent(cloud)[1]?.[1], { key_id: keyId })
})

test('what cannot be encrypted is not sent at all, and leaves nothing behind', async () => {
  const failures = [
    [() => refusal(503, 'The key manager does not answer.'), 7, /does not answer/],
    [() => undefined, 3, /Encrypting an image is not part of this cloud/],
  ] as const
  for (const [answer, code, expected] of failures) {
    const cloud = cloudWith((line) => {
      if (line === 'POST /v2/images') return imageDocument(imageId, { status: 'queued' })
      if (line === `PUT ${image}/encryption`) return answer()
      return line === `DELETE ${image}` ? new Response(null, { status: 204 }) : undefined
    })
    const { exitCode, out, talk } = await vitrine([...create, '--encrypt'], cloud)
    assert.equal(exitCode, code)
    assert.match(talk.text(), expected)
    assert.equal(out.text(), '')
    const lines = sent(cloud).map(([line]) => line)
    assert.ok(lines.includes(`DELETE ${image}`))
    assert.ok(!lines.includes(`PUT ${image}/file`))
  }
  const noKey = cloudWith()
  assert.equal((await vitrine([...create, '--key', 'none'], noKey)).exitCode, 3)
  assert.deepEqual(sent(noKey), [])
})

test('an image is shown with its encryption when it has some', async () => {
  const show = async (given: unknown, ...words: string[]) => {
    const cloud = cloudWith((line) => (line === `GET ${image}/encryption` ? given : undefined))
    return { ...(await vitrine(['image', 'show', imageId, ...words], cloud)), cloud }
  }
  assert.match((await show(encryption)).out.text(), /encryption +kind=sealed key_id=aaaaaaaa-.* key_state=granted\n/)
  const { image_id: _, ...rest } = encryption
  assert.deepEqual(JSON.parse((await show(encryption, '-f', 'json')).out.text()).encryption, rest)
  const plain = { ...encryption, kind: 'none', key_id: null, key_project: null, key_state: 'not_needed' }
  assert.doesNotMatch((await show(plain)).out.text(), /encryption/)
  assert.match((await show({ ...plain, content: 'luks' })).out.text(), /content=luks/)
  assert.equal((await show(undefined)).exitCode, 0)
  const { cloud } = await show(encryption, '-c', 'name')
  assert.deepEqual(
    cloud.seen.map(({ line }) => line),
    [`GET ${image}`],
  )
})

const shareResult = (changes: object = {}) => ({
  applied: true,
  results: [{ image_id: imageId, project: otherProjectId, result: 'shared', error: null, ...changes }],
})

const sharing = (result: object, answer: unknown = undefined) =>
  cloudWith((line) => {
    if (line === 'POST /v2/shares') return result
    if (line === `GET ${image}/members`) return { members: [] }
    return line === `GET ${image}/can-boot` ? answer : undefined
  })

test('sharing with the key says so, and tells of projects that could not boot the image', async () => {
  const cloud = sharing(shareResult(), denied)
  const { exitCode, talk } = await vitrine(['share', imageId, otherProjectId, '--grant'], cloud)
  assert.equal(exitCode, 0)
  assert.deepEqual(sent(cloud), [
    [
      'POST /v2/shares',
      { action: 'share', images: [imageId], projects: [otherProjectId], dry_run: false, grant: true },
    ],
  ])
  assert.ok(
    talk.text().includes(`Note: ${otherProjectId} cannot boot it: It may not use the key \\u{1b}[31m. Ask for it.`),
  )
  assert.ok(cloud.seen.some(({ line }) => line === `GET ${image}/can-boot?project=${otherProjectId}&if_shared=true`))
  assert.doesNotMatch(talk.text(), /boot it by its id/)
  const rehearsed = await vitrine(
    ['share', imageId, otherProjectId, '--grant', '--dry-run'],
    sharing(shareResult(), denied),
  )
  assert.doesNotMatch(rehearsed.talk.text(), /cannot boot/)
  const untold = await vitrine(['share', imageId, otherProjectId], sharing(shareResult()))
  assert.equal(untold.exitCode, 0)
  assert.doesNotMatch(untold.talk.text(), /cannot boot/)
  assert.match(untold.talk.text(), /boot it by its id at once/)
})

test('a share that is refused for its key ends with denied and hands on the command that helps', async () => {
  const message = `Project p can let it: vitrine key grant ${keyId} ${otherProjectId}; or share with --grant.`
  const error = { status: 403, code: 'key_not_granted', message }
  const { exitCode, talk } = await vitrine(
    ['share', imageId, otherProjectId],
    sharing(shareResult({ result: 'failed', error })),
  )
  assert.equal(exitCode, 4)
  assert.ok(talk.text().includes(message))
})

test('a key cannot be granted by a cloud that has none', async () => {
  const cloud = fakeCloud((_method, url) => (url.pathname === image ? imageDocument(imageId) : undefined))
  const { exitCode, talk } = await vitrine(['share', imageId, otherProjectId, '--grant'], cloud)
  assert.equal(exitCode, 3)
  assert.match(talk.text(), /not part of this cloud/)
})

test('can-boot answers by its exit code', async () => {
  const ask = (answer: unknown, ...words: string[]) => vitrine(['can-boot', imageId, ...words], sharing({}, answer))
  const no = await ask(denied, '--project', otherProjectId, '--disk', '20', '--ram', '512', '--if-shared')
  assert.equal(no.exitCode, 4)
  assert.match(no.out.text(), /can_boot +no\n[\s\S]*key +denies +It may not use the key \\u\{1b\}\[31m\.\n/)
  assert.equal(no.talk.text(), 'Ask for it.\n')
  const json = await ask(denied, '-f', 'json')
  assert.deepEqual([json.exitCode, JSON.parse(json.out.text())], [4, denied])
  assert.equal((await ask({ ...denied, can_boot: true, reasons: [] })).exitCode, 0)
  const elsewhere = await ask(undefined)
  assert.equal(elsewhere.exitCode, 3)
  assert.match(elsewhere.talk.text(), /not part of this cloud/)
})

test('a copy is plain, encrypted, or as the image is', async () => {
  const copying = () =>
    cloudWith((line) => {
      if (line === `POST ${image}/copies`) return imageDocument('copy', { status: 'saving' })
      return line === 'GET /v2/images/copy' ? imageDocument('copy') : undefined
    })
  const cases = [
    [[], {}],
    [['--plain', '--name', 'mine'], { name: 'mine', encrypt: false }],
    [['--encrypt'], { encrypt: true }],
    [['--key', 'golden'], { encrypt: true, key_id: keyId }],
  ] as const
  for (const [words, body] of cases) {
    const cloud = copying()
    const { exitCode, talk } = await vitrine(['image', 'copy', imageId, ...words], cloud)
    assert.equal(exitCode, 0, talk.text())
    assert.deepEqual(sent(cloud), [[`POST ${image}/copies`, body]])
    assert.match(talk.text(), /being copied/)
  }
  assert.equal((await vitrine(['image', 'copy', imageId, '--plain', '--key', 'golden'], copying())).exitCode, 2)
  const waited = await vitrine(['image', 'copy', imageId, '--wait', '-f', 'value', '-c', 'status'], copying())
  assert.deepEqual([waited.exitCode, waited.out.text()], [0, 'active\n'])
  const failing = cloudWith((line) => {
    if (line === `POST ${image}/copies`) return imageDocument('copy', { status: 'saving' })
    return line === 'GET /v2/images/copy' ? imageDocument('copy', { status: 'queued' }) : undefined
  })
  const failed = await vitrine(['image', 'copy', imageId, '--wait'], failing)
  assert.equal(failed.exitCode, 1)
  assert.match(failed.talk.text(), /The copy failed; the image copy is queued\.\nWhy: vitrine events copy\./)
})

test('the inbox tells what cannot boot, and why', async () => {
  const membership = {
    status: 'pending',
    shared_by: otherProjectId,
    producer: 'acme',
    shared_at: '2026-03-01T00:00:00Z',
    message: null,
    ends_at: null,
    withdrawn: false,
    key_state: 'missing',
  }
  const { can_boot, reasons } = denied
  const item = { kind: 'share', image: imageDocument(imageId), membership, can_boot: { can_boot, reasons } }
  const cloud = () =>
    cloudWith((line) => (line === 'GET /v2/inbox' ? { items: [item], first: '/v2/inbox' } : undefined))
  const { out, talk } = await vitrine(['inbox'], cloud())
  assert.match(out.text(), /Boots[\s\S]* no /)
  assert.match(
    talk.text(),
    /Note: debian \(d164b5df-.*\) cannot boot in your project: It may not use the key .* Ask for it\./,
  )
  assert.doesNotMatch(talk.text(), /it boots by its id/)
  const [row] = JSON.parse((await vitrine(['inbox', '-f', 'json'], cloud())).out.text())
  assert.deepEqual([row.can_boot, row.key_state, row.reasons.length], [false, 'missing', 2])
})
