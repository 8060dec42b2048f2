import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AccessRule, allowsCall } from './access-rules.ts'

const rule = (path: string, method: AccessRule['method'] = 'GET', service = 'image'): AccessRule[] => [
  { service, method, path },
]
const allows = (path: string, called: string) => allowsCall(rule(path), 'image', { method: 'GET', path: called })

test('a credential without rules may make every call, one with an empty list none', () => {
  assert.equal(allowsCall(null, 'image', { method: 'DELETE', path: '/v2/images/1' }), true)
  assert.equal(allowsCall([], 'image', { method: 'GET', path: '/v2/images' }), false)
})

test('service, method and path must all agree', () => {
  const call = { method: 'GET', path: '/v2/images' }
  assert.equal(allowsCall(rule('/v2/images'), 'image', call), true)
  assert.equal(allowsCall(rule('/v2/images', 'POST'), 'image', call), false)
  assert.equal(allowsCall(rule('/v2/images', 'GET', 'compute'), 'image', call), false)
  assert.equal(allowsCall(rule('/v2/imagesx'), 'image', call), false)
  assert.equal(allowsCall([...rule('/v2/tasks'), ...rule('/v2/images')], 'image', call), true)
})

test('* and {name} stand for one segment, ** for one or more', () => {
  for (const [pattern, path, expected] of [
    ['/v2/images/*', '/v2/images/1', true],
    ['/v2/images/{image_id}', '/v2/images/1', true],
    ['/v2/images/*', '/v2/images/', false],
    ['/v2/images/*', '/v2/images', false],
    ['/v2/images/*', '/v2/images/1/file', false],
    ['/v2/images/*/file', '/v2/images/1/file', true],
    ['/v2/images/**', '/v2/images/1/members/2', true],
    ['/v2/images/**', '/v2/images', false],
    ['/**/file', '/v2/images/1/file', true],
    ['/**/file', '/v2/images/1/file/x', false],
    ['/v2/**/members/*', '/v2/images/members/members/1', true],
  ] as const) {
    assert.equal(allows(pattern, path), expected, `${pattern} against ${path}`)
  }
})

test('encoding does not get round the rules', () => {
  assert.equal(allows('/v2/images', '/v2/%69mages'), true)
  assert.equal(allows('/v2/images/*', '/v2/images/1%2Ffile'), true, 'an encoded slash stays inside its segment')
  assert.equal(allows('/v2/images/**', '/v2/images/../tasks'), false)
  assert.equal(allows('/v2/images/**', '/v2/images/%2e%2e/tasks'), false)
  assert.equal(allows('/v2/images/*', '/v2/images/%ff'), false)
})

test('a hostile pattern does not make matching slow', () => {
  const pattern = `/${Array(80).fill('**').join('/')}/end`
  const started = performance.now()
  assert.equal(allows(pattern, `/${Array(2000).fill('a').join('/')}`), false)
  assert.ok(performance.now() - started < 1000)
})
