import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createRandom } from './crash/random.ts'
import { runRounds } from './crash/rounds.ts'
import { databaseIntegrity } from './crash/stored-files.ts'
import { isOptional, needCommands, type Skip } from './packages.ts'
import { run, runSuccessfully } from './process.ts'
import { temporaryFolder } from './service.ts'

const count = Number(process.env.VITRINE_POWER_LOSS_ROUNDS || 6)
const seed = Number(process.env.VITRINE_CRASH_SEED || randomInt(2 ** 31))
const volumeBytes = 1024 ** 3

/** A file system of its own in a file, which can lose its power. */
interface Volume extends AsyncDisposable {
  readonly path: string
  /** From now on nothing reaches the disk any more: what was not synced is lost. */
  cutPower(): Promise<void>
  /** Back again, with what had reached the disk. */
  mountAgain(): Promise<void>
}

const mountVolume = async (folder: string): Promise<Volume> => {
  const image = join(folder, 'volume.img')
  const path = join(folder, 'volume')
  await mkdir(path)
  await writeFile(image, '')
  await truncate(image, volumeBytes)
  await runSuccessfully('mkfs.ext4', ['-q', '-F', image])
  const mount = () => runSuccessfully('mount', ['-o', 'loop', image, path])
  const unmount = () => runSuccessfully('umount', [path])
  await mount()
  return {
    path,
    cutPower: async () => {
      await runSuccessfully('xfs_io', ['-x', '-c', 'shutdown', path])
    },
    mountAgain: async () => {
      await unmount()
      await mount()
    },
    [Symbol.asyncDispose]: async () => {
      await unmount()
    },
  }
}

/** Whether this machine lets us mount; containers mostly do not, and no package changes that. */
const canMount = async (): Promise<boolean> => {
  if (process.getuid?.() !== 0) return false
  await using folder = await temporaryFolder()
  const image = join(folder.path, 'probe.img')
  await writeFile(image, '')
  await truncate(image, 16 * 1024 * 1024)
  await runSuccessfully('mkfs.ext4', ['-q', '-F', image])
  const { exitCode } = await run('mount', ['-o', 'loop', image, folder.path])
  if (exitCode !== 0) return false
  await runSuccessfully('umount', [folder.path])
  return true
}

const findSkip = async (): Promise<Skip> => {
  const missing = await needCommands('xfs_io', 'mkfs.ext4')
  if (missing !== false) return missing
  if (await canMount()) return false
  const what = 'this machine does not let us mount a file system (it takes root and loop devices)'
  if (isOptional()) return what
  throw new Error(`${what}. VITRINE_ACCEPTANCE=optional leaves out what needs it.`)
}

const skip = await findSkip()

test(`nothing acknowledged is lost when the power goes, ${count} times (seed ${seed})`, { skip }, async (t) => {
  await using folder = await temporaryFolder()
  await using volume = await mountVolume(folder.path)
  const data = join(volume.path, 'data')
  const tally = await runRounds({
    count,
    random: createRandom(seed),
    service: { data, by: 'node' },
    crash: async (service) => {
      await volume.cutPower()
      await service.kill()
      await volume.mountAgain()
    },
    alsoCheck: () => assert.equal(databaseIntegrity(data), 'ok'),
  })
  t.diagnostic(JSON.stringify(tally))
  assert.ok(
    tally.active > 0 && tally.deleted > 0 && tally.unanswered > 0,
    `the load was too light: ${JSON.stringify(tally)}`,
  )
})
