import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { patchMediaTypes } from '@vitrine/contract'
import fc from 'fast-check'
import { expandRoles } from '../access/actor.ts'
import { ApiError } from '../api-error.ts'
import { loadConfig } from '../config.ts'
import { newImage } from './create.ts'
import type { Image } from './image.ts'
import { parsePatch, parsePointer, patchForm } from './patch.ts'
import { checkPatchValues, updated } from './update.ts'

const { limits } = await loadConfig({ environment: {} })
const { v21, v20 } = patchMediaTypes

const actor = (role: string) => ({
  userId: 'u',
  userName: null,
  projectNames: [],
  projectId: 'p',
  roles: expandRoles([role]),
})
const image: Image = { ...newImage('i', 'p', 0), properties: new Map([['os_distro', 'debian']]), tags: ['a'] }

const apply = (
  body: unknown,
  { role = 'member', form = v21 as string, from = image, transfer = false } = {},
): Image => {
  const patch = parsePatch(form, body)
  checkPatchValues(patch)
  return updated(from, patch, { actor: actor(role), limits, allowOwnerTransfer: transfer }, 1)
}

const codeOf = (call: () => unknown): number => {
  try {
    call()
    return 200
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error))
    return error.status
  }
}

describe('the media type of a patch', () => {
  for (const [type, status] of [
    [v21, 200],
    [v20, 200],
    [`${v21}; charset=utf-8`, 200],
    ['application/json', 415],
    ['', 415],
    [undefined, 415],
    ['constructor', 415],
  ] as const) {
    it(`${type}: ${status}`, () =>
      assert.equal(
        codeOf(() => patchForm(type)),
        status,
      ))
  }
})

describe('pointers', () => {
  for (const [pointer, segments] of [
    ['/name', ['name']],
    ['/ a ', ['a']],
    ['/a~1b', ['a/b']],
    ['/a~0b', ['a~b']],
    ['/a~01b', ['a~1b']],
    ['/a/b', ['a', 'b']],
  ] as const) {
    it(`${pointer} is ${segments.join(' and ')}`, () => assert.deepEqual(parsePointer(pointer), segments))
  }
  for (const pointer of ['', 'name', '/', '//', '/a/', '/a//b', '/a~', '/a~2', '/ ', 5, null, undefined]) {
    it(`${JSON.stringify(pointer)} is refused`, () =>
      assert.equal(
        codeOf(() => parsePointer(pointer)),
        400,
      ))
  }
})

/** What each operation does to a base attribute, a property that is there, and one that is not. */
const semantics: readonly [form: string, op: string, base: number, present: number, missing: number][] = [
  [v21, 'add', 200, 200, 200],
  [v21, 'replace', 200, 200, 409],
  [v21, 'remove', 403, 200, 409],
  [v20, 'add', 409, 409, 200],
  [v20, 'replace', 200, 200, 409],
  [v20, 'remove', 403, 200, 409],
]

