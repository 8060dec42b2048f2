import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeCloud, imageDocument, memoryContext, otherProjectId, projectId } from '../test/memory-context.ts'
import { run } from './run.ts'

const id = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'

/** A cloud with the Image API alone, and one image that is shared with the caller. */
const plainCloud = () =>
  fakeCloud((method, url) => {
    if (url.pathname === '/v2/images') {
      return { images: [imageDocument(id, { owner: otherProjectId })], first: '/v2/images' }
    }
    if (url.pathname === `/v2/images/${id}`) return imageDocument(id, { owner: otherProjectId })
    if (!url.pathname.startsWith(`/v2/images/${id}/members`)) return undefined
    const member = {
      member_id: projectId,
      image_id: id,
      status: method === 'PUT' ? 'accepted' : 'pending',
      created_at: '2026-01-02T03:04:05Z',
      updated_at: '2026-01-02T03:04:05Z',
    }
    return url.pathname.endsWith('/members') ? { members: [member] } : member
  })

const vitrine = async (...words: string[]) => {
  const cloud = plainCloud()
  const context = memoryContext(cloud)
  const exitCode = await run(words, context)
  return { exitCode, out: context.out.text(), talk: context.talk.text(), seen: cloud.seen }
}

test('inbox, answers and members work with the Image API alone', async () => {
  assert.equal((await vitrine('inbox', '-f', 'value', '-c', 'id', '-c', 'name')).out, `${id}\tdebian\n`)
  const all = await vitrine('accept', '--all')
  assert.equal(all.exitCode, 0, all.talk)
  assert.match(all.talk, /^1 answered; they are in your list now\.\n$/)
  assert.deepEqual(all.seen.at(-1), { line: `PUT /v2/images/${id}/members/${projectId}`, body: { status: 'accepted' } })
  assert.equal((await vitrine('members', id, '-f', 'value', '-c', 'status')).out, 'pending\n')
})

test('what the Image API has not is said to be missing, whatever it is', async () => {
  const commands = [
    'listings',
    'requests',
    'invitations',
    'rules',
    'settings',
    'notices',
    'webhooks',
    'deliveries',
    'activity',
    'activity --follow',
    'catalogue',
    'feed --end',
    'claim vtr-code',
    'block --producer @acme',
    'notice add a@b.example',
    'webhook add https://a.example',
    'rule add accept @acme',
    'producer set --handle acme --name Acme',
    'request acme/debian --email a@b.example',
    `stats ${id}`,
    `explain ${id}`,
    `invite ${id}`,
    `publish ${id} --title T`,
    `withdraw ${id}`,
    `share ${id} team@Default`,
    `share ${id} ${otherProjectId} --until 30d`,
  ]
  for (const command of commands) {
    const { exitCode, out, talk } = await vitrine(...command.split(' '))
    assert.equal(exitCode, 3, command)
    assert.equal(out, '')
    assert.match(talk, /not part of this cloud's image service\.\nIt needs one that is Vitrine\.\n$/, command)
  }
})
