import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const child = fileURLToPath(new URL('../testing/crash-child.ts', import.meta.url))

const settingsIn = (data: string): Partial<Config> => ({
  data,
  database_url: `sqlite:${join(data, 'vitrine.db')}`,
  stores: `file=file://${join(data, 'images')}`,
  log_level: 'silent',
})

type Looked = Pick<TestService, 'call' | 'service'>

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail('it never came')
}

/** Lets a child work until its nth step is done. @returns whether it was killed then; false: there are fewer steps */
const killedAt = (data: string, work: string, step: number, names: readonly string[]): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const args = [child, JSON.stringify(settingsIn(data)), work, String(step), ...names]
    const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    process_.stdout.on('data', (text) => {
      said += text
    })
    process_.stderr.on('data', (text) => {
      said += text
    })
    process_.on('error', reject)
    process_.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(true)
      else if (code === 0) resolve(false)
      else reject(new Error(`the child ended with ${code}: ${said}`))
    })
  })

describe('kill -9 after every step', () => {
  const bytes = randomBytes(200_000)
  const folders: string[] = []
  let alone = ''
  let shared = ''
  let image = ''
  let key = ''

  const newFolder = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-crash-'))
    folders.push(folder)
    return folder
  }

  const inFolder = async (folder: string, work: (service: TestService) => Promise<void>): Promise<void> => {
    const service = await startTestService(settingsIn(folder))
    try {
      await work(service)
    } finally {
      await service.close()
    }
  }

  before(async () => {
    alone = await newFolder()
    await inFolder(alone, async ({ call }) => {
      key = String((await call('POST', '/v2/keys', producer, { name: 'k' })).json().id)
      const made = await call('POST', '/v2/images', producer, { disk_format: 'raw', container_format: 'bare' })
      image = String(made.json().id)
      const sealed = await call('PUT', `/v2/images/${image}/encryption`, producer, { key_id: key })
      assert.equal(sealed.statusCode, 200, sealed.body)
      const octets = { 'content-type': 'application/octet-stream' }
      const sent = await call('PUT', `/v2/images/${image}/file`, producer, bytes, octets)
      assert.equal(sent.statusCode, 204, sent.body)
    })
    shared = await newFolder()
    await cp(alone, shared, { recursive: true })
    await inFolder(shared, async ({ call }) => {
      const body = { action: 'share', images: [image], projects: ['consumer'], grant: true }
      const answer = await call('POST', '/v2/shares', producer, body)
      assert.equal(answer.json().results?.[0]?.result, 'shared', answer.body)
    })
  })
  after(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })

  /** After the restart there are a share and a grant that works, or neither; and no trace of anything half done. */
  const isWhole = async ({ call, service }: Looked): Promise<'both' | 'neither'> => {
    const shares = await call('GET', `/v2/images/${image}/shares`, producer)
    const grants = await call('GET', `/v2/keys/${key}/grants`, producer)
    const isShared = shares.json().shares.length === 1
    assert.equal(grants.json().grants.length, isShared ? 1 : 0, `${shares.body} ${grants.body}`)
    const file = await call('GET', `/v2/images/${image}/file`, consumer)
    assert.equal(file.statusCode, isShared ? 200 : 404)
    if (isShared) assert.deepEqual(file.rawPayload, bytes)
    const current = await call('GET', `/v2/keys/${key}`, producer)
    const held = service.keyManager?.prove(
      { id: key, projectId: 'producer', version: current.json().version },
      { projectId: 'consumer', token: null },
    )
    if (isShared) await held
    else await assert.rejects(async () => held, { reason: 'refused' })
    const { read } = service.database
    for (const table of ['key_intents', 'key_locks'] as const) {
      assert.deepEqual(await read.selectFrom(table).selectAll().execute(), [], table)
    }
    const states = await read.selectFrom('key_grants').select('state').execute()
    assert.deepEqual(
      states.map(({ state }) => state),
      isShared ? ['granted'] : [],
    )
    return isShared ? 'both' : 'neither'
  }

  const atEveryStep = async (
    work: string,
    from: string,
    look: (service: Looked) => Promise<string> = isWhole,
  ): Promise<Set<string>> => {
    const ends = new Set<string>()
    for (let step = 1; ; step++) {
      const folder = await newFolder()
      await cp(from, folder, { recursive: true })
      const isKilled = await killedAt(folder, work, step, [image, key])
      await inFolder(folder, async (service) => void ends.add(await look(service)))
      await rm(folder, { recursive: true, force: true })
      if (!isKilled) {
        assert.ok(step > 4, `only ${step} steps`)
        return ends
      }
    }
  }

  it('share with grant: a share and its grant, or neither', async () => {
    assert.deepEqual(await atEveryStep('share', alone), new Set(['neither', 'both']))
  })

  it('withdraw: the share first, and never a grant without it after the restart', async () => {
    assert.deepEqual(await atEveryStep('withdraw', shared), new Set(['neither']))
  })

  it('rotate: the member goes on reading, and the old version goes in the end', async () => {
    const isTurned = async ({ call, service }: Looked): Promise<string> => {
      assert.equal(await isWhole({ call, service }), 'both')
      await until(async () => (await call('GET', `/v2/keys/${key}`, producer)).json().rotating === false)
      assert.equal(await isWhole({ call, service }), 'both')
      const own = await call('GET', `/v2/images/${image}/file`, producer)
      assert.deepEqual(own.rawPayload, bytes)
      const versions = await service.database.read.selectFrom('key_versions').select('version').execute()
      return versions.map(({ version }) => `version ${version}`).join()
    }
    assert.deepEqual(await atEveryStep('rotate', shared, isTurned), new Set(['version 1', 'version 2']))
  })
})
