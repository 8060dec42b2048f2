import assert from 'node:assert/strict'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCountingProxy } from './counting-proxy.ts'
import { sha512Of, tryBoot } from './disk.ts'
import { needCommands } from './packages.ts'
import { runSuccessfully } from './process.ts'
import { type Stage, withStage } from './stage.ts'
import { shownBy, succeeds, type Vitrine, vitrineAs } from './vitrine-command.ts'

const skip = await needCommands('qemu-img', 'qemu-system-x86_64', 'qemu-block-curl')

interface Cast {
  readonly stage: Stage
  readonly producer: Vitrine
  readonly consumer: Vitrine
  readonly consumerProject: string
  /** Id of an image of the producer, shared with the consumer, of each format. */
  readonly images: Readonly<Record<'raw' | 'qcow2', string>>
}

const upload = async (producer: Vitrine, name: string, path: string): Promise<string> => {
  const { stdout } = await succeeds(producer, 'image', 'create', name, '--file', path)
  return /^id +(\S+)$/m.exec(stdout)?.[1] ?? ''
}

const castOf = async (stage: Stage): Promise<Cast> => {
  const producer = vitrineAs(stage, 'producer')
  const consumer = vitrineAs(stage, 'consumer')
  const consumerProject = (await shownBy(consumer, 'whoami')).project_id ?? ''
  const images = {
    raw: await upload(producer, 'raw', join(stage.folder, 'disk.raw')),
    qcow2: await upload(producer, 'qcow2', stage.disk.path),
  }
  for (const id of Object.values(images)) await succeeds(producer, 'share', id, consumerProject)
  return { stage, producer, consumer, consumerProject, images }
}

/** The address of a new link, over another host that leads to the service. */
const linkOver = async ({ consumer }: Cast, id: string, origin: string): Promise<string> => {
  const { url = '' } = await shownBy(consumer, 'link', id)
  return origin + new URL(url).pathname
}

// The first ends QEMU from within; the others end a machine that finds nothing to boot.
const endsByItself = [
  ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
  ...['-boot', 'reboot-timeout=1', '-no-reboot'],
]

/**
 * Boots as a user does, and keeps what other users of the machine see of QEMU: its arguments.
 * @param edit for `sed`: what becomes of the settings of the drive before QEMU reads them
 */
const bootSeen = async ({ folder }: Stage, vitrine: Vitrine, id: string, edit = '') => {
  const program = join(folder, 'qemu')
  const seen = join(folder, 'arguments')
  const drive = join(folder, 'drive.conf')
  const edited = `sed "${edit}" "$2" > '${drive}'\nshift 2\nset -- -readconfig '${drive}' "$@"`
  const script = `echo "$@" > '${seen}'\n${edit === '' ? '' : edited}\nexec qemu-system-x86_64 "$@"`
  await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  await rm(seen, { force: true })
  const booted = await vitrine('boot', id, '--memory', '64', '--qemu', program, '--', ...endsByItself)
  return { ...booted, seen: await readFile(seen, 'utf8').catch(() => undefined) }
}

test('machines boot over a link, read what they need, and no more once the share is withdrawn', { skip }, () =>
  withStage(async (stage) => {
    const cast = await castOf(stage)
    const { images, producer, consumer, consumerProject } = cast

    for (const format of ['raw', 'qcow2'] as const) {
      await using proxy = await startCountingProxy(stage.service.url)
      const booted = await tryBoot(await linkOver(cast, images[format], proxy.url), format)
      assert.ok(booted.isGood, booted.printed)
      assert.equal(booted.line, stage.disk.line)
      assert.equal(proxy.answers[0]?.method, 'HEAD')
      for (const { method, status } of proxy.answers) assert.equal(status, method === 'HEAD' ? 200 : 206)
      const { size } = await stat(format === 'raw' ? join(stage.folder, 'disk.raw') : stage.disk.path)
      assert.ok(proxy.bodyBytes() < size / 2, `${proxy.bodyBytes()} of ${size} bytes were read`)
    }

    for (const format of ['raw', 'qcow2'] as const) {
      const { exitCode, stdout, stderr, seen } = await bootSeen(stage, consumer, images[format])
      assert.match(stdout, new RegExp(stage.disk.line), stderr)
      assert.match(stderr, /QEMU ended with 85/)
      assert.equal(exitCode, 85)
      assert.match(seen ?? '', /^-readconfig \/dev\/fd\/3 /)
      assert.doesNotMatch(seen ?? '', /links/)
    }

    const whole = await linkOver(cast, images.qcow2, stage.service.url)
    const converted = join(stage.folder, 'converted.raw')
    await runSuccessfully('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', whole, converted])
    assert.equal(await sha512Of(converted), await sha512Of(join(stage.folder, 'disk.raw')))
    assert.deepEqual(Buffer.from(await (await fetch(whole)).arrayBuffer()), await readFile(stage.disk.path))

    await using proxy = await startCountingProxy(stage.service.url, async (gets) => {
      if (gets === 1) await succeeds(producer, 'unshare', images.raw, consumerProject, '--yes')
    })
    const withdrawn = await tryBoot(await linkOver(cast, images.raw, proxy.url), 'raw')
    assert.ok(!withdrawn.isGood && withdrawn.line !== stage.disk.line, withdrawn.printed)
    assert.deepEqual(
      proxy.answers.slice(0, 2).map(({ status }) => status),
      [200, 206],
    )
    assert.ok(proxy.answers.slice(2).length > 0)
    for (const { status } of proxy.answers.slice(2)) assert.equal(status, 404)
  }),
)

test('a machine does not open the files that an image names, where the service takes such images', { skip }, () =>
  withStage(
    async (stage) => {
      const { folder } = stage
      const producer = vitrineAs(stage, 'producer')
      const make = async (name: string, ...options: string[]): Promise<string> => {
        const path = join(folder, `${name}.qcow2`)
        await runSuccessfully('qemu-img', ['create', '-f', 'qcow2', ...options, path, '16M'])
        return path
      }
      const backed = await make('backed', '-b', join(folder, 'disk.raw'), '-F', 'raw')
      const outside = await make('outside', '-o', `data_file=${join(folder, 'outside.raw')}`)

      for (const [path, why] of [
        [backed, /names a backing file/],
        [outside, /names an external data file/],
      ] as const) {
        const refused = await bootSeen(stage, producer, await upload(producer, 'foreign', path))
        assert.equal(refused.exitCode, 1, refused.stderr)
        assert.match(refused.stderr, why)
        assert.equal(refused.seen, undefined)
      }

      // Should it ever come to that, because the bytes are others when QEMU reads them: it opens no backing file.
      const { url = '' } = await shownBy(producer, 'link', await upload(producer, 'later', backed))
      const whole = await upload(producer, 'whole', stage.disk.path)
      const other = `s#http://[^']*#${url}#`
      const kept = await bootSeen(stage, producer, whole, other)
      assert.equal(kept.exitCode, 0, kept.stderr)
      assert.doesNotMatch(kept.stdout, new RegExp(stage.disk.line))
      const followed = await bootSeen(stage, producer, whole, `${other}; s#'backing':null,##`)
      assert.equal(followed.exitCode, 85, 'this disk boots where its backing file is opened')
    },
    { settings: { VITRINE_FORMAT_CHECK: 'false' } },
  ),
)