describe('operations', () => {
  for (const [form, op, ...codes] of semantics) {
    for (const [index, key] of ['name', 'os_distro', 'missing'].entries()) {
      it(`${op} /${key} in ${form}: ${codes[index]}`, () => {
        const element = form === v21 ? { op, path: `/${key}`, value: 'x' } : { [op]: `/${key}`, value: 'x' }
        assert.equal(
          codeOf(() => apply([element], { form })),
          codes[index],
        )
      })
    }
  }

  const cases: readonly (readonly [
    name: string,
    body: unknown,
    status: number,
    options?: Parameters<typeof apply>[1],
  ])[] = [
    ['no array', {}, 400],
    ['no object in it', [1], 400],
    ['an array in it', [[]], 400],
    ['no op', [{ path: '/name', value: 'x' }], 400],
    ['move', [{ op: 'move', path: '/name', from: '/x' }], 400],
    ['test', [{ op: 'test', path: '/name', value: 'x' }], 400],
    ['no path', [{ op: 'add', value: 'x' }], 400],
    ['no value', [{ op: 'add', path: '/name' }], 400],
    ['a value on remove is ignored', [{ op: 'remove', path: '/os_distro', value: 'x' }], 200],
    ['unknown keys are ignored', [{ op: 'add', path: '/name', value: 'x', more: 1 }], 200],
    ['two operations in one element of 2.0', [{ add: '/a', remove: '/b', value: 'x' }], 400, { form: v20 }],
    ['none in an element of 2.0', [{ value: 'x' }], 400, { form: v20 }],
    ['a part of an attribute', [{ op: 'add', path: '/a/b', value: 'x' }], 400],
    ['a tag by index', [{ op: 'add', path: '/tags/-', value: 'x' }], 400],
    ['locations whole by add', [{ op: 'add', path: '/locations', value: [] }], 400],
    ['locations replaced', [{ op: 'replace', path: '/locations', value: [] }], 403],
    ['a location added', [{ op: 'add', path: '/locations/-', value: {} }], 403],
    ['a location removed', [{ op: 'remove', path: '/locations/0' }], 403],
    ...['id', 'status', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value'].flatMap((key) =>
      ['add', 'replace', 'remove'].map((op) => [`${op} /${key}`, [{ op, path: `/${key}`, value: 'x' }], 403] as const),
    ),
    ...['created_at', 'updated_at', 'self', 'file', 'schema', 'direct_url', 'stores'].map(
      (key) => [`replace /${key}`, [{ op: 'replace', path: `/${key}`, value: 'x' }], 403] as const,
    ),
    ...['location', 'deleted', 'deleted_at', 'os_glance_x'].map(
      (key) => [`add /${key}`, [{ op: 'add', path: `/${key}`, value: 'x' }], 403] as const,
    ),
    ['owner by its owner', [{ op: 'replace', path: '/owner', value: 'p' }], 403],
    ['owner given away', [{ op: 'add', path: '/owner', value: 'x' }], 403],
    [
      'owner given away where the operator allows it',
      [{ op: 'add', path: '/owner', value: 'x' }],
      200,
      { transfer: true },
    ],
    [
      'owner replaced where the operator allows adding',
      [{ op: 'replace', path: '/owner', value: 'x' }],
      403,
      { transfer: true },
    ],
    ['owner by an administrator', [{ op: 'replace', path: '/owner', value: 'x' }], 200, { role: 'admin' }],
    ['public by the owner', [{ op: 'replace', path: '/visibility', value: 'public' }], 403],
    ['public by an administrator', [{ op: 'replace', path: '/visibility', value: 'public' }], 200, { role: 'admin' }],
    ['community by the owner', [{ op: 'replace', path: '/visibility', value: 'community' }], 200],
    ['an unknown visibility', [{ op: 'replace', path: '/visibility', value: 'x' }], 400],
    ['no visibility', [{ op: 'replace', path: '/visibility', value: null }], 400],
    ['a format while queued', [{ op: 'replace', path: '/disk_format', value: 'raw' }], 200],
    [
      'a format while saving',
      [{ op: 'replace', path: '/disk_format', value: 'raw' }],
      403,
      { from: { ...image, status: 'saving' } },
    ],
    [
      'the same format when active',
      [{ op: 'replace', path: '/disk_format', value: null }],
      403,
      { from: { ...image, status: 'active' } },
    ],
    ['a negative requirement', [{ op: 'replace', path: '/min_disk', value: -1 }], 400],
    ['a requirement as text', [{ op: 'replace', path: '/min_disk', value: '1' }], 400],
    ['a property that is no string', [{ op: 'add', path: '/x', value: 1 }], 400],
    ['a typed property that does not fit', [{ op: 'add', path: '/kernel_id', value: 'x' }], 400],
    ['a typed property set to null', [{ op: 'add', path: '/kernel_id', value: null }], 200],
    ['text outside of the BMP', [{ op: 'replace', path: '/name', value: '😀' }], 400],
    ['too many tags', [{ op: 'replace', path: '/tags', value: Array.from({ length: 129 }, (_, i) => `${i}`) }], 413],
    ['too many properties', Array.from({ length: 128 }, (_, i) => ({ op: 'add', path: `/p${i}`, value: '' })), 413],
    ["a property with a name of JavaScript's own", [{ op: 'add', path: '/__proto__', value: 'x' }], 200],
  ]
  for (const [name, body, status, options] of cases) {
    it(`${name}: ${status}`, () =>
      assert.equal(
        codeOf(() => apply(body, options)),
        status,
      ))
  }

  it('apply in order, also several to one key', () => {
    const after = apply([
      { op: 'add', path: '/x', value: '1' },
      { op: 'replace', path: '/x', value: '2' },
      { op: 'remove', path: '/os_distro' },
    ])
    assert.deepEqual([...after.properties], [['x', '2']])
  })

  it('are all discarded when one fails', () => {
    assert.equal(
      codeOf(() =>
        apply([
          { op: 'replace', path: '/name', value: 'new' },
          { op: 'remove', path: '/no' },
        ]),
      ),
      409,
    )
    assert.equal(image.name, null)
  })
})

describe('whatever is sent', () => {
  it('is an image again or an error of the table', () => {
    const operation = fc.record(
      {
        op: fc.oneof(fc.constantFrom('add', 'replace', 'remove'), fc.jsonValue()),
        path: fc.oneof(
          fc.string().map((text) => `/${text}`),
          fc.constantFrom('/name', '/tags', '/x'),
          fc.jsonValue(),
        ),
        value: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(fc.array(operation), fc.jsonValue()), fc.constantFrom(v20, v21), (body, form) => {
        codeOf(() => apply(body, { form }))
      }),
      { numRuns: 2000 },
    )
  })

  it('never touches what is read-only', () => {
    const keys = ['id', 'status', 'sizeBytes', 'checksum', 'hashValue', 'locations', 'createdAt'] as const
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('add', 'replace', 'remove'), fc.string(), fc.jsonValue())),
        (list) => {
          try {
            const after = apply(list.map(([op, name, value]) => ({ op, path: `/${name}`, value })))
            for (const key of keys) assert.deepEqual(after[key], image[key])
          } catch (error) {
            assert.ok(error instanceof ApiError)
          }
        },
      ),
    )
  })
})
