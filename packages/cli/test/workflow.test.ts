import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../bin/vitrine.js', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'vitrine-cli-'))
const data = join(folder, 'data')
const disk = join(folder, 'disk.raw')
const bytes = randomBytes(3_000_001)

let server: ChildProcess
let url = ''
const serverOutput: string[] = []

/** Everything that was started: what is left of it at the end, after a failure, must not outlive the tests. */
const children: ChildProcess[] = []

const start = (words: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess => {
  const child = spawn(process.execPath, [command, ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, OS_CLIENT_CONFIG_FILE: join(data, 'clouds.yaml'), ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

interface Ended {
  code: number | null
  out: Buffer
  talk: string
}

const ended = async (child: ChildProcess): Promise<Ended> => {
  const out: Buffer[] = []
  const talk: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => talk.push(chunk))
  child.stdin?.end()
  const [code] = await once(child, 'close')
  return { code, out: Buffer.concat(out), talk: Buffer.concat(talk).toString() }
}

/** Runs the command as one of the demonstration's projects. */
const as = async (cloud: string, ...words: string[]) => {
  const { code, out, talk } = await ended(start([...words, '--cloud', cloud]))
  return { code, out: out.toString(), talk }
}

/** The one value that the command shows, of a command that has to succeed. */
const value = async (cloud: string, ...words: string[]): Promise<string> => {
  const { code, out, talk } = await as(cloud, ...words, '-f', 'value')
  assert.equal(code, 0, talk)
  return out.trimEnd()
}

const startTimeoutMs = 60_000

before(
  async () => {
    await writeFile(disk, bytes)
    server = start(['serve', '--demo', '--listen', '127.0.0.1:0', '--data', data])
    server.stderr?.resume()
    assert.ok(server.stdout)
    const lines = createInterface({ input: server.stdout })
    lines.on('line', (line) => serverOutput.push(line))
    await Promise.race([
      once(lines, 'line'),
      once(server, 'exit').then(() => Promise.reject(new Error('The service ended at once.'))),
    ])
    url = /^Vitrine listens on (http:\/\/127\.0\.0\.1:\d+)$/.exec(serverOutput[0] ?? '')?.[1] ?? ''
  },
  { timeout: startTimeoutMs },
)

after(async () => {
  const left = children.filter((child) => child.exitCode === null && child.signalCode === null)
  await Promise.all(
    left.map((child) => {
      child.kill('SIGKILL')
      return once(child, 'exit')
    }),
  )
  await rm(folder, { recursive: true, force: true })
})

test('serve says where it listens, in one line', () => {
  assert.notEqual(url, '')
  assert.equal(serverOutput.length, 1)
})

test('an image goes from a producer to a consumer and back', async (t) => {
  const consumer = await value('consumer', 'whoami', '-c', 'project_id')
  const producer = await value('producer', 'whoami', '-c', 'project_id')
  assert.match(consumer, /^[0-9a-f]{32}$/)
  const id = await value('producer', 'image', 'create', 'debian 13', '--file', disk, '--tag', 'lts', '-c', 'id')

  await t.test('the producer has the image, whole', async () => {
    const { out } = await as('producer', 'image', 'show', 'debian 13', '-f', 'json')
    const image = JSON.parse(out)
    assert.equal(image.status, 'active')
    assert.equal(image.disk_format, 'raw')
    assert.equal(image.os_hash_value, createHash('sha512').update(bytes).digest('hex'))
    assert.deepEqual(image.tags, ['lts'])
  })

  await t.test('before the share the consumer sees nothing of it', async () => {
    assert.match((await as('consumer', 'inbox')).talk, /^Nothing waits\./)
    assert.equal((await as('consumer', 'image', 'show', id)).code, 3)
    assert.equal((await as('consumer', 'image', 'show', 'debian 13')).code, 3)
  })

  await t.test('a dry run shares nothing, a share does, and again changes nothing', async () => {
    const share = ['share', 'debian 13', consumer]
    assert.match(await value('producer', ...share, '--dry-run'), /would be shared$/)
    assert.equal(await value('producer', 'members', id), '')
    assert.equal(await value('producer', ...share), `${consumer}\tpending\tshared`)
    assert.equal(await value('producer', ...share), `${consumer}\tpending\talready shared`)
  })

  await t.test('the inbox tells what waits and from whom', async () => {
    const { out } = await as('consumer', 'inbox', '-f', 'json')
    const [share, ...others] = JSON.parse(out)
    assert.equal(others.length, 0)
    assert.equal(share.id, id)
    assert.equal(share.owner, producer)
    assert.equal(share.size, bytes.length)
    assert.match(share.hash, /^sha512:[0-9a-f]{128}$/)
    assert.ok(Math.abs(Date.parse(share.shared_at) - Date.now()) < 120_000)
    assert.match((await as('consumer', 'inbox')).out, /debian 13/)
    assert.equal(await value('consumer', 'image', 'list', '-c', 'id'), '')
  })

  await t.test('it can be downloaded by id while it waits', async () => {
    const { code, out } = await ended(start(['image', 'download', id, '-o', '-', '--cloud', 'consumer']))
    assert.equal(code, 0)
    assert.ok(out.equals(bytes))
  })

  await t.test('accepting shows it in the list, rejecting and later hide it', async () => {
    const status = () => value('producer', 'members', id, '-c', 'status')
    const listed = () => value('consumer', 'image', 'list', '-c', 'id')
    const accepted = await as('consumer', 'accept', 'debian 13')
    assert.equal(accepted.code, 0)
    assert.match(accepted.talk, /is shown in your list now/)
    assert.equal(await status(), 'accepted')
    assert.equal(await listed(), id)
    assert.match((await as('consumer', 'inbox')).talk, /^Nothing waits\./)
    assert.match((await as('consumer', 'reject', 'debian 13')).talk, /by its id/)
    assert.equal(await status(), 'rejected')
    assert.equal(await listed(), '')
    assert.equal((await as('consumer', 'later', id.slice(0, 8))).code, 0)
    assert.equal(await status(), 'pending')
    assert.equal(await value('consumer', 'inbox', '-c', 'id'), id)
  })

  await t.test('what is not the role of a project is denied', async () => {
    assert.equal((await as('producer', 'accept', 'debian 13')).code, 3)
    assert.equal((await as('consumer', 'share', id, producer)).code, 4)
    assert.equal((await as('consumer', 'unshare', id, consumer)).code, 4)
    assert.equal((await as('consumer', 'image', 'delete', id)).code, 4)
    assert.equal((await as('consumer', 'image', 'set', id, '--name', 'mine')).code, 4)
  })

  await t.test('a look-alike of another owner makes the name ambiguous, never the choice', async () => {
    const other = await value('consumer', 'image', 'create', 'debian 13', '--disk-format', 'raw', '-c', 'id')
    const shown = await as('consumer', 'image', 'show', 'debian 13')
    assert.equal(shown.code, 5)
    assert.ok(shown.talk.includes(id) && shown.talk.includes(other))
    assert.equal((await as('consumer', 'image', 'delete', 'debian 13')).code, 0)
    assert.equal((await as('consumer', 'image', 'show', other)).code, 3)
    assert.equal((await as('producer', 'image', 'show', id)).code, 0)
  })

  await t.test('events tell the story, newest first', async () => {
    const events = (await value('producer', 'events', id, '-c', 'type')).split('\n')
    assert.equal(events.at(-1), 'image.create')
    assert.deepEqual(events.slice(0, 4), ['member.update', 'member.update', 'member.update', 'member.create'])
  })

  await t.test('taken back, it is gone for the consumer', async () => {
    assert.equal((await as('producer', 'unshare', 'debian 13', consumer)).code, 0)
    assert.equal((await as('producer', 'unshare', 'debian 13', consumer)).code, 3)
    assert.equal((await as('consumer', 'image', 'show', id)).code, 3)
  })

  await t.test('a protected image stays until that is lifted', async () => {
    const set = (flag: string) => as('producer', 'image', 'set', id, flag)
    assert.equal((await set('--protected')).code, 0)
    assert.equal((await as('producer', 'image', 'delete', id)).code, 4)
    assert.equal((await set('--no-protected')).code, 0)
    assert.equal((await as('producer', 'image', 'delete', id)).code, 0)
    assert.equal(await value('producer', 'image', 'list', '-c', 'id'), '')
  })
})

test('a download to a file is whole, replaces nothing unasked and leaves no other file', async () => {
  const id = await value('producer', 'image', 'create', 'to save', '--file', disk, '-c', 'id')
  const target = join(folder, 'saved', 'disk.raw')
  assert.equal((await as('producer', 'image', 'download', id, '-o', target)).code, 1, 'the folder is missing')
  const first = await as('producer', 'image', 'download', id)
  assert.equal(first.code, 0)
  assert.match(first.talk, /^Saved to_save\.raw \(2\.9 MiB, sha512 verified\)\.\n$/)
  assert.ok((await readFile(join(folder, 'to_save.raw'))).equals(bytes))
  assert.equal((await as('producer', 'image', 'download', id)).code, 5)
  assert.equal((await as('producer', 'image', 'download', id, '--force')).code, 0)
  assert.deepEqual((await readdir(folder)).sort(), ['data', 'disk.raw', 'to_save.raw'])
  assert.equal((await as('producer', 'image', 'upload', id, '--file', disk)).code, 5)
})

test('an output that takes nothing is an error, and told', { skip: !existsSync('/dev/full') }, async () => {
  const full = await open('/dev/full', 'w')
  try {
    for (const words of [['--help'], ['whoami', '--cloud', 'producer']]) {
      const environment = { PATH: process.env.PATH, OS_CLIENT_CONFIG_FILE: join(data, 'clouds.yaml') }
      const child = spawn(process.execPath, [command, ...words], {
        env: environment,
        stdio: ['ignore', full.fd, 'pipe'],
      })
      children.push(child)
      const { code, talk } = await ended(child)
      assert.deepEqual([code, talk], [1, 'vitrine: The disk is full.\n'])
    }
  } finally {
    await full.close()
  }
})

test('Ctrl-C in an upload leaves no image behind', async () => {
  const words = ['image', 'create', 'cut off', '--file', '-', '--disk-format', 'raw', '--cloud', 'producer']
  const child = start(words)
  child.stdin?.on('error', () => {})
  // The upload never ends by itself; it is under way when the service knows the image.
  child.stdin?.write(bytes)
  const list = () => value('producer', 'image', 'list', '--name', 'cut off', '-c', 'status')
  const deadline = Date.now() + 60_000
  while ((await list()) !== 'saving') assert.ok(Date.now() < deadline, 'the upload did not begin')
  const talk: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => talk.push(chunk))
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  assert.equal(code, 130)
  assert.match(Buffer.concat(talk).toString(), /removed again; nothing is left of it/)
  assert.equal(await list(), '')
})

test('a refused upload ends at once, though more bytes could come', async () => {
  const id = await value('producer', 'image', 'create', 'full', '--file', disk, '-c', 'id')
  const child = start(['image', 'upload', id, '--file', '-', '--cloud', 'producer'])
  child.stdin?.on('error', () => {})
  child.stdin?.write(bytes)
  const talk: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => talk.push(chunk))
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(30_000) })
  assert.equal(code, 5)
  assert.match(Buffer.concat(talk).toString(), new RegExp(`The image ${id} is active`))
})

