import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageDocument, imageId, scripted } from '../test/fake-fetch.ts'
import { ConflictError, ImportFailedError, UnexpectedResponseError } from './errors.ts'
import type { ImportState } from './image-import.ts'
import { type JsonValue, parseJson } from './json.ts'

const base = `/v2/images/${imageId}`

const taskDocument = (changes: { [name: string]: JsonValue } = {}): { [name: string]: JsonValue } => ({
  id: 't1',
  type: 'api_image_import',
  status: 'processing',
  owner: 'producer',
  expires_at: null,
  created_at: '2026-01-01T00:00:00.123456',
  updated_at: '2026-01-01T00:00:01.000000',
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

/** A queued image, and what the service answers to the calls after. */
const withImage = async (...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: imageDocument({ status: 'queued' }) }, ...script)
  const image = await cloud.images.getImage(imageId)
  const asked = () =>
    cloud.requests.slice(1).map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)])
  return { ...cloud, image, asked }
}

const queued = { json: imageDocument({ status: 'queued' }) }
const importing = (changes: { [name: string]: JsonValue } = {}) => ({
  json: imageDocument({ status: 'importing', os_glance_import_task: 't1', ...changes }),
})
const active = (changes: { [name: string]: JsonValue } = {}) => ({
  json: imageDocument({ os_glance_importing_to_stores: '', os_glance_failed_import: '', ...changes }),
})
const accepted = { status: 202 }
const tasks = (...documents: JsonValue[]) => ({ json: { tasks: documents } })

test('every method is asked for in the words of the API', async () => {
  const { image, asked } = await withImage(accepted, queued)
  const bodies = async (...attributes: Parameters<typeof image.import>[0][]) => {
    const found: unknown[] = []
    for (const one of attributes) {
      const { image, asked } = await withImage(accepted, queued)
      await image.import(one)
      found.push(asked()[0]?.[2])
    }
    return found
  }
  await image.import({ method: 'glance-direct' })
  assert.deepEqual(asked(), [
    ['POST', `${base}/import`, { method: { name: 'glance-direct' } }],
    ['GET', base, ''],
  ])
  assert.deepEqual(
    await bodies(
      { method: 'web-download', uri: 'https://example.org/a', stores: ['s1', 's2'], allStoresMustSucceed: false },
      { method: 'glance-download', region: 'two', imageId: 'i2', serviceInterface: 'internal' },
      { method: 'copy-image', allStores: true },
    ),
    [
      {
        method: { name: 'web-download', uri: 'https://example.org/a' },
        stores: ['s1', 's2'],
        all_stores_must_succeed: false,
      },
      {
        method: {
          name: 'glance-download',
          glance_region: 'two',
          glance_image_id: 'i2',
          glance_service_interface: 'internal',
        },
      },
      { method: { name: 'copy-image' }, all_stores: true },
    ],
  )
  const refused = await withImage({ status: 409 })
  await assert.rejects(refused.image.import({ method: 'glance-direct' }), ConflictError)
})

test('an import is waited for, and tells how far it is', async () => {
  const { image, asked, clock } = await withImage(
    accepted,
    importing({ os_glance_importing_to_stores: 's1,s2' }),
    importing({ os_glance_importing_to_stores: 's1,s2' }),
    importing({ os_glance_importing_to_stores: 's2', stores: 's1' }),
    active({ stores: 's1,s2' }),
    tasks(taskDocument({ status: 'success' })),
  )
  const states: ImportState[] = []
  await image.import(
    { method: 'web-download', uri: 'https://example.org/a', allStores: true },
    { wait: true, onChange: (state) => states.push(state) },
  )
  assert.equal(image.status, 'active')
  assert.deepEqual(image.stores, ['s1', 's2'])
  assert.deepEqual(
    states.map(({ status, waitingStores, stores }) => [status, waitingStores, stores]),
    [
      ['importing', ['s1', 's2'], []],
      ['importing', ['s2'], ['s1']],
      ['active', [], ['s1', 's2']],
    ],
  )
  assert.deepEqual(clock.sleeps, [250, 500, 1000])
  assert.deepEqual(asked().at(-1), ['GET', `${base}/tasks`, ''])
})

test('an import that has not begun yet is waited for by its task', async () => {
  const { image } = await withImage(
    queued,
    tasks(taskDocument({ status: 'pending' })),
    queued,
    tasks(taskDocument()),
    active(),
    tasks(taskDocument({ status: 'success' })),
  )
  const state = await image.waitForImport()
  assert.equal(state.status, 'active')
})

test('an import that failed says why', async () => {
  const old = taskDocument({ id: 't0', status: 'success', created_at: '2025-01-01T00:00:00.000000' })
  const message = 'The address answered with status 404.'
  const { image } = await withImage(
    accepted,
    importing(),
    { json: imageDocument({ status: 'queued', os_glance_failed_import: 's1' }) },
    tasks(old, taskDocument({ status: 'failure', message })),
  )
  await assert.rejects(
    image.import({ method: 'web-download', uri: 'https://example.org/a' }, { wait: true }),
    (error) => {
      assert.ok(error instanceof ImportFailedError)
      assert.ok(error.message.endsWith(`it is queued. ${message}`))
      assert.deepEqual([error.task?.id, error.state.failedStores], ['t1', ['s1']])
      return true
    },
  )
})

test('a cloud without tasks of images is waited for all the same', async () => {
  const good = await withImage({ json: imageDocument({ status: 'importing' }) }, active(), { status: 404 })
  assert.equal((await good.image.waitForImport()).status, 'active')
  const bad = await withImage(queued, { status: 404 })
  await assert.rejects(bad.image.waitForImport(), /does not say why/)
})

