/** Every way by which bytes could come to an active image, tried with images that must not become active. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { ContainerFormat, DiskFormat } from '@vitrine/contract'
import { admin, ended, importsFromHere, newImage, octets, producer, show, startWeb } from '../imports/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { begin, sendPart, tus } from '../uploads/testing.ts'
import * as made from './handmade.ts'
import { ova } from './handmade-archive.ts'

interface Hostile {
  readonly title: string
  readonly bytes: Buffer
  readonly diskFormat: DiskFormat
  readonly containerFormat?: ContainerFormat
  readonly status?: 413
}

const hostile: readonly Hostile[] = [
  { title: 'OSSA-2015-014: backing file', bytes: made.qcow2({ backingFile: '/etc/passwd' }), diskFormat: 'qcow2' },
  { title: 'OSSA-2024-001: external data file', bytes: made.qcow2({ incompatible: 4n }), diskFormat: 'qcow2' },
  {
    title: 'OSSA-2023-002: flat extent of the host',
    bytes: made.vmdk({ createType: 'monolithicFlat', extent: 'RW 9 FLAT "/etc/passwd" 0' }),
    diskFormat: 'vmdk',
  },
  {
    title: 'OSSA-2024-002: another format under a label',
    bytes: made.qcow2({ backingFile: '/etc/passwd' }),
    diskFormat: 'iso',
  },
  { title: 'parent of a vhd', bytes: made.vhd({ type: 'differencing' }), diskFormat: 'vhd' },
  { title: 'parent of a vhdx, known at its end', bytes: made.vhdx({ hasParent: true }), diskFormat: 'vhdx' },
  {
    title: 'hostile disk in an ova',
    bytes: ova(['disk.vmdk', made.vmdk({ extent: 'RW 9 FLAT "/etc/passwd" 0' })]),
    diskFormat: 'vmdk',
    containerFormat: 'ova',
  },
  ...(['ovf', 'ova', 'docker', 'compressed', 'aki'] as const).map((containerFormat) => ({
    title: `OSSA-2024-003: backing file in the container ${containerFormat}`,
    bytes: made.qcow2({ backingFile: '/etc/passwd' }),
    diskFormat: 'raw' as const,
    containerFormat,
  })),
  {
    title: 'hostile disk of an ova in the container ovf',
    bytes: ova(['disk.vmdk', made.vmdk({ extent: 'RW 9 FLAT "/etc/passwd" 0' })]),
    diskFormat: 'vmdk',
    containerFormat: 'ovf',
  },
  {
    title: 'OSSA-2013-012, OSSA-2013-029: giant disk in few bytes',
    bytes: made.qcow2({ sizeBytes: 1n << 50n }),
    diskFormat: 'qcow2',
    status: 413,
  },
]

const formatsOf = ({ diskFormat, containerFormat = 'bare' }: Hostile) => ({
  disk_format: diskFormat,
  container_format: containerFormat,
})

eachDatabase('hostile images', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}): Promise<TestService> => {
    const service = await startTestService({ ...importsFromHere, ...settings, database_url: await newUrl() })
    atEnd(() => service.close())
    return service
  }

  const startHostileWeb = async () => {
    const web = await startWeb((request, response) => {
      const path = /^\/(?:v2\/images\/00000000-0000-4000-8000-)?0*(\d+)(\/file)?$/
      const [, index = '', rest] = path.exec(request.url ?? '') ?? []
      const one = hostile[Number(index)]
      if (one === undefined) response.writeHead(404).end()
      else if (request.url?.startsWith('/v2/') && rest === undefined) {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ status: 'active', ...formatsOf(one) }))
      } else response.end(one.bytes)
    })
    atEnd(web.close)
    return web
  }

  const startBoth = async () => {
    const web = await startHostileWeb()
    const settings = { regions: `other=${web.url}`, import_methods: 'glance-direct,web-download,glance-download' }
    return { web, service: await start({ ...settings, web_locations: true }) }
  }
  let started: ReturnType<typeof startBoth> | undefined
  /** A service, and a web server that has all of them, by their place in the list, as files and as images of another cloud. */
  const both = () => {
    started ??= startBoth()
    return started
  }

  /** The image waits for bytes as if nothing had been, and what was written of them is gone. */
  const isAsBefore = async (service: TestService, id: string): Promise<void> => {
    const image = await show(service, id)
    assert.equal(image.status, 'queued')
    for (const key of ['size', 'virtual_size', 'checksum', 'os_hash_value']) assert.equal(image[key], null)
    assert.equal((await service.call('GET', `/v2/images/${id}/file`, producer)).statusCode, 204)
  }

  const nothingIsStored = async ({ service }: TestService): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      service.sweeper.kick()
      const rows = await service.database.read.selectFrom('blobs').selectAll().execute()
      const keys = []
      for await (const key of service.stores.byDefault.keys()) keys.push(key)
      if (rows.length === 0 && keys.length === 0) return
      assert.ok(attempt < 200, JSON.stringify({ rows, keys }))
      await wait(20)
    }
  }

  const importBy = async (service: TestService, id: string, method: object, title: string) => {
    const answer = await service.call('POST', `/v2/images/${id}/import`, producer, { method })
    assert.equal(answer.statusCode, 202, title)
    const task = await ended(service, id)
    assert.equal(task.status, 'failure', title)
    return task
  }

  const whyOf = ({ status }: Hostile): RegExp =>
    status === 413 ? /disk in the image is too large/ : /do not match the disk_format/

  it('by upload', async () => {
    const { service } = await both()
    for (const one of hostile) {
      const id = await newImage(service, formatsOf(one))
      const answer = await service.call('PUT', `/v2/images/${id}/file`, producer, one.bytes, octets)
      assert.equal(answer.statusCode, one.status ?? 415, one.title)
      assert.match(answer.json().error.message, whyOf(one))
      await isAsBefore(service, id)
    }
    await nothingIsStored(service)
  })

  for (const [way, partsOf] of [
    ['in one part', (bytes: Buffer) => [bytes]],
    ['in two parts', (bytes: Buffer) => [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)]],
    [
      'in many parts, the first of which tells nothing',
      (bytes: Buffer) => [bytes.subarray(0, 3), bytes.subarray(3, 100), bytes.subarray(100, -1), bytes.subarray(-1)],
    ],
  ] as const)
    it(`by a resumable upload ${way}`, async () => {
      const { service } = await both()
      for (const one of hostile) {
        const id = await newImage(service, formatsOf(one))
        const path = await begin(service, id, one.bytes.length)
        let offset = 0
        let answer: Awaited<ReturnType<typeof sendPart>> | undefined
        for (const part of partsOf(one.bytes)) {
          // What is found early ends the upload early.
          if (answer !== undefined && answer.statusCode !== 204) break
          answer = await sendPart(service, path, offset, part)
          offset += part.length
        }
        assert.ok(answer)
        assert.equal(answer.statusCode, one.status ?? 415, one.title)
        assert.match(answer.json().error.message, whyOf(one))
        assert.equal((await service.call('HEAD', path, producer, undefined, tus)).statusCode, one.status ?? 415)
        await isAsBefore(service, id)
      }
      await nothingIsStored(service)
    })

  it('by stage and import', async () => {
    const { service } = await both()
    for (const one of hostile) {
      const id = await newImage(service, formatsOf(one))
      const staged = await service.call('PUT', `/v2/images/${id}/stage`, producer, one.bytes, octets)
      assert.equal(staged.statusCode, 204, one.title)
      const task = await importBy(service, id, { name: 'glance-direct' }, one.title)
      assert.match(task.message, whyOf(one))
      await isAsBefore(service, id)
    }
    await nothingIsStored(service)
  })

  it('by import from an address', async () => {
    const { service, web } = await both()
    for (const [index, one] of hostile.entries()) {
      const id = await newImage(service, formatsOf(one))
      const task = await importBy(service, id, { name: 'web-download', uri: `${web.url}/${index}` }, one.title)
      assert.match(task.message, whyOf(one))
      await isAsBefore(service, id)
    }
    await nothingIsStored(service)
  })

  it('by import from another cloud', async () => {
    const { service } = await both()
    for (const [index, one] of hostile.entries()) {
      const id = await newImage(service, formatsOf(one))
      const remote = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
      const method = { name: 'glance-download', glance_region: 'other', glance_image_id: remote }
      const task = await importBy(service, id, method, one.title)
      assert.match(task.message, whyOf(one))
      await isAsBefore(service, id)
    }
    await nothingIsStored(service)
  })

  it('by a task of an administrator', async () => {
    const { service, web } = await both()
    for (const [index, one] of hostile.entries()) {
      const input = {
        import_from: `${web.url}/${index}`,
        import_from_format: one.diskFormat,
        image_properties: { name: `task ${index}`, container_format: one.containerFormat ?? 'bare' },
      }
      const answer = await service.call('POST', '/v2/tasks', admin, { type: 'import', input })
      assert.equal(answer.statusCode, 201, answer.body)
      const { images } = (await service.call('GET', `/v2/images?name=task%20${index}`, admin)).json()
      const task = await ended(service, images[0].id)
      assert.equal(task.status, 'failure', one.title)
      assert.match(task.message, whyOf(one))
      assert.equal((await show(service, images[0].id)).status, 'queued')
    }
    await nothingIsStored(service)
  })

  it('by a location', async () => {
    const { service, web } = await both()
    for (const [index, one] of hostile.entries()) {
      const id = await newImage(service, formatsOf(one))
      const at = `/v2/images/${id}/locations`
      const answer = await service.call('POST', at, producer, { url: `${web.url}/${index}` })
      assert.equal(answer.statusCode, 202, answer.body)
      const task = await ended(service, id)
      assert.equal(task.status, 'failure', one.title)
      assert.match(task.message, whyOf(one))
      await isAsBefore(service, id)
    }
    await nothingIsStored(service)
  })

  it('by a location that is a file, or that a PATCH adds', async () => {
    const { service, web } = await both()
    const id = await newImage(service, { disk_format: 'qcow2' })
    for (const token of [producer, admin]) {
      const file = { url: 'file:///etc/passwd' }
      assert.equal((await service.call('POST', `/v2/images/${id}/locations`, token, file)).statusCode, 403)
      for (const url of [file.url, `${web.url}/0`]) {
        const patch = [{ op: 'add', path: '/locations/-', value: { url, metadata: {} } }]
        const type = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
        assert.equal((await service.call('PATCH', `/v2/images/${id}`, token, patch, type)).statusCode, 403)
      }
    }
    await isAsBefore(service, id)
  })

  it('OSSA-2024-002: bytes that came as raw stay raw', async () => {
    const service = await start()
    const bytes = made.qcow2({ backingFile: '/etc/passwd' })
    const id = await newImage(service)
    assert.equal((await service.call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)).statusCode, 204)
    const type = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    for (const token of [producer, admin]) {
      const patch = [{ op: 'replace', path: '/disk_format', value: 'qcow2' }]
      assert.equal((await service.call('PATCH', `/v2/images/${id}`, token, patch, type)).statusCode, 403)
    }
    assert.equal((await show(service, id)).virtual_size, bytes.length)
    const copied = await service.call('POST', `/v2/images/${id}/copies`, producer, { disk_format: 'qcow2' })
    await service.service.copies.settled()
    if (copied.statusCode < 300) assert.equal((await show(service, copied.json().id)).disk_format, 'raw')
    else assert.equal(copied.statusCode, 400, copied.body)
  })

  it('OSSA-2024-003: formats that change while the bytes come are not those that were judged', async () => {
    const service = await start()
    let arrived = (): void => {}
    let goOn = (): void => {}
    const asked = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const gate = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const bytes = made.qcow2({ backingFile: '/etc/passwd' })
    const web = await startWeb((_request, response) => {
      response.write(bytes.subarray(0, 100_000))
      arrived()
      void gate.then(() => response.end(bytes.subarray(100_000)))
    })
    atEnd(web.close)
    const id = await newImage(service)
    const method = { name: 'web-download', uri: web.url }
    assert.equal((await service.call('POST', `/v2/images/${id}/import`, producer, { method })).statusCode, 202)
    await asked
    const type = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    const patch = [{ op: 'replace', path: '/disk_format', value: 'qcow2' }]
    assert.equal((await service.call('PATCH', `/v2/images/${id}`, producer, patch, type)).statusCode, 200)
    goOn()
    const task = await ended(service, id)
    assert.equal(task.status, 'failure')
    assert.match(task.message, /formats of the image were changed/)
    await isAsBefore(service, id)
    await nothingIsStored(service)
  })

  it('with format_check off, a giant disk is refused still, and nothing else', async () => {
    const service = await start({ format_check: false })
    for (const one of hostile) {
      const id = await newImage(service, formatsOf(one))
      const answer = await service.call('PUT', `/v2/images/${id}/file`, producer, one.bytes, octets)
      assert.equal(answer.statusCode, one.status ?? 204, one.title)
    }
  })
})
