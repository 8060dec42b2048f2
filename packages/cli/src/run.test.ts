import assert from 'node:assert/strict'
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

const id = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'

const vitrine = async (
  words: string[],
  given: Partial<Context> = {},
): Promise<MemoryContext & { exitCode: number }> => {
  const context = memoryContext(given)
  const exitCode = await run(words, context)
  return { ...context, exitCode }
}

test('help and version are data and end well', async () => {
  const help = await vitrine(['--help'])
  assert.equal(help.exitCode, 0)
  assert.match(help.out.text(), /inbox/)
  assert.equal(help.talk.text(), '')
  assert.match((await vitrine(['--version'])).out.text(), /^\d+\.\d+\.\d+\n$/)
})

test('wrong usage ends with 2, says why on the side of talk, and sends nothing', async () => {
  const cases = [
    [],
    ['image', 'lst'],
    ['image', 'show'],
    ['image', 'list', '--limit', '-1'],
    ['image', 'list', '--visibility', 'secret'],
    ['image', 'list', '-f', 'xml'],
    ['image', 'create', 'x', '--property', 'novalue'],
    ['image', 'upload', id],
    ['image', 'set', id],
    ['share', 'x', 'not-a-project-id'],
    ['inbox', 'excess'],
  ]
  for (const words of cases) {
    const cloud = fakeCloud(() => undefined)
    const { exitCode, out, talk } = await vitrine(words, cloud)
    assert.equal(exitCode, 2, words.join(' '))
    assert.equal(out.text(), '')
    assert.notEqual(talk.text(), '')
    assert.deepEqual(cloud.seen, [])
  }
})

test('without a cloud the message says how to name one', async () => {
  const { exitCode, talk } = await vitrine(['image', 'list'], {
    environment: { OS_CLIENT_CONFIG_FILE: '/nowhere.yaml' },
  })
  assert.equal(exitCode, 2)
  assert.match(talk.text(), /^vitrine: \/nowhere\.yaml cannot be read/)
})

test('a refusal of the service gives its code, its words and the request id', async () => {
  const { exitCode, out, talk } = await vitrine(
    ['image', 'show', id],
    fakeCloud(() => undefined),
  )
  assert.equal(exitCode, 3)
  assert.equal(out.text(), '')
  assert.equal(talk.text(), 'vitrine: It is not there, or not for you.\nRequest id: req-of-the-test\n')
})

test('filters of the list reach the service', async () => {
  const cloud = fakeCloud(() => ({ images: [], first: '/v2/images' }))
  const words = '--name a --status active --tag x --tag y --visibility shared --member-status all --hidden'.split(' ')
  await vitrine(
    ['image', 'list', ...words, '--owner', 'o', '--property', 'os_distro=debian', '--sort', 'name:asc'],
    cloud,
  )
  const query = new URLSearchParams(cloud.seen[0]?.line.split('?')[1])
  assert.deepEqual([...query].toSorted(), [
    ['limit', '101'],
    ['member_status', 'all'],
    ['name', 'a'],
    ['os_distro', 'debian'],
    ['os_hidden', 'true'],
    ['owner', 'o'],
    ['sort', 'name:asc'],
    ['status', 'active'],
    ['tag', 'x'],
    ['tag', 'y'],
    ['visibility', 'shared'],
  ])
})

/** Five images in pages of two, whatever is asked for. */
const pages = () =>
  fakeCloud((_method, url) => {
    const from = Number(url.searchParams.get('marker') ?? 0)
    const images = [0, 1]
      .map((offset) => from + offset)
      .filter((each) => each < 5)
      .map((each) => imageDocument(`id-${each}`))
    const next = from + 2 < 6 ? { next: `/v2/images?marker=${from + 2}` } : {}
    return { images, first: '/v2/images', ...next }
  })

test('a list follows pages up to its limit and tells when there is more', async () => {
  const ids = async (...words: string[]) => {
    const { out, talk } = await vitrine(['image', 'list', '-f', 'value', '-c', 'id', ...words], pages())
    return { ids: out.text().trimEnd().split('\n'), talk: talk.text() }
  }
  const three = await ids('--limit', '3')
  assert.deepEqual(three.ids, ['id-0', 'id-1', 'id-2'])
  assert.match(three.talk, /first 3/)
  const five = await ids('--limit', '5')
  assert.equal(five.ids.length, 5)
  assert.equal(five.talk, '')
  assert.equal((await ids('--all')).ids.length, 5)
})

test('set sends one patch, with replace for what is there and add for what is new', async () => {
  const cloud = fakeCloud(() => imageDocument(id, { os_distro: 'debian', tags: ['a', 'b'] }))
  const words = [
    '--name',
    'n',
    '--no-protected',
    '--property',
    'os_distro=x',
    '--property',
    'new=',
    '--untag',
    'a',
    '--tag',
    'c',
  ]
  const { exitCode } = await vitrine(['image', 'set', id, ...words, '--unset-property', 'gone'], cloud)
  assert.equal(exitCode, 0)
  const patches = cloud.seen.filter(({ line }) => line.startsWith('PATCH'))
  assert.deepEqual(patches, [
    {
      line: `PATCH /v2/images/${id}`,
      body: [
        { op: 'replace', path: '/name', value: 'n' },
        { op: 'replace', path: '/protected', value: false },
        { op: 'replace', path: '/os_distro', value: 'x' },
        { op: 'add', path: '/new', value: '' },
        { op: 'replace', path: '/tags', value: ['b', 'c'] },
      ],
    },
  ])
})

const member = (status: string) => ({
  member_id: otherProjectId,
  image_id: id,
  status,
  created_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:05Z',
})

