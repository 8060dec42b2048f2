import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fakeCloud, imageDocument, memoryContext } from '../../test/memory-context.ts'
import { ExitCode } from '../exit-codes.ts'
import { run } from '../run.ts'

const id = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'
const bytes = new Uint8Array(100_000).map((_, index) => index % 251)
const document = imageDocument(id, {
  disk_format: 'raw',
  size: bytes.length,
  os_hash_algo: 'sha512',
  os_hash_value: createHash('sha512').update(bytes).digest('hex'),
})

/** The first bytes, and then the connection breaks. */
const broken = (count: number): Response => {
  const parts = [bytes.subarray(0, count)]
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const part = parts.shift()
      if (part === undefined) controller.error(new TypeError('terminated'))
      else controller.enqueue(part)
    },
  })
  return new Response(body, { headers: { 'content-length': String(bytes.length) } })
}

const rest = (from: number): Response =>
  new Response(bytes.slice(from), {
    status: 206,
    headers: { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` },
  })

/** @param answers to what asks for the bytes, in turn */
const setUp = async (t: TestContext, ...answers: Response[]) => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-download-test-'))
  t.after(() => rm(folder, { recursive: true }))
  const cloud = fakeCloud((_, { pathname }) => (pathname.endsWith('/file') ? answers.shift() : document))
  const download = async (...words: string[]) => {
    const context = memoryContext(cloud)
    const exitCode = await run(['image', 'download', id, ...words], context)
    return { exitCode, said: context.talk.text() }
  }
  return { folder, download }
}

test('what is kept of a download that failed is told, with what to do, and gone on with', async (t) => {
  const { folder, download } = await setUp(t, broken(60_000), new Response(null, { status: 403 }), rest(60_000))
  const target = join(folder, 'my disk.raw')
  const failed = await download('-o', target)
  assert.equal(failed.exitCode, ExitCode.denied)
  const [part = ''] = await readdir(folder)
  assert.match(part, /^\.my disk\.raw\.[0-9a-f]{16}\.part$/)
  assert.ok(
    failed.said.endsWith(
      `59 KiB are kept in ${join(folder, part)}. To go on from there, run the same command again.\n`,
    ),
    failed.said,
  )
  const saved = await download('-o', target)
  assert.equal(saved.exitCode, ExitCode.ok, saved.said)
  assert.match(saved.said, /^Going on from 59 KiB of an earlier download\.\nSaved .* sha512 verified\)\.\n$/)
  assert.deepEqual(await readdir(folder), ['my disk.raw'])
  assert.deepEqual(new Uint8Array(await readFile(target)), bytes)
})

test('nothing is kept, nor told, where that is not wanted', async (t) => {
  const { folder, download } = await setUp(t, broken(60_000), new Response(null, { status: 403 }))
  const failed = await download('-o', join(folder, 'disk.raw'), '--no-resume')
  assert.equal(failed.exitCode, ExitCode.denied)
  assert.doesNotMatch(failed.said, /kept/)
  assert.deepEqual(await readdir(folder), [])
})

test('what is no file is not replaced, and a folder that is missing is named', async (t) => {
  const { folder, download } = await setUp(t)
  const socket = join(folder, 'socket')
  const server = createServer().listen(socket)
  t.after(() => server.close())
  await once(server, 'listening')
  const refused = await download('-o', socket, '--force')
  assert.equal(refused.exitCode, ExitCode.conflict)
  assert.match(refused.said, /socket is no file that could be replaced\.\nTo write into it: -o - > /)
  assert.ok((await stat(socket)).isSocket())
  const lost = await download('-o', join(folder, 'none', 'disk.raw'))
  assert.equal(lost.exitCode, ExitCode.error)
  assert.ok(lost.said.startsWith(`vitrine: There is no folder ${join(folder, 'none')}.\n`), lost.said)
})
