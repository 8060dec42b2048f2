import type { JsonValue } from '../src/json.ts'
import type { Answer } from './fake-fetch.ts'

const v3Catalog = [
  {
    id: 'c1',
    type: 'image',
    name: 'glance',
    endpoints: ['public', 'internal', 'admin'].flatMap((word) =>
      ['RegionOne', 'RegionTwo'].map((region) => ({
        id: `${word}${region}`,
        interface: word,
        region,
        region_id: region,
        url: `https://${word}.${region.toLowerCase()}.example.org`,
      })),
    ),
  },
  {
    id: 'c2',
    type: 'identity',
    name: 'keystone',
    endpoints: [{ interface: 'public', url: 'https://id.example.org/v3' }],
  },
]

/** The answer to `POST /v3/auth/tokens`, as Keystone writes it. */
export const v3Token = (token: string, changes: { [name: string]: JsonValue } = {}): Answer => ({
  status: 201,
  headers: { 'x-subject-token': token },
  json: {
    token: {
      methods: ['password'],
      user: { id: 'u1', name: 'joe', domain: { id: 'default', name: 'Default' }, password_expires_at: null },
      audit_ids: ['3T2dc1CGQxyJsHdDu1xkcw'],
      issued_at: '2026-03-01T12:00:00.000000Z',
      expires_at: '2026-03-01T13:00:00.000000Z',
      project: { id: 'p1', name: 'producer', domain: { id: 'default', name: 'Default' } },
      is_domain: false,
      roles: [
        { id: 'r1', name: 'member' },
        { id: 'r2', name: 'reader' },
      ],
      catalog: v3Catalog,
      ...changes,
    },
  },
})

/** The answer to `POST /v2.0/tokens`. */
export const v2Token = (token: string): Answer => ({
  status: 200,
  json: {
    access: {
      token: { id: token, expires: '2026-03-01T13:00:00Z', tenant: { id: 't1', name: 'customer-x' } },
      user: { id: 'u1', name: 'joe', roles: [{ id: '3', name: 'member', tenantId: 't1' }] },
      serviceCatalog: [
        {
          type: 'image',
          name: 'glance',
          endpoints: [
            {
              region: 'RegionOne',
              tenantId: 't1',
              publicURL: 'https://image.example.org:9292',
              internalURL: 'https://internal.example.org:9292',
            },
          ],
        },
        {
          type: 'image',
          name: 'cloudImages',
          endpoints: [{ region: 'RegionOne', tenantId: 't1', publicURL: 'https://image.example.org:9292/v2/t1' }],
        },
      ],
    },
  },
})
