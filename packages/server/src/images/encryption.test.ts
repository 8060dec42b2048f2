import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '../api-error.ts'
import { newImage } from './create.ts'
import { checkSealKept, deletesKey, encryptionOf, sealedWith, withoutSeal } from './encryption.ts'
import type { Image } from './image.ts'

const image = (properties: Record<string, string | null>): Image => ({
  ...newImage('i', 'producer', 0),
  properties: new Map(Object.entries(properties)),
})
const keyId = '7a0d5b1c-2f1e-4e39-9d0a-0a7a5c8f3b11'

describe('the encryption that an image is marked with', () => {
  const cases: [what: string, properties: Record<string, string | null>, found: ReturnType<typeof encryptionOf>][] = [
    ['nothing', {}, undefined],
    ['a key', { __system__cmkid: keyId }, { kind: 'client', keyId }],
    ['an empty key', { __system__cmkid: '' }, undefined],
    ['no key', { __system__cmkid: null }, undefined],
    ['the flag 1', { __system__encrypted: '1' }, { kind: 'client', keyId: null }],
    ['the flag 0', { __system__encrypted: '0' }, undefined],
    ['another flag', { __system__encrypted: 'true' }, undefined],
    ['key and flag 0', { __system__cmkid: keyId, __system__encrypted: '0' }, { kind: 'client', keyId }],
    ['the key of a volume', { cinder_encryption_key_id: keyId }, { kind: 'client', keyId }],
    ['the key of an encrypted image', { os_encrypt_key_id: keyId }, { kind: 'client', keyId }],
    ['two keys', { os_encrypt_key_id: 'second', __system__cmkid: 'first' }, { kind: 'client', keyId: 'first' }],
    ['what is no id', { __system__cmkid: '../secrets' }, { kind: 'client', keyId: null }],
    ['what is too long for an index', { __system__cmkid: 'k'.repeat(60_000) }, { kind: 'client', keyId: null }],
  ]
  for (const [what, properties, found] of cases) {
    it(`is found in ${what}`, () => assert.deepEqual(encryptionOf(image(properties)), found))
  }

  it('is that of the service, whatever the properties say', () => {
    const sealed = sealedWith(image({ cinder_encryption_key_id: 'other' }), keyId, 1)
    assert.deepEqual(encryptionOf(sealed), { kind: 'sealed', keyId })
    assert.equal(sealed.properties.get('__system__cmkid'), keyId)
    assert.equal(sealed.properties.get('__system__encrypted'), '1')
  })

  it('takes the key along where it says so', () => {
    assert.equal(deletesKey(image({ cinder_encryption_key_deletion_policy: 'on_image_deletion' })), true)
    assert.equal(deletesKey(image({ os_encrypt_key_deletion_policy: 'on_image_deletion' })), true)
    assert.equal(deletesKey(image({ cinder_encryption_key_deletion_policy: 'do_not_delete' })), false)
    assert.equal(deletesKey(image({})), false)
  })
})

describe('a sealed image', () => {
  const sealed = sealedWith(image({ a: 'b' }), keyId, 1)
  const refused = (after: Image, code: string) =>
    assert.throws(
      () => checkSealKept(sealed, after),
      (error) => error instanceof ApiError && error.code === code,
    )
  const changed = (name: string, value: string | undefined): Image => {
    const properties = new Map(sealed.properties)
    if (value === undefined) properties.delete(name)
    else properties.set(name, value)
    return { ...sealed, properties }
  }

  it('keeps what it says of its encryption, and its owner', () => {
    refused(changed('__system__cmkid', 'other'), 'read_only')
    refused(changed('__system__cmkid', undefined), 'read_only')
    refused(changed('__system__encrypted', '0'), 'read_only')
    refused({ ...sealed, owner: 'other' }, 'conflict')
    checkSealKept(sealed, changed('a', 'c'))
    checkSealKept(image({}), { ...image({ __system__encrypted: '1' }), owner: 'other' })
  })

  it('gives a copy nothing of its seal, and no power over its key', () => {
    assert.deepEqual([...withoutSeal(sealed)], [['a', 'b']])
    const marked = image({ __system__cmkid: keyId, cinder_encryption_key_deletion_policy: 'on_image_deletion' })
    assert.deepEqual([...withoutSeal(marked)], [['__system__cmkid', keyId]])
  })
})
