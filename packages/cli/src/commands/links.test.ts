import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeCloud, imageDocument, memoryContext } from '../../test/memory-context.ts'
import { ExitCode } from '../exit-codes.ts'
import { run } from '../run.ts'

const imageId = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'
const path = `/v2/images/${imageId}/links`
const link = (id: string) => ({
  id,
  image_id: imageId,
  user_id: 'u1',
  created_at: '2026-03-01T12:00:00Z',
  expires_at: '2026-03-01T13:00:00Z',
})

const unlink = async (ids: readonly string[], ...references: string[]) => {
  const cloud = fakeCloud((method, { pathname }) => {
    if (pathname === `/v2/images/${imageId}`) return imageDocument(imageId)
    if (method === 'GET' && pathname === path) return { links: ids.map(link) }
    return method === 'DELETE' ? new Response(null, { status: 204 }) : undefined
  })
  const context = memoryContext(cloud)
  const exitCode = await run(['unlink', imageId, ...references], context)
  const ended = cloud.seen.flatMap(({ line }) =>
    line.startsWith('DELETE ') ? [line.slice(`DELETE ${path}/`.length)] : [],
  )
  return { exitCode, said: context.talk.text(), ended }
}

const ids = ['aaaa-1', 'aaaa-2', 'bbbb-1']

test('links are ended by their ids, or the beginnings of them; without any, all', async () => {
  const two = await unlink(ids, 'aaaa-1', 'bbbb')
  assert.deepEqual([two.exitCode, two.ended, two.said], [ExitCode.ok, ['aaaa-1', 'bbbb-1'], '2 links are ended.\n'])
  const all = await unlink(ids)
  assert.deepEqual([all.exitCode, all.ended], [ExitCode.ok, ids])
  const none = await unlink([])
  assert.deepEqual([none.exitCode, none.said], [ExitCode.ok, 'There are no links to end.\n'])
})

test('a link that is not there, or not told from others, is an error and keeps the others from nothing', async () => {
  const missing = await unlink(ids, 'cccc', 'bbbb')
  assert.deepEqual([missing.exitCode, missing.ended], [ExitCode.notFound, ['bbbb-1']])
  assert.match(missing.said, /There is no link cccc\.\nSee: vitrine links d164b5df/)
  const several = await unlink(ids, 'aaaa')
  assert.deepEqual([several.exitCode, several.ended], [ExitCode.conflict, []])
  const empty = await unlink(ids, '')
  assert.deepEqual([empty.exitCode, empty.ended], [ExitCode.usage, []])
})
