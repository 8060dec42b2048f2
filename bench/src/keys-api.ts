import type { Account } from './api.ts'

const ask = async (
  url: string,
  { token }: Account,
  status: number,
  method: string,
  path: string,
  body?: unknown,
): Promise<string> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (response.status === status) return text
  throw new Error(`${method} ${path} was answered ${response.status}: ${text.slice(0, 500)}`)
}

/**
 * Has the bytes of an image that waits for them sealed when they arrive.
 * @param keyId left out: the default key of the project, which the first such image makes
 */
export const sealImage = async (url: string, account: Account, id: string, keyId?: string): Promise<void> => {
  const document = await ask(
    url,
    account,
    200,
    'PUT',
    `/v2/images/${id}/encryption`,
    keyId === undefined ? {} : { key_id: keyId },
  )
  const { kind }: { kind: string } = JSON.parse(document)
  if (kind !== 'sealed') throw new Error(`An image that is to be sealed is ${kind}.`)
}

/** Gives a key new material; what it wrapped is wrapped anew from then on. */
export const rotateKey = async (url: string, account: Account, keyId: string): Promise<void> => {
  await ask(url, account, 202, 'POST', `/v2/keys/${keyId}/rotate`)
}

/** Whether something is still to be wrapped anew. */
export const isRotating = async (url: string, account: Account, keyId: string): Promise<boolean> => {
  const { rotating }: { rotating: boolean } = JSON.parse(await ask(url, account, 200, 'GET', `/v2/keys/${keyId}`))
  return rotating
}

const pageSize = 1000

/** How many lines of each type the log of a key has. */
export const countKeyEvents = async (url: string, account: Account, keyId: string): Promise<Map<string, number>> => {
  const counts = new Map<string, number>()
  let path: string | undefined = `/v2/keys/${keyId}/events?limit=${pageSize}`
  while (path !== undefined) {
    const page: { events: { type: string }[]; next?: string } = JSON.parse(await ask(url, account, 200, 'GET', path))
    for (const { type } of page.events) counts.set(type, (counts.get(type) ?? 0) + 1)
    path = page.next
  }
  return counts
}
