import { randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { ContentServer } from '../content.ts'
import { expectEqual, expectStatus } from '../expect.ts'
import { expectFailed, expectImported, importImage, importMethods, tasksOf } from '../imports.ts'
import { stringAt } from '../json.ts'
import { eventually, type Group, type Scene } from '../suite.ts'
import { qcow2 } from './disk-images.ts'

const bytes = randomBytes(700_001)
const noContent = 'run the suite with --content, and let the service import from there'

const download = (uri: string) => ({ method: { name: 'web-download', uri } })

const runGood = async (scene: Scene, content: ContentServer) => {
  const { actors, images, check } = scene
  const plain = content.serve('/plain', bytes)
  const ways: [what: string, uri: string][] = [
    ['with a length', plain],
    [
      'chunked',
      content.serve('/chunked', (_request, response) => {
        response.write(bytes.subarray(0, 1000))
        response.end(bytes.subarray(1000))
      }),
    ],
    [
      'behind a redirect',
      content.serve('/moved', (_request, response) => response.writeHead(302, { location: '/plain' }).end()),
    ],
    ['with a query', content.serve('/plain?token=1', bytes)],
  ]
  for (const [what, uri] of ways)
    await check(`bytes that a server sends ${what} are imported`, async () => {
      const id = await images.queued()
      const answer = expectStatus(await importImage(actors.owner, id, download(uri)), 202)
      expectEqual(answer.bytes.length, 0, 'the length of the body')
      await expectImported(scene, id, bytes)
    })
  await check('a disk is imported with its virtual size', async () => {
    const disk = qcow2({ virtualSizeBytes: 8 * 1024 * 1024 })
    const id = await images.queued({ disk_format: 'qcow2' })
    expectStatus(await importImage(actors.owner, id, download(content.serve('/disk', disk))), 202)
    expectEqual((await expectImported(scene, id, disk)).virtual_size, 8 * 1024 * 1024, 'virtual_size')
  })
}

/** Sends a part and hangs up, whenever there is more than that to send. */
const inPieces =
  (pieceBytes: number): RequestListener =>
  (request, response) => {
    const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const rest = bytes.subarray(offset)
    const range = `bytes ${offset}-${bytes.length - 1}/${bytes.length}`
    const headers = {
      etag: '"pieces"',
      'content-length': rest.length,
      ...(offset > 0 ? { 'content-range': range } : {}),
    }
    response.writeHead(offset > 0 ? 206 : 200, headers)
    if (rest.length <= pieceBytes) return response.end(rest)
    response.write(rest.subarray(0, pieceBytes))
    return setTimeout(() => response.destroy(), 50)
  }

const runFailures = async (scene: Scene, content: ContentServer) => {
  const { actors, images, check, own } = scene
  const backed = qcow2({ virtualSizeBytes: 8 * 1024 * 1024, backingFile: '/etc/passwd' })
  const answers: [what: string, path: string, answer: RequestListener, own?: 'own'][] = [
    ['that is not there', '/gone', (_request, response) => response.writeHead(404).end('nothing')],
    ['that breaks', '/broken', (_request, response) => response.writeHead(500).end()],
    [
      'that breaks off half-way',
      '/cut',
      (_request, response) => {
        response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 1000))
        setTimeout(() => response.destroy(), 50)
      },
    ],
    [
      'that leads round in circles',
      '/circle',
      (_request, response) => response.writeHead(302, { location: '/circle' }).end(),
    ],
    [
      'that leads to a metadata service',
      '/inside',
      (_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
      'own',
    ],
    [
      'that leads to a file',
      '/file',
      (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    ],
    [
      'that leads to a user and password',
      '/userinfo',
      (_request, response) =>
        response.writeHead(302, { location: `${content.url.replace('//', '//a:b@')}/plain` }).end(),
      'own',
    ],
    [
      'that compresses',
      '/gzip',
      (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes),
      'own',
    ],
  ]
  for (const [what, path, answer, flag] of answers)
    await (flag === 'own' ? own : check)(`an address ${what} fails, and the task says why`, async () => {
      const id = await images.queued()
      expectStatus(await importImage(actors.owner, id, download(content.serve(path, answer))), 202)
      const message = await expectFailed(scene, id)
      expectEqual(message.includes('169.254'), false, 'whether the message names the address')
    })
  await own('OSSA-2015-014: a disk with a backing file is not imported', async () => {
    const id = await images.queued({ disk_format: 'qcow2' })
    expectStatus(await importImage(actors.owner, id, download(content.serve('/backed', backed))), 202)
    await expectFailed(scene, id)
  })
  await own('an address that breaks off again and again is gone on with where it stopped', async () => {
    const id = await images.queued()
    const uri = content.serve('/pieces', inPieces(250_000))
    expectStatus(await importImage(actors.owner, id, download(uri)), 202)
    await expectImported(scene, id, bytes)
    expectEqual(content.calls('/pieces').length, 3, 'the number of requests')
  })
  await check('after an import that failed another one succeeds', async () => {
    const id = await images.queued()
    expectStatus(await importImage(actors.owner, id, download(`${content.url}/nothing-is-here`)), 202)
    await expectFailed(scene, id)
    expectStatus(await importImage(actors.owner, id, download(content.serve('/plain', bytes))), 202)
    await expectImported(scene, id, bytes)
  })
}

/** Bytes that stop half-way until they are told to go on. */
const slowly = () => {
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const answer: RequestListener = async (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 5000))
    await gate
    response.end(bytes.subarray(5000))
  }
  return { answer, finish: () => open() }
}

