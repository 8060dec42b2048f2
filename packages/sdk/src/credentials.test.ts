import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Auth, v2Body, v3Body } from './credentials.ts'
import { ConfigurationError } from './errors.ts'

const v3: [name: string, auth: Auth, expected: object][] = [
  [
    'a user and a project by name, in the default domain',
    { username: 'u', password: 'p', projectName: 'x' },
    {
      identity: {
        methods: ['password'],
        password: { user: { name: 'u', domain: { id: 'default' }, password: 'p' } },
      },
      scope: { project: { name: 'x', domain: { id: 'default' } } },
    },
  ],
  [
    "the user's domain for the project too",
    { username: 'u', userDomainName: 'D', password: 'p', tenantName: 'x' },
    {
      identity: { methods: ['password'], password: { user: { name: 'u', domain: { name: 'D' }, password: 'p' } } },
      scope: { project: { name: 'x', domain: { name: 'D' } } },
    },
  ],
  [
    'ids, which need no domain',
    { userId: 'uid', username: 'u', password: 'p', projectId: 'pid', projectName: 'x', projectDomainId: 'd' },
    {
      identity: { methods: ['password'], password: { user: { id: 'uid', password: 'p' } } },
      scope: { project: { id: 'pid' } },
    },
  ],
  ['a token without a scope', { token: 't' }, { identity: { methods: ['token'], token: { id: 't' } } }],
  [
    'a token for a domain',
    { token: 't', domainName: 'D' },
    { identity: { methods: ['token'], token: { id: 't' } }, scope: { domain: { name: 'D' } } },
  ],
  [
    'an application credential by id, never with a scope',
    { applicationCredentialId: 'c', applicationCredentialSecret: 's' },
    { identity: { methods: ['application_credential'], application_credential: { id: 'c', secret: 's' } } },
  ],
  [
    'an application credential by name and user',
    { applicationCredentialName: 'n', applicationCredentialSecret: 's', username: 'u', userDomainId: 'd' },
    {
      identity: {
        methods: ['application_credential'],
        application_credential: { name: 'n', user: { name: 'u', domain: { id: 'd' } }, secret: 's' },
      },
    },
  ],
]

for (const [name, auth, expected] of v3) {
  test(`v3 body: ${name}`, () => assert.deepEqual(v3Body(auth), { auth: expected }))
}

const v2: [name: string, auth: Auth, expected: object][] = [
  [
    'a password',
    { username: 'u', password: 'p', tenantName: 't' },
    { passwordCredentials: { username: 'u', password: 'p' }, tenantName: 't' },
  ],
  [
    'the name before the id',
    { username: 'u', password: 'p', projectName: 't', projectId: '1' },
    { passwordCredentials: { username: 'u', password: 'p' }, tenantName: 't' },
  ],
  ['a token', { token: 't', tenantId: 12 }, { token: { id: 't' }, tenantId: '12' }],
  [
    'an API key',
    { username: 'u', apiKey: 'k', tenantId: '123' },
    { 'RAX-KSKEY:apiKeyCredentials': { username: 'u', apiKey: 'k' }, tenantId: '123' },
  ],
]

for (const [name, auth, expected] of v2) {
  test(`v2.0 body: ${name}`, () => assert.deepEqual(v2Body(auth), { auth: expected }))
}

test('credentials that the version cannot take are refused, without being repeated', () => {
  const wrong: [(auth: Auth) => unknown, Auth][] = [
    [v3Body, { username: 'u', apiKey: 'hunter2' }],
    [v3Body, { password: 'hunter2' }],
    [v3Body, { applicationCredentialSecret: 'hunter2' }],
    [v2Body, { applicationCredentialId: 'c', applicationCredentialSecret: 'hunter2' }],
    [v2Body, { userId: 'u', password: 'hunter2' }],
  ]
  for (const [body, auth] of wrong) {
    assert.throws(
      () => body(auth),
      (error) => error instanceof ConfigurationError && !error.message.includes('hunter2'),
    )
  }
})
