import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KeyManager } from '../keys/port.ts'
import { eachDatabase } from '../testing/databases.ts'
import { type BootNotes, createBootNotes } from './boot.ts'
import type { MailPayload, NoticeContent } from './content.ts'
import { member, type Scene, startScene } from './testing.ts'

const hourMs = 60 * 60 * 1000
const producer = member('producer')

const must = async ({ call }: Scene, ...request: Parameters<Scene['call']>) => {
  const answer = await call(...request)
  assert.ok(answer.statusCode < 300, `${request[0]} ${request[1]}: ${answer.statusCode} ${answer.body}`)
  return answer
}

/** An image with bytes; encrypted: also the key. */
const newImage = async (scene: Scene, encrypted: boolean, attributes: object = {}) => {
  const id = await scene.newImage({ name: 'golden', disk_format: 'raw', container_format: 'bare', ...attributes })
  const key: string | null = encrypted
    ? (await must(scene, 'PUT', `/v2/images/${id}/encryption`, producer, {})).json().key_id
    : null
  const type = { 'content-type': 'application/octet-stream' }
  await must(scene, 'PUT', `/v2/images/${id}/file`, producer, Buffer.from('bytes'), type)
  return { id, key: key ?? '' }
}

const share = (scene: Scene, image: string) =>
  must(scene, 'POST', '/v2/shares', producer, {
    action: 'share',
    images: [image],
    projects: ['consumer'],
    grant: true,
  })

/** Both forms of the next mail, each as one line. */
const nextTexts = async (scene: Scene): Promise<string[]> => {
  const { parsed } = await scene.nextMail()
  return [parsed.text ?? '', parsed.html ?? ''].map((text) => text.replaceAll(/\s+/g, ' '))
}

eachDatabase('what mails say of booting', ({ newUrl, atEnd }) => {
  const start = async () => {
    const scene = await startScene({ newUrl, atEnd })
    await scene.confirmed('consumer', 'someone@example.org')
    return scene
  }

  it('is whether the project can, and what else is to be known', async () => {
    const scene = await start()
    const { id } = await newImage(scene, true, { min_disk: 20 })
    await share(scene, id)
    for (const text of await nextTexts(scene)) {
      assert.match(text, /Your project can boot it now\./)
      assert.match(text, /a disk of 20 GiB or more/)
      assert.match(text, /whether you accept it or not/)
    }
  })

  it('is why it cannot, and what to do', async () => {
    const scene = await start()
    await scene.share(await scene.newImage({ name: 'empty', disk_format: 'raw', container_format: 'bare' }), 'consumer')
    for (const text of await nextTexts(scene)) {
      assert.match(text, /Your project cannot boot it yet: The image is queued: it has no bytes yet\./)
      assert.match(text, /Project producer can upload them: vitrine image upload /)
      assert.ok(!text.includes('whether you accept it or not'))
    }
  })

  it('is found when the mail is sent', async () => {
    const scene = await start()
    const { id, key } = await newImage(scene, true)
    await scene.mail.down()
    await share(scene, id)
    await scene.quiet()
    await must(scene, 'DELETE', `/v2/keys/${key}/grants/consumer`, producer)
    await scene.mail.up()
    scene.clock.advance(hourMs)
    for (const text of await nextTexts(scene)) {
      assert.match(text, /Your project cannot boot it yet: The image is encrypted/)
      assert.ok(text.includes(`Project producer can let it: vitrine key grant ${key} consumer`), text)
    }
  })

  it('tells who is invited whether the invitation gives the right to the key along, and names neither', async () => {
    const scene = await start()
    const { id, key } = await newImage(scene, true)
    const texts: string[][] = []
    for (const grant of [false, true]) {
      const invitation = { image_id: id, project: 'consumer@default', grant }
      const made = await must(scene, 'POST', '/v2/invitations', producer, invitation)
      texts.push(await nextTexts(scene))
      await must(scene, 'DELETE', `/v2/invitations/${made.json().id}`, producer)
    }
    const [without = [], along = []] = texts
    for (const text of without) assert.match(text, /Also once it has accepted, .* may not use its key\./)
    for (const text of along) assert.match(text, /Once it has accepted, your project can boot it\./)
    for (const text of texts.flat()) assert.ok(!text.includes(id) && !text.includes(key))
  })

  it('is nothing where the key manager hangs or is away, and the mail does not wait for it twice', async () => {
    const scene = await start()
    const { id } = await newImage(scene, true)
    const plain = await newImage(scene, false)
    await share(scene, id)
    await share(scene, plain.id)
    await scene.settle()
    const { service } = scene
    const payloadOf = (imageId: string): MailPayload => {
      const content: NoticeContent = {
        template: 'notice',
        kind: 'share.created',
        at: 0,
        projectId: 'consumer',
        memberId: 'consumer',
        image: { id: imageId, name: null, sizeBytes: null, hashAlgorithm: null, hashValue: null },
        producer: null,
        listing: null,
        detail: {},
      }
      return { content }
    }
    const add = async (notes: BootNotes, imageId: string) => {
      const payload = payloadOf(imageId)
      const told = await notes.add(payload, 'someone@example.org')
      return { isSame: told === payload, boot: 'boot' in told.content ? told.content.boot : undefined }
    }
    const manager = service.keyManager
    assert.ok(manager)
    let asked = 0
    const hanging: KeyManager = {
      ...manager,
      unwrap: () => {
        asked += 1
        return new Promise(() => undefined)
      },
    }
    let at = service.now()
    const notes = createBootNotes({ ...service, now: () => at, keyManager: hanging }, 50)
    assert.equal((await add(notes, id)).isSame, true)
    assert.equal((await add(notes, id)).isSame, true)
    assert.equal(asked, 1)
    assert.equal((await add(notes, plain.id)).boot?.canBoot, true)
    at += 31_000
    assert.equal((await add(notes, id)).isSame, true)
    assert.equal(asked, 2)

    const none = createBootNotes({ ...service, keyManager: undefined })
    assert.equal((await add(none, id)).isSame, true)
    const broken = createBootNotes({
      ...service,
      now: () => {
        throw new Error('the clock stands still')
      },
      log: { error: () => undefined },
    })
    assert.equal((await add(broken, plain.id)).isSame, true)
    // The share is over: there is nothing to boot.
    await must(scene, 'DELETE', `/v2/images/${plain.id}/members/consumer`, producer)
    assert.equal((await add(notes, plain.id)).isSame, true)
  })
})
