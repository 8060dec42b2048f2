import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ConfigError, keystoneCredentials, loadConfig, unknownVariables } from './config.ts'

describe('settings', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-config-'))
  })
  after(() => rm(folder, { recursive: true }))

  const fromYaml = async (yaml: string, environment: Record<string, string> = {}) => {
    const configPath = join(folder, 'vitrine.yaml')
    await writeFile(configPath, yaml)
    return loadConfig({ environment, configPath })
  }

  it('have defaults that follow the data folder', async () => {
    const config = await loadConfig({ environment: {}, options: { data: '/srv/v' } })
    assert.equal(config.listen, '127.0.0.1:9292')
    assert.equal(config.database_url, 'sqlite:/srv/v/vitrine.db')
    assert.equal(config.stores, 'file=file:///srv/v/images')
    assert.equal(config.identity, 'embedded')
    assert.equal(config.limits.members_per_image, 128)
  })

  it('come from the command line before the environment before the file', async () => {
    const configPath = join(folder, 'order.yaml')
    await writeFile(configPath, 'listen: f:1\ndata: /file\nhash_algorithm: sha256\nlimits: { page_size: 5 }')
    const environment = { VITRINE_LISTEN: 'e:2', VITRINE_DATA: '/environment' }
    const config = await loadConfig({ environment, configPath, options: { data: '/options' } })
    assert.deepEqual(
      [config.listen, config.data, config.hash_algorithm, config.limits.page_size, config.limits.page_size_max],
      ['e:2', '/options', 'sha256', 5, 1000],
    )
  })

  it('read booleans from the environment', async () => {
    const config = await loadConfig({ environment: { VITRINE_FORMAT_CHECK: 'false' } })
    assert.equal(config.format_check, false)
  })

  for (const [name, yaml, says] of [
    ['an unknown setting', 'lisen: a:1', /lisen/],
    ['an unknown limit', 'limits: { memebers: 1 }', /limits.*memebers/],
    ['a wrong kind', 'listen: 5', /listen/],
    ['a wrong word', 'log_level: loud', /log_level/],
    ['no map', '- a', /map/],
    ['a public URL with a path', 'public_url: https://x/y', /public_url/],
  ] as const) {
    it(`refuse ${name}, by its name`, async () => {
      await assert.rejects(fromYaml(yaml), (error: unknown) => error instanceof ConfigError && says.test(error.message))
    })
  }

  it('tell of variables that are no settings', () => {
    const known = { VITRINE_LISTEN: '', VITRINE_DATABASE_URL: '', PATH: '' }
    assert.deepEqual(unknownVariables({ ...known, VITRINE_LISTN: 'x' }), ['VITRINE_LISTN'])
  })

  it('need whole credentials for a Keystone', async () => {
    const environment = { VITRINE_IDENTITY: 'https://keystone:5000', VITRINE_IDENTITY_USERNAME: 'glance' }
    assert.throws(() => keystoneCredentials({ ...defaults, identity_username: 'glance' }), ConfigError)
    const complete = { ...environment, VITRINE_IDENTITY_PASSWORD: 'p', VITRINE_IDENTITY_PROJECT: 'service' }
    assert.deepEqual(keystoneCredentials(await loadConfig({ environment: complete })), {
      kind: 'password',
      username: 'glance',
      password: 'p',
      projectName: 'service',
      userDomainName: 'Default',
      projectDomainName: 'Default',
    })
  })
})

const defaults = await loadConfig({ environment: {} })
