import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { keyBytes, unwrapWith } from '../../packages/server/src/keys/wrapping.ts'
import { dataKeyOf, openChunk, sealedChunkBytes } from '../../packages/server/src/sealing/chunks.ts'
import type { Barbican } from '../openstack/barbican.ts'
import { listSecrets, readSecret } from './barbican-secrets.ts'
import type { Secret } from './search.ts'
import type { Party } from './world.ts'

/** What somebody can open who has stolen the data, and the master key as well. */
export interface Loot {
  /** Material of keys, and data keys of images. */
  readonly secrets: readonly Secret[]
  /** By image: the key of its bytes. */
  readonly dataKeys: ReadonlyMap<string, Uint8Array>
}

const base64 = (value: unknown): Buffer => Buffer.from(String(value), 'base64')

export const readMasterKey = async (path: string): Promise<Secret> => {
  const [line = ''] = (await readFile(path, 'utf8')).split('\n')
  return { name: 'the master key', bytes: base64(line) }
}

/** Opens all that a service on SQLite with embedded keys has kept. */
export const openWithMasterKey = (data: string, { bytes: masterKey }: Secret): Loot => {
  using database = new DatabaseSync(join(data, 'vitrine.db'), { readOnly: true })
  const materials = new Map<string, Buffer>()
  const secrets: Secret[] = []
  for (const row of database.prepare('SELECT * FROM embedded_keys WHERE version > 0').all()) {
    const { key_id: key, version, holder_id: holder, sealed } = row
    // After the material stands the project that it was made for.
    const material = Buffer.from(
      unwrapWith(masterKey, base64(sealed), `key ${key} version ${version} holder ${holder}`).subarray(0, keyBytes),
    )
    materials.set(`${key} ${version}`, material)
    secrets.push({ name: `version ${version} of the key ${key}`, bytes: material })
  }
  const dataKeys = new Map<string, Uint8Array>()
  for (const { image_id: image, key_id: key, key_version: version, wrapped } of database
    .prepare('SELECT * FROM image_seals')
    .all()) {
    const material = materials.get(`${key} ${version}`)
    assert.ok(material)
    const dataKey = unwrapWith(material, base64(wrapped), `image ${image}`)
    dataKeys.set(String(image), dataKey)
    secrets.push({ name: `the data key of the image ${image}`, bytes: dataKey })
  }
  return { secrets, dataKeys }
}

/** The beginning of an object that is longer than one chunk. */
export const openBeginning = (dataKey: Uint8Array, sealed: Uint8Array): Buffer =>
  Buffer.from(openChunk(dataKeyOf(dataKey), { index: 0, isLast: false }, sealed.subarray(0, sealedChunkBytes)))

/** Material of the keys that a project has in Barbican, by its own hand. */
export const readBarbican = async (barbican: Barbican, party: Party): Promise<Secret[]> => {
  const token = await party.token()
  const secrets = await listSecrets(barbican, token)
  assert.ok(secrets.length > 0)
  return Promise.all(
    secrets.map(async (secret) => {
      const bytes = await readSecret(secret, token)
      assert.ok(bytes, 'a project reads its own secrets')
      return { name: `the secret ${secret.name}`, bytes }
    }),
  )
}