test('stores that failed are told when the others were enough; a copy that failed is an error', async () => {
  const partly = active({ stores: 's1', os_glance_failed_import: 's2' })
  const enough = await withImage(partly, tasks(taskDocument({ status: 'success' })))
  assert.deepEqual((await enough.image.waitForImport()).failedStores, ['s2'])
  const copy = await withImage(partly, tasks(taskDocument({ status: 'failure', message: 'The store is full.' })))
  await assert.rejects(copy.image.waitForImport(), ImportFailedError)
})

test('waiting ends with the reason of the signal', async () => {
  const { image } = await withImage(importing())
  const reason = new Error('no more')
  await assert.rejects(image.waitForImport({ signal: AbortSignal.abort(reason) }), reason)
})

test('bytes are staged as they are uploaded', async () => {
  const { image, requests } = await withImage({ status: 204 })
  await image.stageData(new Uint8Array([1, 2, 3]))
  const [, request] = requests
  assert.deepEqual([request?.method, request?.path], ['PUT', `${base}/stage`])
  assert.equal(request?.headers.get('x-openstack-image-size'), '3')
  assert.equal(request?.headers.get('content-type'), 'application/octet-stream')
})

test('the tasks of an image, and of the cloud', async () => {
  const { input: _input, result: _result, message: _message, ...short } = taskDocument()
  const { image, images, asked } = await withImage(
    tasks(taskDocument()),
    { json: { tasks: [short], next: '/v2/tasks?marker=t1' } },
    { json: { tasks: [] } },
    { json: taskDocument({ message: null, result: { image_id: imageId } }) },
    { json: { id: 't1' } },
  )
  const [task] = await image.listTasks().toArray()
  assert.deepEqual(
    [task?.status, task?.imageId, task?.createdAt.toISOString()],
    ['processing', imageId, '2026-01-01T00:00:00.123Z'],
  )
  const all = await images.listTasks({ status: 'failure', sortDir: 'asc' }).toArray()
  assert.deepEqual([all.length, all[0]?.message, all[0]?.input], [1, '', null])
  const one = await images.getTask('t1')
  assert.deepEqual([one.message, one.result], ['', { image_id: imageId }])
  await assert.rejects(images.getTask('t1'), UnexpectedResponseError)
  assert.deepEqual(
    asked().map(([, path]) => path),
    [`${base}/tasks`, '/v2/tasks?status=failure&sort_dir=asc', '/v2/tasks?marker=t1', '/v2/tasks/t1', '/v2/tasks/t1'],
  )
})

test('stores, methods and usage are told', async () => {
  const { images, asked } = await withImage(
    {
      json: {
        stores: [
          { id: 's1', default: 'true' },
          { id: 's2', description: 'slow', 'read-only': 'true' },
        ],
      },
    },
    { json: { stores: [{ id: 's1', default: 'true', type: 'file', weight: 100, properties: { data_dir: '/a' } }] } },
    { json: { 'import-methods': { type: 'array', description: '', value: ['glance-direct'] } } },
    { json: { usage: { image_size_total: { usage: 1, limit: 1000 }, image_count_total: { usage: 2, limit: -1 } } } },
    { json: { usage: {} } },
    { json: {} },
  )
  const plain = { description: undefined, type: undefined, weight: undefined, properties: undefined }
  assert.deepEqual(await images.getStores(), [
    { ...plain, id: 's1', isDefault: true, isReadOnly: false },
    { ...plain, id: 's2', description: 'slow', isDefault: false, isReadOnly: true },
  ])
  const [detailed] = await images.getStores({ details: true })
  assert.deepEqual([detailed?.type, detailed?.weight, detailed?.properties], ['file', 100, { data_dir: '/a' }])
  assert.deepEqual(await images.getImportInfo(), { methods: ['glance-direct'] })
  assert.deepEqual(await images.getUsage(), [
    { name: 'image_size_total', usage: 1, limit: 1000 },
    { name: 'image_count_total', usage: 2, limit: -1 },
  ])
  assert.deepEqual(await images.getUsage(), [])
  await assert.rejects(images.getStores(), UnexpectedResponseError)
  assert.deepEqual(
    asked().map(([, path]) => path),
    [
      '/v2/info/stores',
      '/v2/info/stores/detail',
      '/v2/info/import',
      '/v2/info/usage',
      '/v2/info/usage',
      '/v2/info/stores',
    ],
  )
})

test('bytes are deleted from one store, and locations are listed and added', async () => {
  const { image, asked } = await withImage(
    { status: 204 },
    active({ stores: 's2' }),
    { json: [{ url: 'file:///a', metadata: { store: 's2' } }, { url: 'https://example.org/a' }] },
    accepted,
    importing(),
    accepted,
    importing(),
    { json: { locations: [] } },
  )
  await image.deleteFromStore('s1')
  assert.deepEqual(image.stores, ['s2'])
  assert.deepEqual(await image.listLocations(), [
    { url: 'file:///a', metadata: { store: 's2' } },
    { url: 'https://example.org/a', metadata: {} },
  ])
  await image.addLocation('https://example.org/a')
  await image.addLocation('https://example.org/a', { algorithm: 'sha256', value: 'ab' })
  assert.deepEqual(
    asked().filter(([method]) => method !== 'GET'),
    [
      ['DELETE', `/v2/stores/s1/${imageId}`, ''],
      ['POST', `${base}/locations`, { url: 'https://example.org/a' }],
      [
        'POST',
        `${base}/locations`,
        { url: 'https://example.org/a', validation_data: { os_hash_algo: 'sha256', os_hash_value: 'ab' } },
      ],
    ],
  )
  await assert.rejects(image.listLocations(), UnexpectedResponseError)
})
