import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError } from '../config.ts'
import { s3PlaceOf } from './s3-setting.ts'
import { openStores } from './stores.ts'

const placeOf = (location: string) => s3PlaceOf('cloud', new URL(location))

describe('the setting of an S3 store', () => {
  it('names a bucket, with Amazon and the credentials of the environment unless told otherwise', () => {
    assert.deepEqual(placeOf('s3://images'), {
      bucket: 'images',
      prefix: '',
      region: 'us-east-1',
      endpoint: undefined,
      credentials: undefined,
      patienceMs: 30_000,
    })
  })

  it('takes a prefix, an endpoint, a region, credentials and a time', () => {
    const location =
      's3://KEY:a%2Fb%2Bc%2C@images/of/cloud/?endpoint=http://10.0.0.1:7480&region=north&timeout_seconds=5&weight=3'
    assert.deepEqual(placeOf(location), {
      bucket: 'images',
      prefix: 'of/cloud/',
      region: 'north',
      endpoint: 'http://10.0.0.1:7480',
      credentials: { accessKeyId: 'KEY', secretAccessKey: 'a/b+c,' },
      patienceMs: 5000,
    })
  })

  it('becomes a store that tells what it is, and no secret', async () => {
    const { all } = await openStores(
      'one=s3://other,two=s3://KEY:canary@images/x?endpoint=http://h:1&description=Far%20away&weight=-1',
    )
    const [, two] = all
    assert.deepEqual([two?.type, two?.isRemote, two?.description, two?.weight], ['s3', true, 'Far away', -1])
    assert.deepEqual(two?.properties, {
      s3_store_host: 'http://h:1',
      s3_store_bucket: 'images',
      s3_store_prefix: 'x/',
      s3_store_large_object_chunk_size: 8,
    })
    const key = 'a'.repeat(32)
    assert.equal(two?.urlOf(key), `s3://images/x/${key}`)
  })

  for (const [what, setting, says] of [
    ['no bucket', 'cloud=s3:///x', /store cloud needs a bucket/],
    ['a bucket with a port', 'cloud=s3://canary:9000/x', /needs a bucket/],
    ['a prefix that would need escapes', 'cloud=s3://images/a%20b', /needs a prefix/],
    ['an endpoint that is none', 'cloud=s3://images?endpoint=canary', /http or https/],
    ['an endpoint with a path', 'cloud=s3://images?endpoint=http://h/canary', /without a path/],
    ['credentials in the endpoint', 'cloud=s3://images?endpoint=http://k:canary@h', /before the bucket/],
    ['a key without a secret', 'cloud=s3://canary@images', /both an access key and its secret/],
    ['a secret that is not encoded', 'cloud=s3://k:canary%ZZ@images', /percent-encoded/],
    ['a secret with a slash in it', 'cloud=s3://k:canary/x@images', /.*/],
    ['a secret with a comma in it', 'cloud=s3://k:can,canary=ary@images', /.*/],
    ['a location without a name', 's3://k:canary@images', /name of a store/],
    ['a time that is none', 'cloud=s3://images?timeout_seconds=canary', /whole seconds/],
    ['an unknown parameter', 'cloud=s3://images?secret_key=canary', /parameter that is none of/],
  ] as const) {
    it(`refuses ${what}, and does not repeat what may be secret`, async () => {
      await assert.rejects(
        openStores(setting),
        (error) => error instanceof ConfigError && says.test(error.message) && !/canary(?!=)/.test(error.message),
      )
    })
  }
})
