import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidArgumentError } from './errors.ts'
import { encodePointer, PatchDocument, PatchOperation } from './json-patch.ts'

test('a pointer escapes ~ before /', () => {
  assert.equal(encodePointer('a/b~c~1'), 'a~1b~0c~01')
})

test('a document is the JSON of its operations in order', () => {
  const document = new PatchDocument([new PatchOperation('replace', 'name', 'a/b~c')])
    .addOperation(new PatchOperation('add', 'my/key', ''))
    .addOperation(new PatchOperation('replace', 'protected', false))
    .addOperation(new PatchOperation('remove', 'old', 'ignored'))
  assert.deepEqual(JSON.parse(document.toString()), [
    { op: 'replace', path: '/name', value: 'a/b~c' },
    { op: 'add', path: '/my~1key', value: '' },
    { op: 'replace', path: '/protected', value: false },
    { op: 'remove', path: '/old' },
  ])
  assert.equal(document.operations.length, 4)
})

test('an operation that no service could take is refused', () => {
  assert.throws(() => new PatchOperation('add', 'name'), InvalidArgumentError)
  assert.throws(() => new PatchOperation('remove', ''), InvalidArgumentError)
  // @ts-expect-error: callers in JavaScript
  assert.throws(() => new PatchOperation('move', 'name', 'x'), InvalidArgumentError)
})
