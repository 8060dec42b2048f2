import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { answerJson, pattern, serve, serviceAt } from '../../test/byte-server.ts'
import { imageDocument, imageId } from '../../test/fake-fetch.ts'
import { InvalidArgumentError } from '../errors.ts'
import { fileSource } from './file-source.ts'
import { uploadFile } from './upload-file.ts'

test('a file is uploaded with its size, and the image is fetched afterwards', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-upload-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'image.raw')
  const bytes = pattern(2_500_000)
  writeFileSync(path, bytes)
  let received = Buffer.alloc(0)
  const address = await serve(t, async (request, response) => {
    if (request.method === 'PUT') {
      assert.equal(request.headers['content-length'], '2500000')
      received = Buffer.concat(await request.toArray())
      response.writeHead(204).end()
    } else answerJson(response, 200, imageDocument({ status: received.length === 0 ? 'queued' : 'active' }))
  })
  const image = await serviceAt(address).getImage(imageId)
  assert.equal(image.status, 'queued')
  assert.equal((await uploadFile(image, path)).status, 'active')
  assert.ok(received.equals(bytes))
})

test('what is no file is no source', async () => {
  await assert.rejects(fileSource(tmpdir()), InvalidArgumentError)
  await assert.rejects(fileSource('/nowhere/image.raw'), { code: 'ENOENT' })
})
