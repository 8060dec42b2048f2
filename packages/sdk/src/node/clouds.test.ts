import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fakeClock, fakeFetch } from '../../test/fake-fetch.ts'
import { v3Token } from '../../test/identity-answers.ts'
import { ConfigurationError } from '../errors.ts'
import { type CloudsOptions, fromClouds } from './clouds.ts'

const folder = (t: TestContext, files: Record<string, string>): string => {
  const path = mkdtempSync(join(tmpdir(), 'vitrine-clouds-'))
  t.after(() => rmSync(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}

const clouds = `
clouds:
  producer:
    region_name: RegionTwo
    interface: internal
    identity_api_version: 3
    auth:
      auth_url: https://id.example.org/v3
      username: producer
      password: 0012
      project_name: producer
      user_domain_name: Default
      project_domain_name: Default
  consumer:
    auth-type: v3applicationcredential
    auth:
      auth-url: https://id.example.org/v3
      application_credential_id: c
  open:
    verify: false
    auth: { auth_url: 'https://id.example.org/v3', username: u, password: p }
  vendor:
    profile: example
    auth: { username: u, password: p, project_id: null }
  unknown:
    profile: nowhere
    auth: { username: u, password: p }
`

const secure = 'clouds: { consumer: { auth: { application_credential_secret: s3 } } }'

const vendors = `
public-clouds:
  example:
    auth: { auth_url: 'https://vendor.example.org/v3', username: nobody }
    regions: [ RegionTwo, RegionOne ]
`

/** What a connection sends to the identity service, and where it finds images. */
const sent = async (name: string | undefined, options: CloudsOptions) => {
  const { fetch, requests } = fakeFetch(v3Token('T'))
  const connection = fromClouds(name, { env: {}, fetch, clock: fakeClock(), ...options })
  const endpoint = await connection.imageService().endpoint()
  return { url: requests[0]?.url, auth: JSON.parse(requests[0]?.body ?? '').auth, endpoint }
}

test('a cloud by name, with values kept as they are written', async (t) => {
  const path = folder(t, { 'clouds.yaml': clouds })
  const { url, auth, endpoint } = await sent('producer', { searchPaths: [path] })
  assert.equal(url, 'https://id.example.org/v3/auth/tokens')
  assert.deepEqual(auth.identity.password.user, { name: 'producer', domain: { name: 'Default' }, password: '0012' })
  assert.deepEqual(auth.scope, { project: { name: 'producer', domain: { name: 'Default' } } })
  assert.equal(endpoint, 'https://internal.regiontwo.example.org/v2')
  const other = await sent('producer', { searchPaths: [path], region: 'RegionOne', interface: 'admin' })
  assert.equal(other.endpoint, 'https://admin.regionone.example.org/v2')
})

test('secrets are merged in, and OS_CLOUD names the cloud', async (t) => {
  const path = folder(t, { 'clouds.yml': clouds, 'secure.yaml': secure })
  const { auth } = await sent(undefined, { searchPaths: ['/nowhere', path], env: { OS_CLOUD: 'consumer' } })
  assert.deepEqual(auth.identity.application_credential, { id: 'c', secret: 's3' })
})

test('OS_CLIENT_CONFIG_FILE stands above the search', async (t) => {
  const path = folder(t, {
    'mine.yaml': clouds.replaceAll('id.example.org', 'mine.example.org'),
    'clouds.yaml': clouds,
  })
  const env = { OS_CLIENT_CONFIG_FILE: join(path, 'mine.yaml') }
  assert.equal((await sent('producer', { searchPaths: [path], env })).url, 'https://mine.example.org/v3/auth/tokens')
})

test("a vendor's profile fills in what is missing", async (t) => {
  const path = folder(t, { 'clouds.yaml': clouds, 'clouds-public.yaml': vendors })
  const { url, auth, endpoint } = await sent('vendor', { searchPaths: [path] })
  assert.equal(url, 'https://vendor.example.org/v3/auth/tokens')
  assert.equal(auth.identity.password.user.name, 'u')
  assert.equal(auth.scope, undefined)
  assert.equal(endpoint, 'https://public.regiontwo.example.org/v2')
})

test('the only cloud needs no name', async (t) => {
  const one = "{ clouds: { only: { auth: { auth_url: 'https://one.example.org/v3', token: t } } } }"
  const path = folder(t, { 'clouds.json': one })
  assert.equal((await sent(undefined, { searchPaths: [path] })).url, 'https://one.example.org/v3/auth/tokens')
})

const refused = (message: RegExp, name: string | undefined, options: CloudsOptions) =>
  assert.throws(
    () => fromClouds(name, { env: {}, ...options }),
    (error) => error instanceof ConfigurationError && message.test(error.message),
  )

test('what is wrong is said, with what there is', (t) => {
  const path = folder(t, { 'clouds.yaml': clouds, 'broken.yaml': 'clouds: {\n  password: hunter2: [' })
  const searchPaths = [path]
  refused(/no clouds.yaml in/, 'x', { searchPaths: ['/nowhere'] })
  refused(/no cloud named x. It has: producer, consumer, open/, 'x', { searchPaths })
  refused(/no cloud named constructor/, 'constructor', { searchPaths })
  refused(/Which cloud of .*OS_CLOUD/, undefined, { searchPaths })
  refused(/verify: false.*cacert/, 'open', { searchPaths })
  refused(/profile nowhere/, 'unknown', { searchPaths })
  refused(/incomplete/, 'consumer', { searchPaths })
  refused(/cannot be read/, 'x', { searchPaths, env: { OS_CLIENT_CONFIG_FILE: join(path, 'absent.yaml') } })
  refused(/^(?!.*hunter2).*cannot be read/, 'x', {
    searchPaths,
    env: { OS_CLIENT_CONFIG_FILE: join(path, 'broken.yaml') },
  })
})
