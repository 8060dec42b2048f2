import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, statSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { logIn } from './accounts.ts'
import { cleanEnvironment, root, startService, temporaryFolder } from './service.ts'

const sizeBytes = 256 * 1024 * 1024
const command = join(root, 'packages/cli/bin/vitrine.js')

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash('sha512')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

const makeDisk = async (path: string): Promise<void> => {
  const file = await open(path, 'wx')
  const block = randomBytes(1024 * 1024)
  for (let at = 0; at < sizeBytes; at += block.length) {
    block.writeUInt32LE(at / block.length)
    await file.write(block)
  }
  await file.close()
}

const until = async (what: string, condition: () => Promise<boolean> | boolean): Promise<void> => {
  for (let attempt = 0; attempt < 1500; attempt += 1) {
    if (await condition()) return
    await sleep(40)
  }
  assert.fail(`waited in vain for ${what}`)
}

/** The size of the one file in a folder whose name fits. */
const sizeIn = async (folder: string, form: RegExp): Promise<number> => {
  const names = (await readdir(folder).catch(() => [])).filter((name) => form.test(name))
  return names.reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

it('an upload and a download go on after kill -9 of the service and of the client', async () => {
  await using folder = await temporaryFolder()
  const data = join(folder.path, 'data')
  const disk = join(folder.path, 'disk.raw')
  await makeDisk(disk)
  const options = { data, by: 'node', port: await freePort() } as const
  let service = await startService(options)
  const children: ChildProcess[] = []
  const vitrine = (...words: string[]): ChildProcess => {
    const child = spawn(process.execPath, [command, ...words, '--cloud', 'producer'], {
      cwd: folder.path,
      env: {
        ...cleanEnvironment(),
        OS_CLIENT_CONFIG_FILE: join(data, 'clouds.yaml'),
        XDG_STATE_HOME: join(folder.path, 'state'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    return child
  }
  const ended = async (child: ChildProcess) => {
    assert.ok(child.stdout && child.stderr)
    const [out, talk, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { out, talk, code }
  }
  const incoming = join(data, 'images', 'incoming')
  const create = ['image', 'create', 'resumed', '--file', disk, '-f', 'value', '-c', 'id']
  try {
    // The client is killed once some of it is there.
    const first = vitrine(...create)
    const firstEnd = ended(first)
    await until('the first bytes', async () => (await sizeIn(incoming, /^[0-9a-f]{32}$/)) > 40 * 1024 * 1024)
    first.kill('SIGKILL')
    await firstEnd
    const kept = await sizeIn(incoming, /^[0-9a-f]{32}$/)
    assert.ok(kept < sizeBytes, 'the client was killed before it was done')

    // The same command goes on; the service is killed twice under it.
    const second = ended(vitrine(...create))
    for (const share of [0.4, 0.7]) {
      await until('more bytes', async () => (await sizeIn(incoming, /^[0-9a-f]{32}$/)) > sizeBytes * share)
      await service.kill()
      service = await startService(options)
    }
    const { out, talk, code } = await second
    assert.equal(code, 0, `${talk}\n${service.log()}`)
    assert.match(talk, /Going on with the upload/)
    assert.match(talk, /sha512 verified/)
    const id = out.trim()
    const { token } = await logIn(data, 'producer')
    const shown = await fetch(`${service.url}/v2/images/${id}`, { headers: { 'X-Auth-Token': token } })
    const image: unknown = await shown.json()
    assert.ok(typeof image === 'object' && image !== null && 'status' in image && 'os_hash_value' in image)
    assert.deepEqual([image.status, image.os_hash_value], ['active', await digestOf(disk)])
    assert.equal((await readdir(incoming)).filter((name) => /^[0-9a-f]{32}$/.test(name)).length, 0)
    assert.deepEqual(await readdir(join(folder.path, 'state', 'vitrine', 'uploads')), [])

    // A download is killed, and the same command goes on.
    const download = ['image', 'download', id, '-o', join(folder.path, 'copy.raw')]
    const cut = vitrine(...download)
    const cutEnd = ended(cut)
    await until('the first bytes back', async () => (await sizeIn(folder.path, /^\.copy.*\.part$/)) > 20 * 1024 * 1024)
    cut.kill('SIGKILL')
    await cutEnd
    const part = await sizeIn(folder.path, /^\.copy.*\.part$/)
    assert.ok(part > 0 && part < sizeBytes, 'the download was killed before it was done')
    const again = await ended(vitrine(...download))
    assert.equal(again.code, 0, again.talk)
    assert.match(again.talk, /sha512 verified/)
    assert.equal(await digestOf(join(folder.path, 'copy.raw')), await digestOf(disk))
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await service.kill()
  }
})
