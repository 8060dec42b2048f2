import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { answerJson, pattern, serve, serviceAt } from '../../test/byte-server.ts'
import { fakeClock, imageDocument, imageId } from '../../test/fake-fetch.ts'
import { type Clock, systemClock } from '../clock.ts'
import { ChecksumMismatchError, HttpError, NetworkError, NotFoundError } from '../errors.ts'
import { downloadFile } from './download-file.ts'

const bytes = pattern(3_000_000)
const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex')

const digests = { os_hash_algo: 'sha512', os_hash_value: digest('sha512'), checksum: digest('md5'), size: bytes.length }

interface Cloud {
  /** The image's document; a list gives them in turn. */
  documents?: object[]
  file?: (response: ServerResponse, range: string | undefined, attempt: number) => void
  /** For the repetitions of single requests. */
  clock?: Clock
}

const whole: Cloud['file'] = (response) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes)

const setUp = async (
  t: TestContext,
  { documents = [imageDocument(digests)], file = whole, clock = systemClock }: Cloud,
) => {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-download-'))
  t.after(() => rmSync(folder, { recursive: true }))
  let attempt = 0
  let asked = 0
  const address = await serve(t, (request, response) => {
    if (request.url?.endsWith('/file')) file(response, request.headers.range, ++attempt)
    else answerJson(response, 200, documents[Math.min(asked++, documents.length - 1)] ?? {})
  })
  const image = await serviceAt(address, { random: () => 0, clock }).getImage(imageId)
  return { image, folder, target: join(folder, 'image.raw') }
}

test('a file holds exactly the bytes, checked with the strongest digest', async (t) => {
  const { image, folder, target } = await setUp(t, {})
  writeFileSync(target, 'an older file')
  const seen: number[] = []
  const done = await downloadFile(image, target, { onProgress: ({ transferredBytes }) => seen.push(transferredBytes) })
  assert.deepEqual(done, {
    path: target,
    sizeBytes: bytes.length,
    verified: { algorithm: 'sha512', digest: digest('sha512') },
  })
  assert.ok(readFileSync(target).equals(bytes))
  assert.deepEqual(readdirSync(folder), ['image.raw'])
  assert.equal(seen.at(-1), bytes.length)
})

test('MD5 serves where the algorithm is not known, and an image without digests is not called verified', async (t) => {
  const odd = await setUp(t, { documents: [imageDocument({ ...digests, os_hash_algo: 'whirl9000' })] })
  const { verified } = await downloadFile(odd.image, odd.target)
  assert.deepEqual(verified, { algorithm: 'md5', digest: digest('md5') })
  const none = imageDocument({ os_hash_algo: null, os_hash_value: null, checksum: null })
  const bare = await setUp(t, { documents: [none] })
  assert.equal((await downloadFile(bare.image, bare.target)).verified, undefined)
})

test('digests that came after the image was fetched are fetched', async (t) => {
  const queued = imageDocument({ os_hash_algo: null, os_hash_value: null, checksum: null, status: 'queued' })
  const { image, target } = await setUp(t, { documents: [queued, imageDocument(digests)] })
  assert.equal((await downloadFile(image, target)).verified?.algorithm, 'sha512')
})

test('wrong bytes leave nothing behind, and what was there before', async (t) => {
  const { image, folder, target } = await setUp(t, {
    file: (response) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes.map((byte) => byte ^ 1)),
  })
  writeFileSync(target, 'an older file')
  await assert.rejects(downloadFile(image, target), ChecksumMismatchError)
  assert.equal(readFileSync(target, 'utf8'), 'an older file')
  assert.deepEqual(readdirSync(folder), ['image.raw'])
})

test('a broken connection is taken up where it stopped', async (t) => {
  const ranges: (string | undefined)[] = []
  const { image, target } = await setUp(t, {
    file: (response, range, attempt) => {
      ranges.push(range)
      const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
      const headers = { 'content-length': bytes.length - start, 'content-range': `bytes ${start}-2999999/3000000` }
      response.writeHead(range === undefined ? 200 : 206, headers)
      if (attempt > 2) response.end(bytes.subarray(start))
      else response.write(bytes.subarray(start, start + 1_000_000), () => setTimeout(() => response.destroy(), 20))
    },
  })
  const { verified } = await downloadFile(image, target)
  assert.equal(verified?.algorithm, 'sha512')
  assert.ok(readFileSync(target).equals(bytes))
  assert.equal(ranges.length, 3)
  assert.match(ranges[1] ?? '', /^bytes=[1-9]\d*-$/)
})

