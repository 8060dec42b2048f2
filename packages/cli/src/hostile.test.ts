import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeCloud, imageDocument, memoryContext, otherProjectId } from '../test/memory-context.ts'
import { run } from './run.ts'

const nasty = 'Free\u001b[2J\u001b]0;pwned\u0007\r\n\u202egpj.exe'

const listing = {
  title: nasty,
  summary: nasty,
  description: nasty,
  os_name: nasty,
  os_version: nasty,
  architecture: nasty,
  licence: nasty,
  terms: nasty,
  documentation: nasty,
  contact: nasty,
  icon: null,
  producer: { handle: 'acme', name: nasty, path: '/catalogue/producers/acme' },
  slug: 'debian',
  path: '/catalogue/producers/acme/debian',
  requestable: true,
  image: { size: 5, disk_format: nasty },
  published_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:05Z',
}

const membership = {
  status: 'pending',
  shared_by: otherProjectId,
  producer: nasty,
  shared_at: '2026-01-02T03:04:05Z',
  message: nasty,
  ends_at: null,
  withdrawn: false,
}

const request = {
  id: 'r1234567',
  state: 'waiting',
  listing_id: 'l',
  listing_title: nasty,
  image_id: 'i',
  project: nasty,
  project_proven: false,
  email: nasty,
  message: nasty,
  created_at: '2026-01-02T03:04:05Z',
  confirmed_at: null,
  decided_at: null,
  reason: null,
}

const answers: Record<string, unknown> = {
  '/catalogue.json': { listings: [listing], next: null },
  '/catalogue/producers/acme/debian.json': listing,
  '/v2/access-requests': { requests: [request], first: '/v2/access-requests' },
  '/v2/access-requests/r1234567/approve': { ...request, state: 'approved' },
  '/v2/inbox': {
    items: [{ kind: 'share', image: imageDocument('i', { name: nasty, owner: otherProjectId }), membership }],
    first: '/v2/inbox',
  },
}

test('hostile titles, messages and names: no format of no command lets one steer the terminal or forge a line', async () => {
  for (const command of ['catalogue', 'catalogue show acme/debian', 'requests', 'inbox', 'approve r1234567']) {
    for (const format of ['table', 'json', 'yaml', 'value', 'csv']) {
      const context = memoryContext(fakeCloud((_method, { pathname }) => answers[pathname]))
      const exitCode = await run([...command.split(' '), '-f', format], context)
      assert.equal(exitCode, 0, `${command}: ${context.talk.text()}`)
      const shown = context.out.text() + context.talk.text()
      assert.match(shown, /Free/, `${command} ${format}`)
      assert.doesNotMatch(shown.replaceAll(/[\n\t]/g, ''), /[\p{Cc}\u202e]/u, `${command} ${format}`)
      // One line for the one thing that is listed.
      const isList = !command.startsWith('catalogue show')
      if (format === 'value' && isList) assert.equal(context.out.text().split('\n').length, 2, command)
    }
  }
})
