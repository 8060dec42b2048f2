import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { HttpError, type Image } from '@vitrine/sdk'
import { type Account, logIn } from './accounts.ts'
import { type Ceph, startCeph } from './ceph/ceph.ts'
import { ClientCommand } from './client-command.ts'
import { sha512Of } from './disk.ts'
import { findPlain } from './encryption/search.ts'
import { glanceEnvironment } from './glance-environment.ts'
import { freePort } from './network.ts'
import { OpenStackCommand } from './openstack-client.ts'
import { needCommands } from './packages.ts'
import { run, runSuccessfully } from './process.ts'
import { type RunningService, root, startService, temporaryFolder } from './service.ts'
import { userEnvironment } from './stage.ts'
import { succeeds, type Vitrine, vitrineAs } from './vitrine-command.ts'
import { waitFor } from './wait.ts'

/** A service with a store in a real Ceph, by default, and one in a folder beside it. */

const skip = await needCommands(
  ...(['openstack', 'glance', 'qemu-img', 'ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin'] as const),
)
const mebibyte = 1024 * 1024
/** A little less than the parts have that the service sends an object in. */
const partBytes = 8 * mebibyte

interface File {
  readonly path: string
  readonly bytes: Buffer
}

/** A file with bytes that no other has. */
const makeFile = async (folder: string, name: string, sizeBytes: number): Promise<File> => {
  const path = join(folder, name)
  const bytes = randomBytes(sizeBytes)
  await writeFile(path, bytes)
  return { path, bytes }
}

