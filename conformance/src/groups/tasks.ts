import { randomBytes, randomUUID } from 'node:crypto'
import { actorNamed } from '../actors.ts'
import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header, timeForm, uuidForm } from '../expect.ts'
import { importImage, importMethods, importOver, staged, tasksOf } from '../imports.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../json.ts'
import { eventually, type Group, type Scene } from '../suite.ts'

const somewhere = 'http://images.invalid/disk.raw'
const input = { import_from: somewhere, import_from_format: 'raw', image_properties: { name: 'conformance' } }

/** What every task shows, in lists and alone. */
const shortKeys = ['created_at', 'id', 'owner', 'schema', 'self', 'status', 'type', 'updated_at']

/** An image with a task that is over; returns the id of the task. */
const oneTask = async (scene: Scene): Promise<string> => {
  const id = await staged(scene, Buffer.from('task'))
  expectStatus(await importImage(scene.actors.owner, id, { method: { name: 'glance-direct' } }), 202)
  await importOver(scene, id)
  return stringAt((await tasksOf(scene.actors.admin, id))[0], 'id')
}

const runList = async (scene: Scene) => {
  const { actors, check } = scene
  const { api } = actors.admin
  const ids = [await oneTask(scene), await oneTask(scene), await oneTask(scene)]
  await check(
    'the administrator lists the tasks of everybody, newest first, without input, result and message',
    async () => {
      const answer = expectStatus(await api.get('/v2/tasks?limit=1000'), 200)
      expectField(answer, ['schema'], '/v2/schemas/tasks')
      expectField(answer, ['first'], '/v2/tasks?limit=1000')
      const tasks = listAt(answer.json, 'tasks')
      const found = tasks.map((task) => stringAt(task, 'id'))
      for (const id of ids) expectEqual(found.includes(id), true, `whether ${id} is listed`)
      for (const task of tasks) {
        const keys = Object.keys(objectAt(task))
        for (const key of shortKeys) expectEqual(keys.includes(key), true, `whether there is ${key}`)
        for (const key of ['input', 'result', 'message'])
          expectEqual(keys.includes(key), false, `whether there is ${key}`)
        expectMatch(stringAt(task, 'created_at'), timeForm, 'created_at')
        expectEqual(stringAt(task, 'self'), `/v2/tasks/${stringAt(task, 'id')}`, 'self')
        expectEqual(stringAt(task, 'schema'), '/v2/schemas/task', 'schema')
      }
      const dates = tasks.map((task) => stringAt(task, 'created_at'))
      expectEqual(dates, [...dates].sort().reverse(), 'the dates')
    },
  )
  await check('pages follow one another to the end', async () => {
    const found: string[] = []
    let path: string | undefined = '/v2/tasks?limit=2&status=success'
    while (path !== undefined) {
      const answer: Answer = expectStatus(await api.get(path), 200)
      for (const task of listAt(answer.json, 'tasks')) found.push(stringAt(task, 'id'))
      const next: Json | undefined = at(answer.json, 'next')
      path = next === undefined ? undefined : String(next)
    }
    expectEqual(new Set(found).size, found.length, 'the number of different tasks')
    for (const id of ids) expectEqual(found.includes(id), true, `whether ${id} is listed`)
  })
  for (const status of ['pending', 'processing', 'success', 'failure'])
    await check(`filtered by the status ${status} only such tasks are listed`, async () => {
      const answer = expectStatus(await api.get(`/v2/tasks?status=${status}`), 200)
      for (const task of listAt(answer.json, 'tasks')) expectEqual(at(task, 'status'), status, 'the status')
    })
  const good: [query: string, what: string][] = [
    ['type=import', 'the one type that can be asked for'],
    ['sort_key=created_at&sort_dir=asc', 'an order'],
    ['sort_key=status', 'a key to sort by'],
    ['limit=0', 'no tasks at all'],
    [`marker=${ids[0]}`, 'what follows a task'],
  ]
  for (const [query, what] of good)
    await check(`${what} (${query.replace(/=[0-9a-f-]{36}/, '=ID')}) is 200`, async () => {
      expectStatus(await api.get(`/v2/tasks?${query}`), 200)
    })
  for (const query of ['limit=x', 'limit=-1', 'sort_dir=up', 'status=done', 'type=export', 'marker=here'])
    await check(`${query} is 400`, async () => {
      expectStatus(await api.get(`/v2/tasks?${query}`), 400)
    })
  await check('one task is shown with input, result and message', async () => {
    const answer = expectStatus(await api.get(`/v2/tasks/${ids[0]}`), 200)
    const task = objectAt(answer.json)
    for (const key of [...shortKeys, 'input', 'result', 'message', 'expires_at'])
      expectEqual(Object.hasOwn(task, key), true, `whether there is ${key}`)
    expectEqual([task.id, task.status, task.owner], [ids[0] ?? '', 'success', actors.owner.projectId], 'the task')
    expectEqual(typeof task.message, 'string', 'the message')
    expectMatch(String(task.expires_at), timeForm, 'expires_at')
    const days = (Date.parse(String(task.expires_at)) - Date.parse(String(task.updated_at))) / 86_400_000
    expectEqual(Math.round(days * 10) / 10, 2, 'the days for which it is kept')
  })
  await check('an unknown task is 404', async () => {
    expectStatus(await api.get(`/v2/tasks/${randomUUID()}`), 404)
  })
}