test('a connection that always breaks ends with its error, and no file', async (t) => {
  const { image, folder, target } = await setUp(t, {
    file: (response, range) => {
      const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
      const headers = { 'content-length': bytes.length - start, 'content-range': `bytes ${start}-2999999/3000000` }
      response.writeHead(range === undefined ? 200 : 206, headers)
      response.write(bytes.subarray(start, start + 1000), () => setTimeout(() => response.destroy(), 5))
    },
  })
  await assert.rejects(downloadFile(image, target, { maxResumes: 2 }), NetworkError)
  assert.deepEqual(readdirSync(folder), [])
})

test('a refusal and an abort leave nothing behind', async (t) => {
  const gone = await setUp(t, { file: (response) => answerJson(response, 404, { error: { message: 'Gone.' } }) })
  await assert.rejects(downloadFile(gone.image, gone.target), NotFoundError)
  assert.deepEqual(readdirSync(gone.folder), [])
  const slow = await setUp(t, {
    file: (response) => response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 10)),
  })
  const reason = new Error('enough')
  const signal = AbortSignal.timeout(50)
  await assert.rejects(downloadFile(slow.image, slow.target, { signal }), { name: 'TimeoutError' })
  const controller = new AbortController()
  const download = downloadFile(slow.image, slow.target, { signal: controller.signal })
  setTimeout(() => controller.abort(reason), 50)
  await assert.rejects(download, reason)
  assert.deepEqual(readdirSync(slow.folder), [])
})

test('what arrived is kept for the next time, and gone on with while the image has the same digest', async (t) => {
  const ranges: (string | undefined)[] = []
  const file: Cloud['file'] = (response, range, attempt) => {
    ranges.push(range)
    const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    const headers = { 'content-length': bytes.length - start, 'content-range': `bytes ${start}-2999999/3000000` }
    response.writeHead(range === undefined ? 200 : 206, headers)
    if (attempt > 1) response.end(bytes.subarray(start))
    else response.write(bytes.subarray(0, 1_500_000), () => setTimeout(() => response.destroy(), 20))
  }
  const { image, folder, target } = await setUp(t, { file })
  const options = { resume: true, maxResumes: 0 }
  await assert.rejects(downloadFile(image, target, options), NetworkError)
  const [part = ''] = readdirSync(folder)
  assert.match(part, /^\.image\.raw\.[0-9a-f]{16}\.part$/)
  const kept = readFileSync(join(folder, part)).length
  assert.ok(kept > 0)
  const { verified, sizeBytes } = await downloadFile(image, target, options)
  assert.equal(verified?.algorithm, 'sha512')
  assert.equal(sizeBytes, bytes.length)
  assert.ok(readFileSync(target).equals(bytes))
  assert.deepEqual(readdirSync(folder), ['image.raw'])
  assert.deepEqual(ranges, [undefined, `bytes=${kept}-`])
})

test('a beginning that is not the image, or longer than it, is thrown away', async (t) => {
  const file: Cloud['file'] = (response, range) => {
    const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    const headers = { 'content-length': bytes.length - start, 'content-range': `bytes ${start}-2999999/3000000` }
    response.writeHead(range === undefined ? 200 : 206, headers).end(bytes.subarray(start))
  }
  const { image, folder, target } = await setUp(t, { file })
  const name = createHash('sha256').update(`${image.id} ${image.osHashValue}`).digest('hex').slice(0, 16)
  const part = join(folder, `.image.raw.${name}.part`)
  writeFileSync(part, 'other bytes')
  await assert.rejects(downloadFile(image, target, { resume: true }), ChecksumMismatchError)
  assert.deepEqual(readdirSync(folder), [])
  writeFileSync(part, Buffer.alloc(bytes.length + 1))
  await downloadFile(image, target, { resume: true })
  assert.ok(readFileSync(target).equals(bytes))
  // Whole, but not renamed yet.
  writeFileSync(part, bytes)
  assert.equal((await downloadFile(image, target, { resume: true })).verified?.algorithm, 'sha512')
})

const keptName = (target: string, id: string) => {
  const hash = createHash('sha256').update(`${id} ${digests.os_hash_value}`).digest('hex').slice(0, 16)
  return `.${target}.${hash}`
}