test('a reader that goes away early is no error', async () => {
  const child = start(['image', 'list', '--cloud', 'producer', '--all', '-f', 'json'])
  child.stdout?.destroy()
  const { code, talk } = await ended(child)
  assert.equal(code, 0)
  assert.equal(talk, '')
})

test('a wrong password is denied with a hint, a silent cloud is unavailable', async () => {
  const account = { OS_CLIENT_CONFIG_FILE: '', OS_USERNAME: 'x', OS_PASSWORD: 'wrong', OS_PROJECT_NAME: 'x' }
  const denied = await ended(start(['whoami'], { ...account, OS_AUTH_URL: `${url}/identity/v3` }))
  assert.equal(denied.code, 4)
  assert.match(denied.talk, /Check the user, the password and the project/)
  assert.match(denied.talk, /Request id: req-/)
  const silent = await ended(start(['whoami'], { ...account, OS_AUTH_URL: 'http://127.0.0.1:1/v3' }))
  assert.equal(silent.code, 7)
})

test('a second service on the same port explains itself', async () => {
  const listen = url.slice('http://'.length)
  const { code, out, talk } = await ended(start(['serve', '--listen', listen, '--data', join(folder, 'second')]))
  assert.equal(code, 1)
  assert.equal(out.toString(), '')
  assert.match(talk, /another process listens there already/)
  await rm(join(folder, 'second'), { recursive: true, force: true })
})

test('SIGTERM stops the service, and it ends well', async () => {
  server.kill('SIGTERM')
  const [code, signal] = await once(server, 'exit')
  assert.deepEqual([code, signal], [0, null])
  assert.equal(serverOutput.length, 1)
})
