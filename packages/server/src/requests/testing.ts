import assert from 'node:assert/strict'
import type { Config } from '../config.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

/** For tests: a service that sends mail nowhere, with a listed image of the project `producer`. */

export const producer = fakeToken('producer', 'member')
export const consumer = fakeToken('consumer', 'member')

export const requestsPath = '/catalogue/producers/acme/debian/requests'

/** A mail as it waits in the queue. */
export interface QueuedMail {
  readonly notice: string
  readonly target: string
  readonly content: {
    readonly confirmUrl?: string
    readonly reason?: string
    readonly accepted?: boolean
    readonly endsAt?: number | null
  }
}

export interface ListedService extends TestService {
  readonly image: string
  /** Moves the clock. */
  pass(ms: number): void
  mails(): Promise<QueuedMail[]>
  /** Asks anonymously; the answer must be the receipt. @returns paths of both secret links */
  ask(wish?: { project?: string; email?: string; message?: string }): Promise<{ track: string; confirm: string }>
  newImage(token?: string): Promise<string>
}

const newActiveImage = async ({ call }: TestService, token: string): Promise<string> => {
  const made = await call('POST', '/v2/images', token, { name: 'deb', disk_format: 'raw', container_format: 'bare' })
  const { id } = made.json()
  const type = { 'content-type': 'application/octet-stream' }
  const sent = await call('PUT', `/v2/images/${id}/file`, token, Buffer.from('bytes'), type)
  assert.equal(sent.statusCode, 204)
  return id
}

/** Makes the image, the profile and the listing. @returns id of the image */
const list = async (service: TestService): Promise<string> => {
  const { call } = service
  const image = await newActiveImage(service, producer)
  assert.equal((await call('PUT', '/v2/producer', producer, { handle: 'acme', name: 'Acme' })).statusCode, 201)
  const listed = await call('POST', '/v2/listings', producer, { image_id: image, slug: 'debian', title: 'Debian <13>' })
  assert.equal(listed.statusCode, 201, listed.body)
  return image
}

export const startListedService = async (
  settings: Partial<Config> & { database_url: string },
): Promise<ListedService> => {
  let passed = 0
  const smtp = { smtp_url: 'smtp://127.0.0.1:1', public_url: 'https://images.example' }
  const service = await startTestService({ ...smtp, ...settings }, () => Date.now() + passed)
  const { call } = service
  // A service that is not closed keeps the test from ending.
  const image = await list(service).catch(async (error: unknown) => {
    await service.close()
    throw error
  })

  const mails = async (): Promise<QueuedMail[]> => {
    const rows = await service.service.database.read
      .selectFrom('deliveries')
      .select(['notice', 'target', 'payload'])
      .where('kind', '=', 'mail')
      .where('target_id', 'is', null)
      .orderBy('sequence')
      .execute()
    return rows.map(({ notice, target, payload }) => ({ notice, target, content: JSON.parse(payload).content }))
  }
  return {
    ...service,
    image,
    pass: (ms) => {
      passed += ms
    },
    mails,
    newImage: (token = producer) => newActiveImage(service, token),
    ask: async ({ project = 'consumer', email = 'ann@example.com', message } = {}) => {
      const answer = await call('POST', requestsPath, undefined, { project, email, message })
      assert.equal(answer.statusCode, 202, answer.body)
      const sent = (await mails()).filter(({ target, notice }) => target === email && notice === 'request.confirm')
      return {
        track: new URL(answer.json().track).pathname,
        confirm: new URL(sent.at(-1)?.content.confirmUrl ?? 'none:').pathname,
      }
    },
  }
}
