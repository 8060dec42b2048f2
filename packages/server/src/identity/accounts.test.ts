import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { LightMyRequestResponse } from 'fastify'
import { eachDatabase } from '../testing/databases.ts'
import {
  createMember,
  grant,
  openTestIdentity,
  passwordAuth,
  prepareTestAccounts,
  roleId,
  type TestIdentity,
  testAdminPassword,
  testClock,
} from './testing.ts'

type Entity = Record<string, unknown> & { id: string; links: { self: string } }

const listed = (answer: LightMyRequestResponse, name: string): Entity[] => {
  assert.equal(answer.statusCode, 200, answer.body)
  const document = answer.json<Record<string, Entity[]> & { links: object }>()
  assert.deepEqual(Object.keys(document.links).sort(), ['next', 'previous', 'self'])
  return document[name] ?? []
}
const one = (answer: LightMyRequestResponse, name: string, status = 200): Entity => {
  assert.equal(answer.statusCode, status, answer.body)
  const entity = answer.json<Record<string, Entity>>()[name]
  assert.ok(entity !== undefined)
  return entity
}

eachDatabase('accounts', (databases) => {
  let service: TestIdentity
  let token: string
  const clock = testClock()

  before(async () => {
    const database = await databases.open()
    await prepareTestAccounts(database, clock)
    service = await openTestIdentity(database, clock)
    databases.atEnd(() => service.close())
    token = await service.logIn('admin', testAdminPassword)
  })

  const call = (method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE' | 'HEAD', path: string, body?: unknown) =>
    service.call(method, path, { token, ...(body === undefined ? {} : { body }) })

  test('projects are made, found, changed and deleted', async () => {
    const made = one(
      await call('POST', '/v3/projects', {
        project: {
          name: ' team ',
          domain_id: 'default',
          description: 'd',
          tags: ['x', 'x'],
          enabled: true,
          parent_id: null,
        },
      }),
      'project',
      201,
    )
    assert.deepEqual(made, {
      id: made.id,
      name: 'team',
      domain_id: 'default',
      description: 'd',
      enabled: true,
      parent_id: 'default',
      is_domain: false,
      tags: ['x'],
      options: {},
      links: { self: `http://cloud.test/identity/v3/projects/${made.id}` },
    })
    assert.equal((await call('POST', '/v3/projects', { project: { name: 'team' } })).statusCode, 409)
    for (const [query, count] of [
      ['name=team', 1],
      ['name=TEAM', 0],
      ['name=team&domain_id=default', 1],
      ['name=team&domain_id=other', 0],
      ['name=team&enabled=true', 1],
      ['name=team&enabled=False', 0],
      ['name=team&parent_id=default', 1],
      ['is_domain=true', 0],
    ] as const) {
      assert.equal(listed(await call('GET', `/v3/projects?${query}`), 'projects').length, count, query)
    }
    const path = `/v3/projects/${made.id}`
    const changed = one(await call('PATCH', path, { project: { description: null, enabled: false } }), 'project')
    assert.deepEqual([changed.description, changed.enabled, changed.name], ['', false, 'team'])
    assert.equal((await call('PATCH', path, { project: { name: 'admin' } })).statusCode, 409)
    assert.equal((await call('PATCH', path, { project: {} })).statusCode, 200)
    assert.equal((await call('DELETE', path)).statusCode, 204)
    for (const method of ['GET', 'DELETE'] as const) assert.equal((await call(method, path)).statusCode, 404)
    assert.equal((await call('PATCH', path, { project: { name: 'x' } })).statusCode, 404)
  })

  test('a project that cannot be is refused', async () => {
    for (const project of [
      {},
      { name: '' },
      { name: ' ' },
      { name: 'a\u0000b' },
      { name: 'x'.repeat(256) },
      { name: 1 },
      { name: 'x', enabled: 'yes' },
      { name: 'x', domain_id: 'other' },
      { name: 'x', parent_id: 'another project' },
      { name: 'x', is_domain: true },
    ]) {
      assert.equal((await call('POST', '/v3/projects', { project })).statusCode, 400, JSON.stringify(project))
    }
  })

  test('users are made, found, changed and deleted', async () => {
    const project = one(await call('POST', '/v3/projects', { project: { name: 'home' } }), 'project', 201)
    const sent = { name: 'eve', password: 'p', email: 'e@x', description: 'd', default_project_id: project.id }
    const made = one(await call('POST', '/v3/users', { user: sent }), 'user', 201)
    assert.deepEqual(made, {
      id: made.id,
      name: 'eve',
      domain_id: 'default',
      enabled: true,
      default_project_id: project.id,
      email: 'e@x',
      description: 'd',
      password_expires_at: null,
      options: {},
      links: { self: `http://cloud.test/identity/v3/users/${made.id}` },
    })
    assert.equal((await call('POST', '/v3/users', { user: { name: 'eve' } })).statusCode, 409)
    assert.equal((await call('POST', '/v3/users', { user: { name: 'x', default_project_id: 'x' } })).statusCode, 400)
    assert.deepEqual(listed(await call('GET', '/v3/users?name=eve'), 'users'), [made])
    assert.deepEqual(listed(await call('GET', '/v3/users?name=eve&domain_id=other'), 'users'), [])
    const path = `/v3/users/${made.id}`
    const changed = one(await call('PATCH', path, { user: { name: 'eva', email: null } }), 'user')
    assert.deepEqual([changed.name, 'email' in changed, changed.description], ['eva', false, 'd'])
    assert.equal((await call('PATCH', path, { user: { name: 'admin' } })).statusCode, 409)
    assert.equal((await service.call('POST', '/v3/auth/tokens', { body: passwordAuth('eva', 'p') })).statusCode, 201)
    await call('DELETE', `/v3/projects/${project.id}`)
    assert.equal('default_project_id' in one(await call('GET', path), 'user'), false)
    assert.equal((await call('DELETE', path)).statusCode, 204)
    for (const method of ['GET', 'DELETE'] as const) assert.equal((await call(method, path)).statusCode, 404)
  })

  test('a user without a password cannot log in', async () => {
    await call('POST', '/v3/users', { user: { name: 'mute' } })
    for (const password of ['', 'null', 'x']) {
      const answer = await service.call('POST', '/v3/auth/tokens', { body: passwordAuth('mute', password) })
      assert.equal(answer.statusCode, 401)
    }
  })

  test('users see themselves and change their own password, nobody else does', async () => {
    const eve = await createMember(service, 'eve')
    const self = { token: eve.token }
    assert.equal((await service.call('GET', `/v3/users/${eve.userId}`, self)).statusCode, 200)
    const projects = await service.call('GET', `/v3/users/${eve.userId}/projects`, self)
    assert.deepEqual(
      listed(projects, 'projects').map(({ id }) => id),
      [eve.projectId],
    )
    const change = (caller: string, original: string, password = 'new') =>
      service.call('POST', `/v3/users/${eve.userId}/password`, {
        token: caller,
        body: { user: { password, original_password: original } },
      })
    assert.equal((await change(eve.token, 'wrong')).statusCode, 401)
    assert.equal((await change(eve.token, 'eve password', '')).statusCode, 400)
    assert.equal((await change(token, 'eve password')).statusCode, 403)
    assert.equal((await change(eve.token, 'eve password')).statusCode, 204)
    assert.equal((await service.call('POST', '/v3/auth/tokens', { body: passwordAuth('eve', 'new') })).statusCode, 201)
    const old = await service.call('POST', '/v3/auth/tokens', { body: passwordAuth('eve', 'eve password') })
    assert.equal(old.statusCode, 401)
  })

  test('everything that changes accounts is for administrators', async () => {
    const { token: member, userId, projectId } = await createMember(service, 'mallory', 'manager')
    const role = await roleId(service, token, 'admin')
    for (const [method, path] of [
      ['GET', '/v3/projects'],
      ['POST', '/v3/projects'],
      ['PATCH', `/v3/projects/${projectId}`],
      ['DELETE', `/v3/projects/${projectId}`],
      ['GET', '/v3/users'],
      ['POST', '/v3/users'],
      ['PATCH', `/v3/users/${userId}`],
      ['DELETE', `/v3/users/${userId}`],
      ['GET', '/v3/roles'],
      ['POST', '/v3/roles'],
      ['DELETE', `/v3/roles/${role}`],
      ['PUT', `/v3/projects/${projectId}/users/${userId}/roles/${role}`],
      ['DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${role}`],
      ['PUT', `/v3/domains/default/users/${userId}/roles/${role}`],
      ['PUT', `/v3/system/users/${userId}/roles/${role}`],
      ['GET', '/v3/role_assignments'],
      ['GET', '/v3/domains'],
      ['GET', '/v3/services'],
      ['GET', '/v3/endpoints'],
    ] as const) {
      assert.equal((await service.call(method, path, { token: member })).statusCode, 403, `${method} ${path}`)
      assert.equal((await service.call(method, path)).statusCode, 401, `${method} ${path}`)
    }
  })

  test('roles are given and taken on projects, the domain and the system', async () => {
    const { userId, projectId } = await createMember(service, 'holder')
    const made = one(await call('POST', '/v3/roles', { role: { name: 'auditor', description: 'd' } }), 'role', 201)
    assert.equal(made.domain_id, null)
    assert.equal((await call('POST', '/v3/roles', { role: { name: 'auditor' } })).statusCode, 409)
    for (const target of [`projects/${projectId}`, 'domains/default', 'system']) {
      const path = `/v3/${target}/users/${userId}/roles`
      assert.equal((await call('HEAD', `${path}/${made.id}`)).statusCode, 404)
      for (let time = 0; time < 2; time += 1) {
        assert.equal((await call('PUT', `${path}/${made.id}`)).statusCode, 204)
      }
      assert.equal((await call('HEAD', `${path}/${made.id}`)).statusCode, 204)
      assert.ok(listed(await call('GET', path), 'roles').some(({ name }) => name === 'auditor'))
    }
    const assignments = async (query: string) => {
      const answer = await call('GET', `/v3/role_assignments?user.id=${userId}&${query}`)
      return answer.json<{ role_assignments: Record<string, Record<string, unknown>>[] }>().role_assignments
    }
    assert.equal((await assignments('')).length, 4)
    assert.equal((await assignments('effective=True')).length, 5)
    assert.equal((await assignments(`scope.project.id=${projectId}`)).length, 2)
    assert.equal((await assignments('scope.domain.id=default')).length, 1)
    assert.equal((await assignments(`role.id=${made.id}`)).length, 3)
    const [system] = await assignments('scope.system=all&include_names=True')
    const domain = { id: 'default', name: 'Default' }
    assert.deepEqual(system?.scope, { system: { all: true } })
    assert.deepEqual(system?.role, { id: made.id, name: 'auditor' })
    assert.deepEqual(system?.user, { id: userId, name: 'holder', domain })
    const [onProject] = await assignments(`scope.project.id=${projectId}&include_names`)
    assert.deepEqual(onProject?.scope, { project: { id: projectId, name: 'holder', domain } })

    assert.equal((await call('DELETE', `/v3/system/users/${userId}/roles/${made.id}`)).statusCode, 204)
    assert.equal((await call('DELETE', `/v3/system/users/${userId}/roles/${made.id}`)).statusCode, 404)
    assert.equal((await call('DELETE', `/v3/roles/${made.id}`)).statusCode, 204)
    assert.equal((await assignments('')).length, 1, 'grants go with their role')
    for (const path of [
      `/v3/projects/x/users/${userId}/roles/${made.id}`,
      `/v3/projects/${projectId}/users/x/roles/${made.id}`,
      `/v3/projects/${projectId}/users/${userId}/roles/x`,
      `/v3/domains/x/users/${userId}/roles/x`,
    ]) {
      assert.equal((await call('PUT', path)).statusCode, 404, path)
    }
    await grant(service, token, userId, projectId, 'member', 'DELETE')
  })

  test('domains, services, endpoints and regions are there to be read', async () => {
    const id = (entities: Entity[]) => entities.map((entity) => entity.id)
    assert.deepEqual(id(listed(await call('GET', '/v3/domains?name=Default'), 'domains')), ['default'])
    assert.deepEqual(listed(await call('GET', '/v3/domains?name=other'), 'domains'), [])
    assert.equal(one(await call('GET', '/v3/domains/default'), 'domain').name, 'Default')
    assert.equal((await call('GET', '/v3/domains/other')).statusCode, 404)
    assert.equal(listed(await call('GET', '/v3/services?type=image'), 'services').length, 1)
    assert.equal(listed(await call('GET', '/v3/endpoints'), 'endpoints').length, 6)
    assert.deepEqual(id(listed(await call('GET', '/v3/regions'), 'regions')), ['RegionOne'])
  })

  test('application credentials are made, shown without their secret, and deleted', async () => {
    const user = await createMember(service, 'maker')
    const another = await createMember(service, 'stranger')
    const path = `/v3/users/${user.userId}/application_credentials`
    const make = (values: object, caller = user.token) =>
      service.call('POST', path, { token: caller, body: { application_credential: values } })
    const made = one(
      await make({ name: 'ci', description: null, secret: null, roles: null, expires_at: null, access_rules: null }),
      'application_credential',
      201,
    )
    assert.match(String(made.secret), /^[\w-]{43}$/)
    assert.equal(made.unrestricted, false)
    assert.equal(made.project_id, user.projectId)
    assert.match(JSON.stringify(made.roles), /"name":"member".*"name":"reader"/)
    assert.equal(made.links.self, `http://cloud.test/identity${path}/${made.id}`)
    assert.equal((await make({ name: 'ci' })).statusCode, 409)
    for (const values of [
      { name: 'x', expires_at: 'tomorrow' },
      { name: 'x', expires_at: '2020-01-01T00:00:00' },
      { name: 'x', roles: [{ name: 'admin' }] },
      { name: 'x', access_rules: [{ service: 'image', method: 'TRACE', path: '/' }] },
      { name: 'x', secret: '' },
      {},
    ]) {
      assert.equal((await make(values)).statusCode, 400, JSON.stringify(values))
    }
    assert.equal((await make({ name: 'x' }, another.token)).statusCode, 403)
    assert.equal((await make({ name: 'x' }, token)).statusCode, 403, 'not even an administrator makes one for another')

    const ask = (method: 'GET' | 'DELETE', rest: string, caller: string) =>
      service.call(method, path + rest, { token: caller })
    const [shown] = listed(await ask('GET', '', user.token), 'application_credentials')
    assert.equal(shown?.id, made.id)
    assert.equal(shown?.links.self, made.links.self)
    assert.equal('secret' in (shown ?? {}), false)
    assert.equal('secret_hash' in (shown ?? {}), false)
    assert.deepEqual(listed(await ask('GET', '?name=other', user.token), 'application_credentials'), [])
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', `/${made.id}`],
      ['DELETE', `/${made.id}`],
    ] as const) {
      assert.equal((await ask(method, rest, another.token)).statusCode, 403)
    }
    const elsewhere = `/v3/users/${another.userId}/application_credentials/${made.id}`
    assert.equal(
      (await service.call('GET', elsewhere, { token: another.token })).statusCode,
      404,
      'looked up by its user',
    )
    assert.equal((await service.call('DELETE', elsewhere, { token: another.token })).statusCode, 404)
    assert.equal((await ask('DELETE', `/${made.id}`, user.token)).statusCode, 204)
    assert.equal((await ask('GET', `/${made.id}`, user.token)).statusCode, 404)
  })
})