/** A disk for QEMU whose file has more bytes than that, made from what is written next to it as `NAME.raw`. */
const makeDisk = async (folder: string, name: string, contentBytes: number): Promise<{ path: string; raw: string }> => {
  const { path: raw } = await makeFile(folder, `${name}.raw`, contentBytes)
  const path = join(folder, `${name}.qcow2`)
  await runSuccessfully('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path])
  return { path, raw }
}

/** Sends some of the bytes, and then nothing until it is let go; whoever reads it has broken off by then. */
async function* stuckAfter(bytes: Buffer, sentBytes: number, reached: () => void, stuck: Promise<void>) {
  for (let at = 0; at < sentBytes; at += mebibyte) yield bytes.subarray(at, Math.min(at + mebibyte, sentBytes))
  reached()
  await stuck
}

describe('images in a real Ceph', { skip, timeout: 420_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let data: string
  let port: number
  let ceph: Ceph
  let service: RunningService
  let producer: Account
  let vitrine: Vitrine
  let adminVitrine: Vitrine
  let openstack: OpenStackCommand
  let glance: ClientCommand
  let small: File

  const start = async (): Promise<void> => {
    const settings = {
      VITRINE_STORES: `ceph=${ceph.location('vitrine')}&timeout_seconds=10,local=file://${join(data, 'local')}`,
    }
    service = await startService({ data, by: 'node', port, settings })
  }
  const logInAll = async (): Promise<void> => {
    producer = await logIn(data, 'producer')
  }

  before(async () => {
    folder = await temporaryFolder()
    data = join(folder.path, 'data')
    port = await freePort()
    ceph = await startCeph(folder.path)
    await start()
    await logInAll()
    const environment = userEnvironment(folder.path, data)
    const stage = {
      run: (command: string, args: readonly string[], options?: { environment?: NodeJS.ProcessEnv }) =>
        run(command, args, { cwd: root, environment: { ...environment, ...options?.environment } }),
    }
    vitrine = vitrineAs(stage, 'producer')
    adminVitrine = vitrineAs(stage, 'admin')
    openstack = new OpenStackCommand(stage, 'producer')
    glance = new ClientCommand(stage, 'glance', await glanceEnvironment({ service, data }, 'producer'))
    small = await makeFile(folder.path, 'small.raw', 20 * mebibyte + 1)
  })
  after(async () => {
    await service?.kill()
    await ceph?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })

  const newImage = (name: string): Promise<Image> =>
    producer.images.createImage({ name, diskFormat: 'raw', containerFormat: 'bare' })
  const uploaded = async (name: string, file: File, store?: string): Promise<Image> => {
    const image = await newImage(name)
    await image.uploadData(file.bytes, { store })
    return image.refresh()
  }
  const call = (id: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${service.url}/v2/images/${id}/file`, {
      ...init,
      headers: { 'x-auth-token': producer.token, 'content-type': 'application/octet-stream', ...init.headers },
    })
  const bytesOf = async (id: string): Promise<Buffer> => {
    const response = await call(id)
    assert.equal(response.status, 200)
    return Buffer.from(await response.arrayBuffer())
  }
  /** It must be answered with the error of a store that is away, in words for people. */
  const isAway = async (response: Response): Promise<void> => {
    const text = await response.text()
    assert.equal(response.status, 503, text)
    assert.match(text, /store/i)
    assert.doesNotMatch(text, /vitrine-secret|vitrine-key|ECONN|at .*\.ts/)
  }
  const becomes = (contents: readonly string[]): Promise<true> =>
    waitFor(`${contents.length} objects in the bucket`, async () => {
      const found = await ceph.contents()
      return found.toSorted().join() === contents.toSorted().join() ? true : undefined
    })

  it('openstack creates an image in it, and saves it', async () => {
    const formats = ['--disk-format', 'raw', '--container-format', 'bare']
    const { id = '' } = await openstack.properties('image', 'create', 'first', '--file', small.path, ...formats)
    assert.equal((await producer.images.getImage(id)).stores?.join(), 'ceph')
    const contents = await ceph.contents()
    assert.equal(contents.length, 1)
    assert.match(contents[0] ?? '', /^vitrine\/[0-9a-f]{32}$/)
    const saved = join(folder.path, 'saved.raw')
    await openstack.silently('image', 'save', '--file', saved, id)
    assert.deepEqual(await readFile(saved), small.bytes)
    await openstack.silently('image', 'delete', id)
    await becomes([])
  })

  it('a disk of more than 100 MiB comes back as it was, by parts and as a whole', async () => {
    const disk = await makeDisk(folder.path, 'large', 112 * mebibyte)
    const formats = ['--disk-format', 'qcow2', '--container-format', 'bare']
    const created = await glance.properties(
      ...['image-create', '--name', 'large', '--file', disk.path, '--store', 'ceph', ...formats],
    )
    const { id = '' } = created
    const bytes = await readFile(disk.path)
    assert.ok(bytes.length > 100 * mebibyte)
    const image = await producer.images.getImage(id)
    assert.deepEqual([image.status, image.size, image.stores], ['active', bytes.length, ['ceph']])

    const ranges: readonly [string, number, number][] = [
      ['0-0', 0, 1],
      [`${partBytes - 10}-${partBytes + 9}`, partBytes - 10, partBytes + 10],
      [`${3 * mebibyte}-${60 * mebibyte - 1}`, 3 * mebibyte, 60 * mebibyte],
      ['-1000', bytes.length - 1000, bytes.length],
      [`${bytes.length - 7}-`, bytes.length - 7, bytes.length],
    ]
    for (const [range, from, to] of ranges) {
      const response = await call(id, { headers: { range: `bytes=${range}` } })
      assert.equal(response.status, 206, range)
      assert.equal(response.headers.get('content-range'), `bytes ${from}-${to - 1}/${bytes.length}`)
      assert.ok(bytes.subarray(from, to).equals(Buffer.from(await response.arrayBuffer())), range)
    }
    const beyond = await call(id, { headers: { range: `bytes=${bytes.length}-` } })
    assert.equal(beyond.status, 416)
    await beyond.body?.cancel()

    const copy = join(folder.path, 'copy.qcow2')
    await succeeds(vitrine, 'image', 'download', id, '-o', copy)
    assert.equal(await sha512Of(copy), await sha512Of(disk.path))
    await runSuccessfully('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', disk.raw, copy])
    await image.delete()
    await becomes([])
  })

  it('holds no plain byte of an encrypted image', async () => {
    const [plain, secret] = [
      await makeFile(folder.path, 'plain.raw', 10 * mebibyte),
      await makeFile(folder.path, 'secret.raw', 10 * mebibyte),
    ]
    const open = await uploaded('plain', plain)
    const { stdout } = await succeeds(vitrine, 'image', 'create', 'vault', '--encrypt', '--file', secret.path)
    const id = /^id +(\S+)$/m.exec(stdout)?.[1] ?? ''
    const exported = join(folder.path, 'exported')
    await ceph.exportBytes(exported)
    // That the plain image is found shows that this looks in the right place.
    assert.notDeepEqual(await findPlain([exported], plain.bytes), [])
    assert.deepEqual(await findPlain([exported], secret.bytes), [])
    assert.ok(secret.bytes.equals(await bytesOf(id)))
    await open.delete()
    await (await producer.images.getImage(id)).delete()
    await becomes([])
  })

  it('images are copied from it into the folder and back, and deleted in one of both', async () => {
    const image = await uploaded('moving', small)
    const [inCeph = ''] = await ceph.contents()
    await succeeds(adminVitrine, 'image', 'import', image.id, '--method', 'copy-image', '--store', 'local', '--wait')
    await image.refresh()
    assert.deepEqual(image.stores?.toSorted(), ['ceph', 'local'])
    await succeeds(adminVitrine, 'image', 'delete', image.id, '--store', 'ceph', '--yes')
    await becomes([])
    assert.ok(small.bytes.equals(await bytesOf(image.id)))

    await succeeds(adminVitrine, 'image', 'import', image.id, '--method', 'copy-image', '--store', 'ceph', '--wait')
    const again = await ceph.contents()
    assert.equal(again.length, 1)
    assert.notEqual(again[0], inCeph)
    await succeeds(adminVitrine, 'image', 'delete', image.id, '--store', 'local', '--yes')
    assert.deepEqual((await image.refresh()).stores, ['ceph'])
    assert.ok(small.bytes.equals(await bytesOf(image.id)))
    await image.delete()
    await becomes([])
  })

  it('an upload that kill -9 cuts off leaves neither an object nor an unfinished one', async () => {
    const kept = await uploaded('kept', small)
    const contents = await ceph.contents()
    for (const sentBytes of [mebibyte, 2 * partBytes + mebibyte, small.bytes.length]) {
      const image = await newImage('cut off')
      const reached = Promise.withResolvers<void>()
      const letGo = Promise.withResolvers<void>()
      const source = stuckAfter(small.bytes, sentBytes, reached.resolve, letGo.promise)
      const upload = image.uploadData(source, { sizeBytes: small.bytes.length + 1 }).then(
        () => assert.fail('an upload without an end has ended'),
        () => undefined,
      )
      await reached.promise
      const parts = Math.floor(sentBytes / partBytes)
      const unfinished = await waitFor(`${parts} parts`, async () => {
        const found = (await ceph.contents()).filter((name) => !contents.includes(name))
        return found.length > parts ? found : undefined
      })
      for (const name of unfinished) assert.match(name, /^_multipart_vitrine\//)
      await service.kill()
      letGo.resolve()
      await upload
      assert.equal((await ceph.contents()).length, contents.length + unfinished.length, 'a kill cleans nothing')
      await start()
      await logInAll()
      assert.deepEqual(await ceph.contents(), contents)
      const after = await producer.images.getImage(image.id)
      assert.deepEqual([after.status, after.size], ['queued', null])
      await after.uploadData(small.bytes)
      assert.ok(small.bytes.equals(await bytesOf(image.id)))
      await after.delete()
      await becomes(contents)
    }
    assert.ok(small.bytes.equals(await bytesOf(kept.id)))
    await (await producer.images.getImage(kept.id)).delete()
    await becomes([])
  })

  it('while it is away it is missed in clear words, and what was downloaded before comes from the cache', async () => {
    const read = await uploaded('read before', small)
    const unread = await uploaded('never read', small)
    const doomed = await uploaded('doomed', small)
    const [, , third = ''] = await ceph.contents()
    assert.ok(third !== '')
    assert.ok(small.bytes.equals(await bytesOf(read.id)))
    const waiting = await newImage('waiting')
    const halfway = await newImage('halfway')
    const reached = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const body = async function* () {
      yield* stuckAfter(small.bytes, 12 * mebibyte, reached.resolve, goOn.promise)
      yield small.bytes.subarray(12 * mebibyte)
    }
    const refused = assert.rejects(
      halfway.uploadData(body(), { sizeBytes: small.bytes.length }),
      (error) => error instanceof HttpError && error.status === 503,
    )
    await reached.promise

    await ceph.stopGateway()
    goOn.resolve()
    await refused
    await isAway(await call(unread.id))
    await isAway(await call(unread.id, { headers: { range: 'bytes=5-9' } }))
    await isAway(await call(waiting.id, { method: 'PUT', body: new Uint8Array(small.bytes) }))
    assert.equal((await fetch(`${service.url}/readyz`)).status, 503)
    assert.ok(small.bytes.equals(await bytesOf(read.id)))
    const part = await call(read.id, { headers: { range: 'bytes=5-9' } })
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), small.bytes.subarray(5, 10))
    await doomed.delete()
    for (const image of [waiting, halfway]) assert.equal((await image.refresh()).status, 'queued')
    assert.equal((await unread.refresh()).status, 'active')
    const elsewhere = await uploaded('elsewhere', small, 'local')
    assert.ok(small.bytes.equals(await bytesOf(elsewhere.id)))
    // It also starts without the store.
    await service.stop()
    await start()
    await logInAll()

    await ceph.startGateway()
    await waitFor('the service to be ready', async () =>
      (await fetch(`${service.url}/readyz`)).status === 200 ? true : undefined,
    )
    assert.ok(small.bytes.equals(await bytesOf(unread.id)))
    // What could not be removed is removed now, and what is in use stays.
    await waitFor('two objects in the bucket', async () => ((await ceph.contents()).length === 2 ? true : undefined))
    await (await producer.images.getImage(waiting.id)).uploadData(small.bytes)
    assert.ok(small.bytes.equals(await bytesOf(waiting.id)))
    assert.equal((await ceph.contents()).length, 3)
  })
})