const runAccess = async (scene: Scene) => {
  const { actors, check } = scene
  const id = await oneTask(scene)
  for (const name of ['owner', 'ownerReader', 'consumer', 'stranger']) {
    const { api } = actorNamed(actors, name)
    await check(`${name} may neither list, show nor create tasks: 403`, async () => {
      expectStatus(await api.get('/v2/tasks'), 403)
      expectStatus(await api.get(`/v2/tasks/${id}`), 403)
      expectStatus(await api.post('/v2/tasks', { type: 'import', input }), 403)
    })
  }
  await check('without a token it is 401', async () => {
    expectStatus(await actors.nobody.get('/v2/tasks'), 401)
  })
  const rows: [method: string, path: string, allow: string][] = [
    ['DELETE', `/v2/tasks/${id}`, 'GET'],
    ['PUT', `/v2/tasks/${id}`, 'GET'],
    ['PATCH', `/v2/tasks/${id}`, 'GET'],
    ['DELETE', `/v2/tasks/${randomUUID()}`, 'GET'],
    ['PUT', '/v2/tasks', 'GET, POST'],
    ['DELETE', '/v2/tasks', 'GET, POST'],
  ]
  for (const [method, path, allow] of rows)
    await check(`${method} ${path.replace(/[0-9a-f-]{36}/, 'ID')} is 405 and allows ${allow}`, async () => {
      const answer = expectStatus(await actors.admin.api.send(method, path), 405)
      const allowed = (header(answer, 'allow') ?? '').split(',').map((word) => word.trim())
      expectEqual(allowed.sort().join(', '), allow, 'Allow')
    })
}

const wrongBodies: [what: string, body: Json | undefined][] = [
  ['no body', undefined],
  ['no type', { input }],
  ['no input', { type: 'import' }],
  ['an unknown type', { type: 'export', input }],
  ['an unknown key', { type: 'import', input, more: 1 }],
  ['a list', []],
  ['an input that is a text', { type: 'import', input: 'x' }],
  ['an input without address', { type: 'import', input: { import_from_format: 'raw', image_properties: {} } }],
  ['an address of the wrong scheme', { type: 'import', input: { ...input, import_from: 'file:///etc/passwd' } }],
  [
    'an address of a port that is closed',
    { type: 'import', input: { ...input, import_from: 'http://images.invalid:22/' } },
  ],
]

const runCreate = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { api } = actors.admin
  for (const [what, body] of wrongBodies)
    await check(`a task with ${what} is 400`, async () => {
      expectStatus(await api.post('/v2/tasks', body), 400)
    })
  // The older way to import was forgotten once when the newer one was secured.
  for (const address of [
    'http://127.0.0.2/',
    'http://2130706434/',
    'http://[::ffff:7f00:2]/',
    'http://169.254.169.254/',
  ])
    await own(`OSSA-2026-004: a task that imports from ${address} is 400`, async () => {
      expectStatus(await api.post('/v2/tasks', { type: 'import', input: { ...input, import_from: address } }), 400)
    })
  const { content } = scene.receivers
  if (content === undefined) {
    await scene.skip('a task imports an image', 'run the suite with --content')
    return
  }
  const bytes = randomBytes(100_001)
  await check('a task imports an image of its own', async () => {
    const from = content.serve('/by-task', bytes)
    const properties = { name: 'by task', disk_format: 'raw', container_format: 'bare', hw_disk_bus: 'scsi' }
    const body = { type: 'import', input: { ...input, import_from: from, image_properties: properties } }
    const answer = expectStatus(await api.post('/v2/tasks', body), 201)
    const id = stringAt(answer.json, 'id')
    expectMatch(id, uuidForm, 'id')
    expectMatch(header(answer, 'location'), new RegExp(`/v2/tasks/${id}$`), 'Location')
    expectEqual(at(answer.json, 'status'), 'pending', 'the status')
    expectEqual(at(answer.json, 'input', 'import_from'), from, 'the input')
    const task = await eventually(
      async () => objectAt((await api.get(`/v2/tasks/${id}`)).json),
      ({ status }) => status === 'success' || status === 'failure',
      'the end of the task',
      30,
    )
    expectEqual([task.status, task.message], ['success', ''], 'status and message')
    const image = images.remember(stringAt(task, 'result', 'image_id'))
    const shown = await images.read(image)
    expectEqual(
      [shown.status, shown.name, shown.size, shown.hw_disk_bus],
      ['active', 'by task', bytes.length, 'scsi'],
      'the image',
    )
    expectEqual((await api.get(`/v2/images/${image}/file`)).bytes.equals(bytes), true, 'whether the bytes are the same')
  })
  await check('a task whose address is not there fails, says why, and leaves no active image', async () => {
    const body = { type: 'import', input: { ...input, import_from: `${content.url}/by-task-nothing` } }
    const id = stringAt(expectStatus(await api.post('/v2/tasks', body), 201).json, 'id')
    const task = await eventually(
      async () => objectAt((await api.get(`/v2/tasks/${id}`)).json),
      ({ status }) => status === 'success' || status === 'failure',
      'the end of the task',
      30,
    )
    expectEqual(task.status, 'failure', 'the status')
    expectEqual(String(task.message).length > 0, true, 'whether it says why')
  })
}

export const tasks: Group = {
  name: 'tasks',
  async run(scene) {
    if (!(await importMethods(scene)).includes('glance-direct')) {
      await scene.skip('tasks are listed', 'the service does not import by glance-direct')
      return
    }
    await runList(scene)
    await runAccess(scene)
    await runCreate(scene)
  },
}
