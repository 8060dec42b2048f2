import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { credentialsPerUserMax } from './application-credentials.ts'
import { deleteExpiredTokens, depthMax, digestOf } from './sessions.ts'
import {
  createMember,
  credentialAuth,
  openTestIdentity,
  prepareTestAccounts,
  type TestIdentity,
  testAdminPassword,
  testClock,
  tokenAuth,
  tokenOf,
} from './testing.ts'

const imageCall = { method: 'GET', path: '/v2/images' }

eachDatabase('what one tenant cannot do to others', (databases) => {
  const clock = testClock()
  let service: TestIdentity

  before(async () => {
    const database = await databases.open()
    await prepareTestAccounts(database, clock)
    service = await openTestIdentity(database, clock)
    databases.atEnd(() => service.close())
  })

  const admin = () => service.logIn('admin', testAdminPassword)
  const authenticate = (body: unknown) => service.call('POST', '/v3/auth/tokens', { body })
  const validate = (token: string) => service.identity.validate(token, imageCall)
  const tokensOf = (userId: string) =>
    service.database.read.selectFrom('identity_tokens').select('digest').where('user_id', '=', userId).execute()

  /** A token and the longest line of tokens each made from the one before. */
  const longestChain = async (token: string): Promise<string[]> => {
    const chain = [token]
    for (let made = 0; made < depthMax; made += 1) {
      chain.push(tokenOf(await authenticate(tokenAuth(chain.at(-1) ?? ''))))
    }
    return chain
  }

  test('a chain of tokens is no longer than every database can end', async () => {
    const user = await createMember(service, 'chain')
    const chain = await longestChain(user.token)
    const last = chain.at(-1) ?? ''
    await validate(last)
    assert.equal((await authenticate(tokenAuth(last))).statusCode, 403)
    const legacy = await service.call('POST', '/v2.0/tokens', { body: { auth: { token: { id: last } } } })
    assert.equal(legacy.statusCode, 403)
    const sibling = await authenticate(tokenAuth(chain.at(-2) ?? ''))
    assert.equal(sibling.statusCode, 201, 'the ones before it still give tokens')

    const middle = chain[4] ?? ''
    assert.equal((await service.call('DELETE', '/v3/auth/tokens', { token: middle, subject: middle })).statusCode, 204)
    for (const token of [...chain.slice(4), tokenOf(sibling)]) {
      await assert.rejects(validate(token), { code: 'token_invalid' })
    }
    for (const token of chain.slice(0, 4)) await validate(token)
  })

  test('a user with the longest chain and many tokens of one token can be deleted', async () => {
    const user = await createMember(service, 'deleted')
    const chain = await longestChain(user.token)
    const row = await service.database.read
      .selectFrom('identity_tokens')
      .selectAll()
      .where('digest', '=', digestOf(chain[1] ?? ''))
      .executeTakeFirstOrThrow()
    await service.database.write(async (tx) => {
      for (let batch = 0; batch < 10; batch += 1) {
        const rows = Array.from({ length: 200 }, (_, index) => ({ ...row, digest: `wide ${batch} ${index}` }))
        await tx.insertInto('identity_tokens').values(rows).execute()
      }
    })
    assert.equal((await tokensOf(user.userId)).length, 2000 + depthMax + 1)
    const answer = await service.call('DELETE', `/v3/users/${user.userId}`, { token: await admin() })
    assert.equal(answer.statusCode, 204, answer.body)
    assert.deepEqual(await tokensOf(user.userId), [])
  })

  test('the longest chain is removed when it has expired', async () => {
    const user = await createMember(service, 'expired')
    await longestChain(user.token)
    clock.advance(50 * 3_600_000)
    await service.database.write((tx) => deleteExpiredTokens(tx, clock.now()))
    assert.deepEqual(await tokensOf(user.userId), [])
  })

  const postCredential = (at: TestIdentity, user: { userId: string; token: string }, name: string) =>
    at.call('POST', `/v3/users/${user.userId}/application_credentials`, {
      token: user.token,
      body: { application_credential: { name } },
    })

  test('a flood of application credentials of one user does not keep an administrator from making accounts', async () => {
    const user = await createMember(service, 'flood')
    const slow = await openTestIdentity(service.database, clock, { hashCost: { n: 2 ** 13, r: 8, p: 1 } })
    databases.atEnd(() => slow.close())
    const token = await admin()
    const flood = Promise.all(Array.from({ length: 60 }, (_, index) => postCredential(slow, user, `flood ${index}`)))
    const created = await slow.call('POST', '/v3/users', { token, body: { user: { name: 'spared', password: 'x' } } })
    assert.equal(created.statusCode, 201, created.body)
    const codes = (await flood).map(({ statusCode }) => statusCode)
    assert.ok(codes.includes(503), 'whoever floods is told to wait')
    assert.deepEqual(
      codes.filter((code) => code !== 201 && code !== 503),
      [],
    )
  })

  test('application credentials of one user are limited, also when many are made at once', async () => {
    const user = await createMember(service, 'collector')
    for (let batch = 0; batch < credentialsPerUserMax / 20 - 1; batch += 1) {
      const made = Array.from({ length: 20 }, (_, index) => postCredential(service, user, `${batch} ${index}`))
      for (const { statusCode } of await Promise.all(made)) assert.equal(statusCode, 201)
    }
    const last = await Promise.all(Array.from({ length: 30 }, (_, index) => postCredential(service, user, `${index}`)))
    assert.equal(last.filter(({ statusCode }) => statusCode === 201).length, 20)
    const refused = last.filter(({ statusCode }) => statusCode !== 201)
    for (const answer of refused) {
      assert.equal(answer.statusCode, 409)
      assert.match(answer.body, /You have 100 application credentials, as many as a user can have; delete one first/)
    }
    const id = last.find(({ statusCode }) => statusCode === 201)?.json<{ application_credential: { id: string } }>()
      .application_credential.id
    const path = `/v3/users/${user.userId}/application_credentials/${id}`
    assert.equal((await service.call('DELETE', path, { token: user.token })).statusCode, 204)
    assert.equal((await postCredential(service, user, 'again')).statusCode, 201)
  })

  for (const [kind, unrestricted, role] of [
    ['a restricted', false, 'member'],
    ['an unrestricted', true, 'member'],
    ["an administrator's", true, 'admin'],
  ] as const) {
    test(`${kind} application credential ends only sessions of its own`, async () => {
      const user = await createMember(service, `${kind} owner`, role)
      const stranger = await createMember(service, `${kind} stranger`)
      const newCredential = async (name: string) => {
        const answer = await service.call('POST', `/v3/users/${user.userId}/application_credentials`, {
          token: user.token,
          body: { application_credential: { name, unrestricted } },
        })
        const { id, secret } = answer.json<{ application_credential: { id: string; secret: string } }>()
          .application_credential
        return async () => tokenOf(await authenticate(credentialAuth({ id, secret })))
      }
      const logIn = await newCredential('one')
      const own = await logIn()
      const elsewhere = await (await newCredential('other'))()
      const made = tokenOf(await authenticate(tokenAuth(own)))

      for (const revoke of [
        (token: string, subject: string) => service.call('DELETE', '/v3/auth/tokens', { token, subject }),
        (token: string, subject: string) => service.call('DELETE', `/v2.0/tokens/${subject}`, { token }),
      ]) {
        for (const subject of [user.token, elsewhere, stranger.token]) {
          for (const token of [own, made]) assert.equal((await revoke(token, subject)).statusCode, 403)
          await validate(subject)
        }
        const sibling = await logIn()
        assert.equal((await revoke(own, sibling)).statusCode, 204)
        await assert.rejects(validate(sibling), { code: 'token_invalid' })
        const itself = await logIn()
        assert.equal((await revoke(itself, itself)).statusCode, 204)
        const byPassword = await revoke(user.token, await logIn())
        assert.equal(byPassword.statusCode, 204, 'a session begun by password ends all of its user')
      }
    })
  }
})
