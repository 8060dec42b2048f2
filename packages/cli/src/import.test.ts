import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { fakeCloud, imageDocument, type MemoryContext, memoryContext, projectId } from '../test/memory-context.ts'
import type { Context } from './context.ts'
import { run } from './run.ts'

const imageId = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'
const image = `/v2/images/${imageId}`

const vitrine = async (words: string[], given: Partial<Context>): Promise<MemoryContext & { exitCode: number }> => {
  const context = memoryContext(given)
  const exitCode = await run(words, context)
  return { ...context, exitCode }
}

const taskDocument = (changes: object = {}) => ({
  id: 't1',
  type: 'api_image_import',
  status: 'success',
  owner: projectId,
  created_at: '2026-01-01T00:00:00.123456',
  updated_at: '2026-01-01T00:00:01.000000',
  expires_at: null,
  deleted_at: null,
  deleted: false,
  image_id: imageId,
  request_id: 'req-1',
  user_id: 'u1',
  input: { import_req: { method: { name: 'web-download' } } },
  result: null,
  message: '',
  ...changes,
})

/** A cloud with one image, which looks different each time it is asked for. */
const cloudWith = (
  states: readonly Record<string, unknown>[],
  answer: (line: string) => unknown = () => undefined,
  task: object = taskDocument(),
) => {
  let asked = 0
  return fakeCloud((method, url) => {
    const line = `${method} ${url.pathname}`
    const given = answer(line)
    if (given !== undefined) return given
    if (line === `POST ${image}/import`) return new Response(null, { status: 202 })
    if (line === `GET ${image}/tasks`) return { tasks: [task] }
    if (line !== `GET ${image}`) return undefined
    const state = states[Math.min(asked, states.length - 1)]
    asked += 1
    return imageDocument(imageId, state)
  })
}

const bodyOf = ({ seen }: ReturnType<typeof fakeCloud>, line: string) =>
  seen.find((request) => request.line === line)?.body

test('an image is imported from an address, with lines that tell how far it is', async () => {
  const task = { os_glance_import_task: 't1' }
  const cloud = cloudWith([
    { status: 'queued' },
    { status: 'importing', os_glance_importing_to_stores: 's1,s2', ...task },
    { status: 'importing', os_glance_importing_to_stores: 's1,s2', ...task },
    { status: 'importing', os_glance_importing_to_stores: 's2', stores: 's1', ...task },
    { status: 'active', os_glance_importing_to_stores: '', os_glance_failed_import: 's2', stores: 's1' },
  ])
  const words = ['image', 'import', imageId, '--uri', 'https://example.org/a.qcow2', '--all-stores', '--allow-failure']
  const { exitCode, out, talk } = await vitrine([...words, '--wait', '-f', 'value', '-c', 'status'], cloud)
  assert.equal(exitCode, 0, talk.text())
  assert.equal(out.text(), 'active\n')
  assert.deepEqual(talk.text().trimEnd().split('\n'), [
    `The image is being imported. How it stands: vitrine image tasks ${imageId}`,
    'The image is importing; still to do s1, s2.',
    'The image is importing; in s1; still to do s2.',
    'The image is active; in s1; failed in s2.',
  ])
  assert.deepEqual(bodyOf(cloud, `POST ${image}/import`), {
    method: { name: 'web-download', uri: 'https://example.org/a.qcow2' },
    all_stores: true,
    all_stores_must_succeed: false,
  })
})

test('the method is told by the options, or by the image', async () => {
  const rows: [status: string, words: string[], method: object][] = [
    ['uploading', [], { name: 'glance-direct' }],
    ['active', ['--store', 's1', '--store', 's2'], { name: 'copy-image' }],
    ['queued', ['--method', 'web-download', '--uri', 'http://a/'], { name: 'web-download', uri: 'http://a/' }],
    [
      'queued',
      ['--from-region', 'two', '--from-image', 'i2', '--from-interface', 'internal'],
      {
        name: 'glance-download',
        glance_region: 'two',
        glance_image_id: 'i2',
        glance_service_interface: 'internal',
      },
    ],
  ]
  for (const [status, words, method] of rows) {
    const cloud = cloudWith([{ status }])
    const { exitCode, talk } = await vitrine(['image', 'import', imageId, ...words], cloud)
    assert.equal(exitCode, 0, talk.text())
    const body = bodyOf(cloud, `POST ${image}/import`)
    const stores = words.includes('--store') ? { stores: ['s1', 's2'] } : {}
    assert.deepEqual(body, { method, ...stores })
  }
})

test('what cannot be meant is wrong usage, and nothing is imported', async () => {
  const wrong = [
    [],
    ['--uri', 'http://a/', '--from-region', 'two'],
    ['--uri', 'http://a/', '--method', 'copy-image'],
    ['--method', 'web-download'],
    ['--from-region', 'two'],
    ['--method', 'glance-download', '--from-image', 'i2'],
    ['--uri', 'http://a/', '--store', 's1', '--all-stores'],
    ['--method', 'by-magic'],
  ]
  for (const words of wrong) {
    const cloud = cloudWith([{ status: 'queued' }])
    const { exitCode } = await vitrine(['image', 'import', imageId, ...words], cloud)
    assert.equal(exitCode, 2, words.join(' '))
    assert.equal(bodyOf(cloud, `POST ${image}/import`), undefined)
  }
})

