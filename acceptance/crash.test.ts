import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { logIn } from './accounts.ts'
import { createRandom } from './crash/random.ts'
import { runRounds } from './crash/rounds.ts'
import { databaseIntegrity, storedFiles } from './crash/stored-files.ts'
import { killWhileStarting, startService, temporaryFolder } from './service.ts'

const count = Number(process.env.VITRINE_CRASH_ROUNDS || 25)
const seed = Number(process.env.VITRINE_CRASH_SEED || randomInt(2 ** 31))

test(`nothing acknowledged is lost and nothing is left over after ${count} kills (seed ${seed})`, async (t) => {
  await using folder = await temporaryFolder()
  const tally = await runRounds({
    count,
    random: createRandom(seed),
    service: { data: folder.path, by: 'node' },
    crash: (service) => service.kill(),
    alsoCheck: () => assert.equal(databaseIntegrity(folder.path), 'ok'),
  })
  t.diagnostic(JSON.stringify(tally))
  // Rounds in which nothing was cut short would prove nothing.
  assert.ok(
    tally.active > 0 && tally.deleted > 0 && tally.unanswered > 0,
    `the load was too light: ${JSON.stringify(tally)}`,
  )
})

test('a first start that was killed can be made again', async (t) => {
  const random = createRandom(seed)
  for (let attempt = 0; attempt < 6; attempt += 1) {
    await using folder = await temporaryFolder()
    const afterMs = 100 + random.below(900)
    await killWhileStarting({ data: folder.path, by: 'node' }, afterMs)
    await t.test(`killed after ${afterMs} ms`, async () => {
      const service = await startService({ data: folder.path, by: 'node' })
      try {
        const [producer, consumer, admin] = await Promise.all([
          logIn(folder.path, 'producer'),
          logIn(folder.path, 'consumer'),
          logIn(folder.path, 'admin'),
        ])
        assert.equal(new Set([producer.projectId, consumer.projectId, admin.projectId]).size, 3)
        const image = await producer.images.createImage({ name: 'first', diskFormat: 'raw', containerFormat: 'bare' })
        await image.uploadData(Buffer.from('bytes'))
        assert.equal((await image.refresh()).status, 'active')
        assert.equal((await storedFiles(folder.path)).length, 1)
      } finally {
        await service.kill()
      }
    })
  }
})

test('an upload is taken back although nobody has collected the process that died', async () => {
  await using folder = await temporaryFolder()
  const data = folder.path
  const first = await startService({ data, by: 'careless parent' })
  try {
    const { images } = await logIn(data, 'producer')
    const image = await images.createImage({ name: 'cut short', diskFormat: 'raw', containerFormat: 'bare' })
    const endless = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await sleep(20)
        controller.enqueue(new Uint8Array(1000))
      },
    })
    const upload = assert.rejects(image.uploadData(endless))
    while ((await image.refresh()).status !== 'saving') await sleep(20)
    await first.killChildren()
    await upload

    const second = await startService({ data, by: 'node' })
    try {
      const again = await logIn(data, 'producer')
      assert.equal((await again.images.getImage(image.id)).status, 'queued')
      assert.deepEqual(await storedFiles(data), [])
    } finally {
      await second.kill()
    }
  } finally {
    await first.kill()
  }
})
