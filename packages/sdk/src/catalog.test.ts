import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findEndpoint, parseCatalog } from './catalog.ts'
import { EndpointNotFoundError } from './errors.ts'

const catalog = parseCatalog([
  { type: 'compute', name: 'nova', endpoints: [{ interface: 'public', region: 'A', url: 'https://nova' }] },
  {
    type: 'image',
    name: 'glance',
    endpoints: [
      { interface: 'admin', region: 'A', url: 'https://admin.a' },
      { interface: 'public', region: 'A', url: 'https://public.a' },
      { interface: 'public', region_id: 'B', url: 'https://public.b' },
    ],
  },
  {
    type: 'image',
    name: 'cloudImages',
    endpoints: [{ publicURL: 'https://rax/v2', internalURL: 'https://rax-in/v2' }],
  },
  'nonsense',
  { type: 'image', endpoints: [5, { interface: 'public' }] },
])

test('an endpoint is found by type, name, region and interface', () => {
  assert.equal(findEndpoint(catalog, 'image', {}), 'https://public.a')
  assert.equal(findEndpoint(catalog, 'image', { region: 'B' }), 'https://public.b')
  assert.equal(findEndpoint(catalog, 'image', { interface: 'admin' }), 'https://admin.a')
  assert.equal(findEndpoint(catalog, 'IMAGE', { name: 'CloudImages' }), 'https://rax/v2')
  assert.equal(findEndpoint(catalog, 'image', { name: 'cloudImages', interface: 'internal' }), 'https://rax-in/v2')
  assert.equal(findEndpoint(catalog, 'image', { name: 'cloudImages', region: 'Z' }), 'https://rax/v2')
})

test('when nothing fits, the error says what there is', () => {
  assert.throws(
    () => findEndpoint(catalog, 'image', { name: 'glance', region: 'C' }),
    (error) =>
      error instanceof EndpointNotFoundError &&
      error.message ===
        'The catalogue has no image endpoint with name glance, region C, interface public. ' +
          'There are: glance (A, admin); glance (A, public); glance (B, public); ' +
          'cloudImages (any region, public); cloudImages (any region, internal).',
  )
  assert.throws(() => findEndpoint([], 'image', {}), /no image service.*token is for a project/)
})
