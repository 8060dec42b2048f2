import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { ApiError } from '../api-error.ts'
import { newImage } from '../images/create.ts'
import { withData } from './rules.ts'

const signature = randomBytes(256).toString('base64')
const signed = {
  ...newImage('an-image', 'producer', 0),
  properties: new Map([
    ['img_signature', signature],
    ['img_signature_hash_method', 'SHA-256'],
    ['img_signature_key_type', 'RSA-PSS'],
    ['img_signature_certificate_uuid', '0d2a1c0e-6f0f-4f37-9c7f-3a4a2c1a7f10'],
  ]),
}
const bytes = {
  sizeBytes: 5,
  virtualSizeBytes: 5,
  checksum: 'c',
  hashAlgorithm: 'sha512',
  hashValue: 'h',
  encryptedContent: null,
} as const

describe('bytes of a signed image', () => {
  it('OSSA-2024-004: are not taken by a way in that did not verify them', () => {
    for (const verified of [null, '', randomBytes(256).toString('base64')]) {
      assert.throws(
        () => withData(signed, { ...bytes, verified }, 1),
        (error) => error instanceof ApiError && error.code === 'signature_refused',
      )
    }
  })

  it('are taken once they were verified with its signature, and those of others without', () => {
    assert.equal(withData(signed, { ...bytes, verified: signature }, 1).sizeBytes, 5)
    assert.equal(withData({ ...signed, properties: new Map() }, { ...bytes, verified: null }, 1).sizeBytes, 5)
  })
})
