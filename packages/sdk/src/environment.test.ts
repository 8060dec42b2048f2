import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, fakeFetch } from '../test/fake-fetch.ts'
import { v2Token, v3Token } from '../test/identity-answers.ts'
import { fromEnvironment } from './environment.ts'
import { ConfigurationError } from './errors.ts'

const sent = async (env: Record<string, string>) => {
  const { fetch, requests } = fakeFetch((request) => (request.path.startsWith('/v3') ? v3Token('T') : v2Token('T')))
  const connection = fromEnvironment(env, { fetch, clock: fakeClock() })
  const endpoint = await connection.imageService().endpoint()
  await connection.authenticate()
  return { url: requests[0]?.url, auth: JSON.parse(requests[0]?.body ?? '').auth, endpoint }
}

test('an openrc file of a project', async () => {
  const { url, auth, endpoint } = await sent({
    OS_AUTH_URL: 'https://id.example.org/v3',
    OS_USERNAME: 'joe',
    OS_PASSWORD: 'p',
    OS_PROJECT_NAME: 'x',
    OS_PROJECT_ID: '',
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_ID: 'default',
    OS_REGION_NAME: 'RegionTwo',
    OS_INTERFACE: 'internal',
    OS_IDENTITY_API_VERSION: '3',
    PATH: '/bin',
  })
  assert.equal(url, 'https://id.example.org/v3/auth/tokens')
  assert.deepEqual(auth, {
    identity: {
      methods: ['password'],
      password: { user: { name: 'joe', domain: { name: 'Default' }, password: 'p' } },
    },
    scope: { project: { name: 'x', domain: { id: 'default' } } },
  })
  assert.equal(endpoint, 'https://internal.regiontwo.example.org/v2')
})

test('an application credential wins over a password by its type', async () => {
  const { auth } = await sent({
    OS_AUTH_URL: 'https://id.example.org/v3',
    OS_AUTH_TYPE: 'v3applicationcredential',
    OS_PASSWORD: 'p',
    OS_APPLICATION_CREDENTIAL_ID: 'c',
    OS_APPLICATION_CREDENTIAL_SECRET: 's',
  })
  assert.deepEqual(auth.identity, {
    methods: ['application_credential'],
    application_credential: { id: 'c', secret: 's' },
  })
})

test('tenants of v2.0, an interface in the old spelling, and an endpoint that is set', async () => {
  const { url, auth, endpoint } = await sent({
    OS_AUTH_URL: 'https://id.example.org',
    OS_IDENTITY_API_VERSION: '2.0',
    OS_USERNAME: 'joe',
    OS_PASSWORD: 'p',
    OS_TENANT_NAME: 't',
    OS_ENDPOINT_TYPE: 'publicURL',
    OS_IMAGE_ENDPOINT_OVERRIDE: 'https://other.example.org',
  })
  assert.equal(url, 'https://id.example.org/v2.0/tokens')
  assert.deepEqual(auth, { passwordCredentials: { username: 'joe', password: 'p' }, tenantName: 't' })
  assert.equal(endpoint, 'https://other.example.org/v2')
})

test('what is missing is named', () => {
  const authUrl = { OS_AUTH_URL: 'https://id.example.org/v3' }
  const wrong: [Record<string, string>, RegExp][] = [
    [{}, /OS_AUTH_URL is not set/],
    [authUrl, /incomplete/],
    [{ ...authUrl, OS_AUTH_TYPE: 'v3oidcpassword', OS_PASSWORD: 'p' }, /oidcpassword is not supported/],
    [{ ...authUrl, OS_PASSWORD: 'p', OS_INTERFACE: 'secret' }, /interface must be one of/],
    [{ ...authUrl, OS_PASSWORD: 'p', OS_IDENTITY_API_VERSION: '4' }, /must be 3 or 2.0/],
  ]
  for (const [env, message] of wrong) {
    assert.throws(
      () => fromEnvironment(env),
      (error) => error instanceof ConfigurationError && message.test(error.message),
    )
  }
})