/** Sends what was asked for; the first answers break off after so many bytes. */
const breaking =
  (times: number, after: number): NonNullable<Cloud['file']> =>
  (response, range, attempt) => {
    const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    const headers = { 'content-length': bytes.length - start, 'content-range': `bytes ${start}-2999999/3000000` }
    response.writeHead(range === undefined ? 200 : 206, headers)
    if (attempt > times) response.end(bytes.subarray(start))
    else response.write(bytes.subarray(start, start + after), () => setTimeout(() => response.destroy(), 20))
  }

test('a service that is away for a while in the midst is waited for, and one that was never there is not', async (t) => {
  const statuses: number[] = []
  const away: Cloud['file'] = (response, range, attempt) => {
    if (attempt < 2 || attempt > 5) return breaking(1, 1_000_000)(response, range, attempt)
    statuses.push(503)
    answerJson(response, 503, { error: { message: 'Starting.' } })
  }
  const { image, target } = await setUp(t, { file: away, clock: fakeClock() })
  await downloadFile(image, target, { maxResumes: 2 })
  assert.ok(readFileSync(target).equals(bytes))
  assert.equal(statuses.length, 4)

  const gone = await setUp(t, {
    file: (response) => answerJson(response, 503, { error: { message: 'Starting.' } }),
    clock: fakeClock(),
  })
  await assert.rejects(downloadFile(gone.image, gone.target), HttpError)
})

test('it is told what is kept and where, and what is taken up', async (t) => {
  const { image, folder, target } = await setUp(t, { file: breaking(1, 1_500_000) })
  const told: unknown[] = []
  const options = {
    resume: true,
    maxResumes: 0,
    onKept: (kept: object) => told.push(kept),
    onTakenUp: (sizeBytes: number) => told.push(sizeBytes),
  }
  await assert.rejects(downloadFile(image, target, options), NetworkError)
  const [part = ''] = readdirSync(folder)
  const sizeBytes = readFileSync(join(folder, part)).length
  await downloadFile(image, target, options)
  assert.deepEqual(told, [{ path: join(folder, part), sizeBytes }, sizeBytes])
})

test('downloads to the same path at once do each other no harm', async (t) => {
  const { image, folder, target } = await setUp(t, {})
  const options = { resume: true }
  await Promise.all([1, 2, 3].map(() => downloadFile(image, target, options)))
  assert.ok(readFileSync(target).equals(bytes))
  assert.deepEqual(readdirSync(folder), ['image.raw'])
})

test('of what several attempts have left, the longest is kept', async (t) => {
  const { image, folder, target } = await setUp(t, { file: breaking(Number.POSITIVE_INFINITY, 1_000_000) })
  const part = `${keptName('image.raw', imageId)}.part`
  const options = { resume: true, maxResumes: 0 }
  const both = [1, 2].map(() => downloadFile(image, target, options))
  assert.deepEqual(
    (await Promise.allSettled(both)).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.deepEqual(readdirSync(folder), [part])
})

test('what a killed process has left is taken up; what a living one writes to is not', async (t) => {
  const { image, folder, target } = await setUp(t, { file: breaking(0, 0) })
  const name = keptName('image.raw', imageId)
  const uuid = '00000000-0000-4000-8000-000000000000'
  const taken: number[] = []
  const options = { resume: true, onTakenUp: (sizeBytes: number) => taken.push(sizeBytes) }
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  for (const [pid, expected] of [
    [child.pid, [1000]],
    [process.pid, [1000]],
    [process.ppid, []],
  ] as const) {
    taken.length = 0
    writeFileSync(join(folder, `${name}.${pid}-01234567.${uuid}.part`), bytes.subarray(0, 1000))
    if (expected.length === 1)
      writeFileSync(join(folder, `${name}.${child.pid}-76543210.${uuid}.part`), bytes.subarray(0, 1000))
    await downloadFile(image, target, options)
    assert.deepEqual(taken, expected)
    assert.equal(readdirSync(folder).length, expected.length === 1 ? 1 : 2)
  }
  assert.ok(readFileSync(target).equals(bytes))
})

test('a name may be as long as the file system takes', async (t) => {
  const { image, folder } = await setUp(t, {})
  for (const name of ['a'.repeat(255), 'ä'.repeat(127)]) {
    for (const resume of [true, false]) await downloadFile(image, join(folder, name), { resume })
  }
  assert.equal(readdirSync(folder).length, 2)
})
