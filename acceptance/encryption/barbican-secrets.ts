import assert from 'node:assert/strict'
import type { Barbican } from '../openstack/barbican.ts'

/** A secret as its project sees it in Barbican. */
interface ListedSecret {
  readonly name: string
  readonly reference: string
}

const listedSecret = (secret: unknown): ListedSecret => {
  assert.ok(typeof secret === 'object' && secret !== null && 'name' in secret && 'secret_ref' in secret)
  return { name: String(secret.name), reference: String(secret.secret_ref) }
}

/** The secrets of the project of a token. */
export const listSecrets = async ({ url }: Barbican, token: string): Promise<ListedSecret[]> => {
  const response = await fetch(`${url}/v1/secrets?limit=100`, { headers: { 'x-auth-token': token } })
  const list: unknown = await response.json()
  assert.ok(typeof list === 'object' && list !== null && 'secrets' in list && Array.isArray(list.secrets))
  return list.secrets.map(listedSecret)
}

/** What a secret holds, for whoever has the token. @returns undefined when Barbican refuses */
export const readSecret = async ({ reference }: ListedSecret, token: string): Promise<Uint8Array | undefined> => {
  const headers = { 'x-auth-token': token, accept: 'application/octet-stream' }
  const response = await fetch(`${reference}/payload`, { headers })
  if (response.status === 200) return response.bytes()
  assert.equal(response.status, 403, await response.text())
  return undefined
}
