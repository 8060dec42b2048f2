import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
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
      const more = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-no-reboot']
      const { stdout, stderr } = await consumer('boot', images[format], '--memory', '64', '--', ...more)
      assert.match(stdout, new RegExp(stage.disk.line), stderr)
      assert.match(stderr, /QEMU ended with 85/)
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
