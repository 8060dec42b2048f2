import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collect, collectColumns, collectPairs, parseCount } from './arguments.ts'
import { checkProjects } from './project-id.ts'

test('counts are whole numbers of at least 0', () => {
  assert.equal(parseCount('0'), 0)
  assert.equal(parseCount('250'), 250)
  for (const text of ['', '-1', '1.5', '1e3', 'x', '0x10', ' 1', '1234567890123456']) {
    assert.throws(() => parseCount(text), /whole number/, text)
  }
})

test('a pair ends its name at the first equals sign', () => {
  assert.deepEqual(collectPairs('a=b'), [['a', 'b']])
  assert.deepEqual(collectPairs('a=b=c', [['x', '']]), [
    ['x', ''],
    ['a', 'b=c'],
  ])
  assert.deepEqual(collectPairs('a='), [['a', '']])
  for (const text of ['a', '=b', '']) assert.throws(() => collectPairs(text), /KEY=VALUE/, text)
})

test('repeated options are kept in order', () => {
  assert.deepEqual(collect('b', ['a']), ['a', 'b'])
  assert.throws(() => collect(''))
  assert.deepEqual(collectColumns('id, name', ['size']), ['size', 'id', 'name'])
  assert.throws(() => collectColumns('id,,name'))
})

test('a share with what cannot be a project id is refused', () => {
  const ids = ['0123456789abcdef0123456789abcdef', '0b9c1d4e-0000-4000-8000-000000000000', '5821234']
  checkProjects(ids, false)
  checkProjects(['consumer@Default', 'two words@my domain'], false)
  for (const odd of ['consumer', '0123456789abcdef', 'a b', '', '@Default', 'a@b@c']) {
    assert.throws(() => checkProjects([...ids, odd], false), /does not look like a project id/, odd)
    checkProjects([odd], true)
  }
})
