import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fakeCloud, imageDocument, memoryContext } from '../../test/memory-context.ts'
import { InterruptedError } from '../command-error.ts'
import { run } from '../run.ts'

const imageId = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'
const links = `/v2/images/${imageId}/links`
const address = 'http://cloud.example/links/secret-of-the-link/a.qcow2'

const wholeHead = Buffer.concat([Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), Buffer.alloc(504)])
const backedHead = Buffer.from(wholeHead)
backedHead.writeUInt8(1, 15)

const linkDocument = (lastsMs: number) => {
  const nowMs = Date.now()
  const [created_at, expires_at] = [nowMs, nowMs + lastsMs].map((ms) => new Date(ms).toISOString())
  return { id: 'l1', image_id: imageId, user_id: 'u1', created_at, expires_at }
}

interface Given {
  /** Of a shell that stands in for QEMU; `$FOLDER` is a folder of the test. */
  script: string
  head?: Buffer
  url?: string
  lastsMs?: number
  image?: object
  onRenewed?: (folder: string) => Promise<void>
  signal?: AbortSignal
}

/** Boots an image with a stand-in for QEMU. */
const boot = async (given: Given) => {
  const { script, head = wholeHead, url = address, lastsMs = 3_600_000, image = {} } = given
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-boot-test-'))
  try {
    const qemu = join(folder, 'qemu')
    await writeFile(qemu, `#!/bin/sh\nFOLDER='${folder}'\n${script}\n`, { mode: 0o755 })
    const cloud = fakeCloud((method, { pathname }) => {
      const line = `${method} ${pathname}`
      if (line === `GET /v2/images/${imageId}`) return imageDocument(imageId, { disk_format: 'qcow2', ...image })
      if (line === `GET /v2/images/${imageId}/file`) {
        const range = `bytes 0-${head.byteLength - 1}/4096`
        return new Response(new Uint8Array(head), { status: 206, headers: { 'content-range': range } })
      }
      if (line === `POST ${links}`) return { ...linkDocument(lastsMs), url }
      if (line === `DELETE ${links}/l1`) return new Response(null, { status: 204 })
      if (line !== `PATCH ${links}/l1`) return undefined
      void given.onRenewed?.(folder)
      return linkDocument(lastsMs)
    })
    const context = memoryContext({ ...cloud, ...(given.signal === undefined ? {} : { signal: given.signal }) })
    const exitCode = await run(['boot', imageId, '--qemu', qemu, '--', '-name', 'more'], context)
    const readIfThere = (name: string) => readFile(join(folder, name), 'utf8').catch(() => undefined)
    return {
      exitCode,
      said: context.talk.text(),
      seen: cloud.seen.map(({ line }) => line),
      arguments: await readIfThere('arguments'),
      settings: await readIfThere('settings'),
      file: await readIfThere('file'),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const remember = 'echo "$@" > "$FOLDER/arguments"; cat "$2" > "$FOLDER/settings"'
const ended = `DELETE ${links}/l1`

test('the address is handed to QEMU where no other user sees it, and nothing stays behind', async () => {
  const booted = await boot({ script: `${remember}; readlink /dev/fd/3 > "$FOLDER/file"` })
  assert.equal(booted.exitCode, 0, booted.said)
  assert.match(booted.arguments ?? '', /^-readconfig \/dev\/fd\/3 .*-m 1024 .*-name more\n$/)
  assert.doesNotMatch(booted.arguments ?? '', /secret-of-the-link/)
  assert.match(
    booted.settings ?? '',
    /'driver':'qcow2','backing':null,.*'url':'http:\/\/cloud\.example\/links\/secret-of/,
  )
  assert.equal(booted.seen.at(-1), ended)
  const [path = ''] = (booted.file ?? '').split(' (deleted)')
  assert.ok(!existsSync(dirname(path)), booted.file)
})

test('it ends with the exit code of QEMU, and with that of a signal as shells have it', async () => {
  const failed = await boot({ script: 'exit 85' })
  assert.equal(failed.exitCode, 85)
  assert.match(failed.said, /QEMU ended with 85\.\n$/)
  const killed = await boot({ script: 'kill -KILL $$' })
  assert.equal(killed.exitCode, 137)
  assert.match(killed.said, /QEMU was ended by SIGKILL\.\n$/)
  assert.equal(killed.seen.at(-1), ended)
})

test('who interrupts it ends the machine and the link', async () => {
  const stop = new AbortController()
  const booted = await boot({
    script: 'trap "exit 0" TERM; while :; do sleep 0.01; done',
    signal: stop.signal,
    lastsMs: 1,
    onRenewed: async () => stop.abort(new InterruptedError('SIGTERM')),
  })
  assert.equal(booted.exitCode, 143)
  assert.match(booted.said, /Terminated\.\n$/)
  assert.equal(booted.seen.at(-1), ended)
})

test('the link is renewed for as long as the machine runs', async () => {
  const booted = await boot({
    script: 'while [ ! -e "$FOLDER/renewed" ]; do sleep 0.01; done; exit 3',
    lastsMs: 1,
    onRenewed: (folder) => writeFile(join(folder, 'renewed'), ''),
  })
  assert.equal(booted.exitCode, 3, booted.said)
})

test('an image that names other files is refused before QEMU sees it', async () => {
  const refused = await boot({ script: remember, head: backedHead })
  assert.equal(refused.exitCode, 1)
  assert.match(
    refused.said,
    /The image is not whole: it names a backing file, and QEMU would open that on this machine\./,
  )
  assert.equal(refused.arguments, undefined)
  assert.equal(refused.seen.at(-1), ended)
})

test('an address that is none of HTTP is not handed to QEMU', async () => {
  for (const url of ['file:///etc/passwd', '/etc/passwd', 'json:{}']) {
    const refused = await boot({ script: remember, url })
    assert.equal(refused.exitCode, 1)
    assert.match(refused.said, /no address of HTTP/)
    assert.equal(refused.arguments, undefined)
  }
})

test('an image that QEMU cannot boot gets no link', async () => {
  const refused = await boot({ script: remember, image: { disk_format: 'constructor' } })
  assert.equal(refused.exitCode, 1)
  assert.match(refused.said, /does not boot an image whose disk format is constructor/)
  assert.ok(!refused.seen.includes(`POST ${links}`))
})