/** The call that only Vitrine has. */
const isExtension = ({ pathname }: URL) => pathname === '/v2/shares'

test('where there is the Image API alone, a dry run of a share changes nothing and tells what would be', async () => {
  const cloud = fakeCloud((_method, url) => {
    if (isExtension(url)) return undefined
    return url.pathname.endsWith('/members') ? { members: [member('accepted')] } : imageDocument(id)
  })
  const { out } = await vitrine(['share', id, otherProjectId, '5821234', '--dry-run', '-f', 'value'], cloud)
  assert.equal(out.text(), `${otherProjectId}\taccepted\talready shared\n5821234\t\twould be shared\n`)
  const changes = cloud.seen.filter(({ line }) => !line.startsWith('GET'))
  assert.deepEqual(
    changes.map(({ line }) => line),
    ['POST /v2/shares'],
  )
})

test('of many shares in one call, what fails is told and decides the code, and what was made is shown', async () => {
  const error = { status: 413, code: 'member_quota', message: 'The image has all the members it may have.\u001b[2J' }
  const cloud = fakeCloud((method, url) => {
    if (isExtension(url)) {
      const done = { image_id: id, project: '5821234', result: 'shared', error: null }
      const failed = { image_id: id, project: otherProjectId, result: 'failed', error }
      return { applied: true, results: [failed, done] }
    }
    if (method !== 'GET') return undefined
    return url.pathname.endsWith('/members') ? { members: [] } : imageDocument(id)
  })
  const { exitCode, out, talk } = await vitrine(['share', id, otherProjectId, '5821234', '-f', 'value'], cloud)
  assert.equal(exitCode, 6)
  assert.equal(out.text(), '5821234\t\tshared\n')
  assert.ok(
    talk.text().startsWith(`vitrine: ${otherProjectId}: The image has all the members it may have.\\u{1b}[2J\n`),
  )
})

test('where there is the Image API alone, sharing goes on after a failure and ends with its code', async () => {
  const cloud = fakeCloud((method, url) => {
    if (isExtension(url)) return undefined
    if (method !== 'POST') return url.pathname.endsWith(id) ? imageDocument(id) : member('accepted')
    const status = cloud.seen.length === 3 ? 413 : 409
    return Response.json({ error: { message: 'Refused.' } }, { status })
  })
  const { exitCode, out, talk } = await vitrine(['share', id, '5821234', otherProjectId, '-f', 'value'], cloud)
  assert.equal(exitCode, 6)
  assert.match(talk.text(), /^vitrine: Refused\.\n/)
  assert.equal(out.text(), `${otherProjectId}\taccepted\talready shared\n`)
})

test('an inbox leaves out what is not for this project, and says so when nothing waits', async () => {
  const cloud = fakeCloud((_method, url) => {
    if (url.pathname === '/v2/images') {
      return {
        images: [imageDocument('own'), imageDocument('foreign', { owner: otherProjectId })],
        first: '/v2/images',
      }
    }
    return undefined
  })
  const empty = await vitrine(['inbox'], cloud)
  assert.equal(empty.exitCode, 0)
  assert.equal(empty.out.text(), '')
  assert.match(empty.talk.text(), new RegExp(`^Nothing waits\\..*${projectId}`))
  assert.equal((await vitrine(['inbox', '-f', 'json'], cloud)).out.text(), '[]\n')
})

test('--debug shows requests without the token and the password', async () => {
  const { talk } = await vitrine(
    ['image', 'show', id, '--debug'],
    fakeCloud(() => imageDocument(id)),
  )
  assert.match(talk.text(), /> GET http:\/\/cloud\.example\/v2\/images\/d164b5df/)
  assert.match(talk.text(), /X-Auth-Token: \*\*\*/)
  assert.doesNotMatch(talk.text(), /token-of-someone|secret of someone/)
})

test('a failed upload takes the new image away again', async () => {
  const cloud = fakeCloud((method) => {
    if (method === 'PUT') return Response.json({ error: { message: 'The store is full.' } }, { status: 413 })
    return method === 'DELETE' ? new Response(null, { status: 204 }) : imageDocument(id, { status: 'queued' })
  })
  const { exitCode, talk } = await vitrine(
    ['image', 'create', 'x', '--file', import.meta.filename, '--disk-format', 'raw'],
    cloud,
  )
  assert.equal(exitCode, 6)
  assert.deepEqual(
    cloud.seen.map(({ line }) => line.split(' ')[0]),
    ['POST', 'PUT', 'DELETE'],
  )
  assert.equal(
    talk.text(),
    `vitrine: The store is full.\nThe new image ${id} was removed again; nothing is left of it.\n`,
  )
})

test('bytes that arrived differently are an error, and the image goes', async () => {
  const cloud = fakeCloud((method) => {
    if (method === 'PUT' || method === 'DELETE') return new Response(null, { status: 204 })
    return imageDocument(id, { os_hash_algo: 'sha512', os_hash_value: '00' })
  })
  const { exitCode, talk } = await vitrine(
    ['image', 'create', 'x', '--file', import.meta.filename, '--disk-format', 'raw'],
    cloud,
  )
  assert.equal(exitCode, 1)
  assert.match(talk.text(), /got other bytes/)
  assert.ok(cloud.seen.some(({ line }) => line.startsWith('DELETE')))
})

test('an image is not written to a terminal', async () => {
  const context = memoryContext(fakeCloud(() => imageDocument(id)))
  const terminal = { ...context, out: { ...context.out, isTerminal: true } }
  assert.equal(await run(['image', 'download', id, '-o', '-'], terminal), 2)
  assert.equal(context.out.text(), '')
})