const runMeanwhile = async (scene: Scene, content: ContentServer) => {
  const { actors, images, check } = scene
  const { owner, consumer } = actors
  const slow = slowly()
  const uri = content.serve('/slow', slow.answer)
  const id = await images.queued()
  const path = `/v2/images/${id}`
  try {
    await check('while it is imported an image is importing, and names its task and store', async () => {
      expectStatus(await importImage(owner, id, download(uri)), 202)
      const image = await eventually(
        () => images.read(id),
        ({ status, os_glance_importing_to_stores: stores }) => status === 'importing' && typeof stores === 'string',
        'the import',
      )
      const [task] = await tasksOf(owner, id)
      expectEqual(image.os_glance_import_task, stringAt(task, 'id'), 'the task')
      expectEqual(['pending', 'processing'].includes(stringAt(task, 'status')), true, 'whether the task works')
    })
    await check('meanwhile another import and an upload are 409, a download finds nothing', async () => {
      expectStatus(await importImage(owner, id, download(uri)), 409)
      expectStatus(await owner.api.upload(`${path}/file`, 'x'), 409)
      expectStatus(await owner.api.upload(`${path}/stage`, 'x'), 409)
      expectStatus(await owner.api.get(`${path}/file`), 204)
      expectStatus(await owner.api.post(`${path}/actions/deactivate`), 403)
    })
    await check('meanwhile it can be changed and shared', async () => {
      expectStatus(await owner.api.patch(path, [{ op: 'replace', path: '/name', value: 'importing' }]), 200)
      expectStatus(await owner.api.post(`${path}/members`, { member: consumer.projectId }), 200)
      expectStatus(await owner.api.patch(path, [{ op: 'remove', path: '/os_glance_import_task' }]), 403)
    })
  } finally {
    slow.finish()
  }
  await check('in the end it is active, and what happened meanwhile is kept', async () => {
    expectEqual((await expectImported(scene, id, bytes)).name, 'importing', 'the name')
  })
  await check(
    'an image that is deleted while it is imported is gone, and nothing fetches for it any more',
    async () => {
      const other = slowly()
      const doomed = await images.queued()
      expectStatus(await importImage(owner, doomed, download(content.serve('/doomed', other.answer))), 202)
      try {
        const status = async () => String((await images.read(doomed)).status)
        await eventually(status, (value) => value === 'importing', 'the status importing')
        expectStatus(await owner.api.delete(`/v2/images/${doomed}`), 204)
        expectStatus(await owner.api.get(`/v2/images/${doomed}`), 404)
      } finally {
        other.finish()
      }
    },
  )
}

/** Addresses of the host itself and of its cloud, in the spellings that fooled other services. */
const inside = [
  'http://127.0.0.2/',
  'http://2130706434/',
  'http://0x7f000002/',
  'http://0177.0.0.2/',
  'http://127.2/',
  'http://0/',
  'http://[::]/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.2]/',
  'http://[::ffff:7f00:2]/',
  'http://[64:ff9b::7f00:2]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:7f00:2::]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/latest/meta-data/',
  'http://[fd00:ec2::254]/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.0.1/',
  'http://100.64.0.1/',
  'http://①②⑦.⓪.⓪.②/',
  'http://images.example.org@127.0.0.2/',
  'http://127.0.0.2\\@images.example.org/',
]

const runFilter = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const id = await images.queued()
  for (const uri of [
    'ftp://images.example.org/a',
    'file:///etc/passwd',
    'http://images.example.org:22/',
    'nonsense',
    '',
  ])
    await check(`${uri === '' ? 'an empty address' : uri} is 400`, async () => {
      expectStatus(await importImage(actors.owner, id, download(uri)), 400)
    })
  for (const uri of inside)
    await own(`OSSA-2026-004: ${uri} is 400, and the image stays queued`, async () => {
      expectStatus(await importImage(actors.owner, id, download(uri)), 400)
      expectEqual((await images.read(id)).status, 'queued', 'the status')
    })
  await own('an unknown host fails, and the image is queued again', async () => {
    const other = await images.queued()
    expectStatus(await importImage(actors.owner, other, download('http://images.invalid/disk.raw')), 202)
    await expectFailed(scene, other)
  })
}

export const importRemote: Group = {
  name: 'import from elsewhere',
  async run(scene) {
    if (!(await importMethods(scene)).includes('web-download')) {
      await scene.skip('bytes are fetched', 'the service does not import by web-download')
      return
    }
    await runFilter(scene)
    const { content } = scene.receivers
    if (content === undefined) {
      await scene.skip('bytes are fetched', noContent)
      return
    }
    await runGood(scene, content)
    await runFailures(scene, content)
    await runMeanwhile(scene, content)
  },
}