test('an import that fails says why, without obeying what the service wrote', async () => {
  const message = 'The address answered with status 404.\u001b[31m'
  const cloud = cloudWith([{ status: 'queued' }], undefined, taskDocument({ status: 'failure', message }))
  const { exitCode, talk } = await vitrine(['image', 'import', imageId, '--uri', 'http://a/', '--wait'], cloud)
  assert.equal(exitCode, 1)
  assert.match(talk.text(), /it is queued\. The address answered with status 404\..* It can be imported again\./)
  assert.match(talk.text(), new RegExp(`vitrine image tasks ${imageId}`))
  assert.ok(!talk.text().includes('\u001b[31m'))
})

test('bytes are staged from a pipe', async () => {
  let staged = false
  const cloud = cloudWith([{ status: 'queued' }, { status: 'uploading', size: 5 }], (line) => {
    if (line !== `PUT ${image}/stage`) return undefined
    staged = true
    return new Response(null, { status: 204 })
  })
  const stdin = Readable.from([Buffer.from('bytes')])
  const { exitCode, out, talk } = await vitrine(
    ['image', 'stage', imageId, '--file', '-', '-f', 'value', '-c', 'status'],
    { ...cloud, stdin },
  )
  assert.equal(exitCode, 0, talk.text())
  assert.equal(staged, true)
  assert.equal(out.text(), 'uploading\n')
  assert.match(talk.text(), new RegExp(`vitrine image import ${imageId} --wait`))
})

test('tasks of an image and of the cloud are shown', async () => {
  const answer = (line: string) => {
    if (line === 'GET /v2/tasks') return { tasks: [taskDocument(), taskDocument({ id: 't2', status: 'failure' })] }
    return line === 'GET /v2/tasks/t1' ? taskDocument() : undefined
  }
  const cloud = cloudWith([{}], answer, taskDocument({ message: 'It broke off.' }))
  const ofImage = await vitrine(['image', 'tasks', imageId, '-f', 'value', '-c', 'status,message'], cloud)
  assert.equal(ofImage.out.text(), 'success\tIt broke off.\n')
  const all = await vitrine(['task', 'list', '--status', 'failure', '-f', 'value', '-c', 'id'], cloud)
  assert.equal(all.out.text(), 't1\nt2\n')
  assert.ok(cloud.seen.some(({ line }) => line === 'GET /v2/tasks?status=failure'))
  const first = await vitrine(['task', 'list', '--limit', '1', '-f', 'value', '-c', 'id'], cloud)
  assert.equal(first.out.text(), 't1\n')
  assert.match(first.talk.text(), /--limit lists more/)
  const one = await vitrine(['task', 'show', 't1', '-f', 'json'], cloud)
  assert.equal(JSON.parse(one.out.text()).image_id, imageId)
  assert.equal((await vitrine(['task', 'show', 'nothing'], cloud)).exitCode, 3)
  const none = await vitrine(
    ['image', 'tasks', imageId],
    cloudWith([{}], (line) => (line.endsWith('/tasks') ? { tasks: [] } : undefined)),
  )
  assert.match(none.talk.text(), /Nothing was imported/)
})

test('stores and usage are shown, also where the cloud has none to tell of', async () => {
  const store = { id: 's1', default: 'true', type: 'file', weight: 100, properties: { data_dir: '/a' } }
  const cloud = cloudWith([{}], (line) => {
    if (line === 'GET /v2/info/stores')
      return {
        stores: [
          { id: 's1', default: 'true' },
          { id: 's2', 'read-only': 'true' },
        ],
      }
    if (line === 'GET /v2/info/stores/detail') return { stores: [store] }
    if (line !== 'GET /v2/info/usage') return undefined
    return { usage: { image_size_total: { usage: 3, limit: 2048 }, image_count_total: { usage: 2, limit: -1 } } }
  })
  const plain = await vitrine(['stores', '-f', 'value'], cloud)
  assert.equal(plain.out.text(), 's1\ttrue\tfalse\t\ns2\tfalse\ttrue\t\n')
  const detailed = await vitrine(['stores', '--details', '-f', 'json'], cloud)
  assert.deepEqual(JSON.parse(detailed.out.text())[0].properties, { data_dir: '/a' })
  const usage = await vitrine(['usage'], cloud)
  assert.match(usage.out.text(), /image_size_total +\S* *3\.0 MiB +\S* *2\.0 GiB/)
  assert.match(usage.out.text(), /image_count_total +\S* *2 +\S* *none/)
  const poor = cloudWith([{}])
  for (const [command, said] of [
    ['stores', /one store, without a name/],
    ['usage', /limits nothing/],
  ] as const) {
    const { exitCode, talk } = await vitrine([command], poor)
    assert.equal(exitCode, 0)
    assert.match(talk.text(), said)
  }
})

test('bytes are deleted from one store, and the image stays', async () => {
  const cloud = cloudWith([{ stores: 's1,s2', protected: true }, { stores: 's2' }], (line) =>
    line === `DELETE /v2/stores/s1/${imageId}` ? new Response(null, { status: 204 }) : undefined,
  )
  const { exitCode, talk } = await vitrine(['image', 'delete', imageId, '--store', 's1', '--yes'], cloud)
  assert.equal(exitCode, 0, talk.text())
  assert.match(talk.text(), /in the store s1\. They stay in s2\./)
  assert.ok(!cloud.seen.some(({ line }) => line === `DELETE ${image}`))
})
