import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryContext } from '../../test/memory-context.ts'
import { createProgram } from '../program.ts'
import { completions } from './completion.ts'

const after = (...words: string[]) => completions(createProgram(memoryContext()), words)

test('commands, options and their words are completed', () => {
  assert.deepEqual(after('in'), ['inbox', 'invitations', 'invite'])
  assert.deepEqual(after('image', 'de'), ['delete'])
  assert.deepEqual(after('--cloud', 'x', 'image', 'sh'), ['show'])
  assert.deepEqual(after('image', 'list', '--format', ''), ['csv', 'json', 'table', 'value', 'yaml'])
  assert.deepEqual(after('image', 'list', '-f', 'y'), ['yaml'])
  assert.deepEqual(after('share', 'x', '--dr'), ['--dry-run'])
  assert.deepEqual(after('share', 'p'), ['plan'])
  assert.deepEqual(after('rule', 'add', ''), ['accept', 'block'])
  assert.deepEqual(after('deliveries', '--state', 'f'), ['failed'])
  assert.deepEqual(after('webhook', 're'), ['remove', 'replay'])
  assert.deepEqual(after('md', 'tag', ''), ['create', 'delete', 'help', 'list', 'set', 'show'])
  assert.deepEqual(after('md', 'property', 'create', 'x', 'y', '--type', 'b'), ['boolean'])
  assert.deepEqual(after('completion', ''), ['bash', 'fish', 'zsh'])
  assert.ok(after('inbox', '--').includes('--cloud'))
  assert.ok(!after('inbox', '--').includes('--os-cloud'))
})

test('where files and images belong nothing is offered', () => {
  assert.deepEqual(after('image', 'show', ''), [])
  assert.deepEqual(after('image', 'create', 'x', '--file', ''), [])
})
