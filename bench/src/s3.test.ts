import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startLoadClient } from './load-client.ts'
import { putBare, sdkSeconds, startS3 } from './s3.ts'

const mebibyte = 1024 ** 2

test('an object is put there and read by nothing but HTTP', async () => {
  await using s3 = await startS3(null)
  await using load = startLoadClient(null)
  const download = await putBare(s3, mebibyte + 1)
  const { seconds } = await load.transfers({ port: s3.port, transfers: [download] })
  assert.ok((seconds[0] ?? 0) > 0)
})

test('the SDK alone moves an object both ways', async () => {
  await using s3 = await startS3(null)
  assert.ok((await sdkSeconds(s3, 'upload', 20 * mebibyte, null)) > 0)
  await putBare(s3, 3 * mebibyte)
  assert.ok((await sdkSeconds(s3, 'download', 3 * mebibyte, null)) > 0)
})
