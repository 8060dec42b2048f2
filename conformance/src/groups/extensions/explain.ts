import { ExplanationSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectStatus, imageIds } from '../../expect.ts'
import { expectRefusal, ruled } from '../../extensions.ts'
import { at, listAt } from '../../json.ts'
import { changeKey, grantKey, grantPath, sealed } from '../../keys.ts'
import type { Group, Scene } from '../../suite.ts'

interface Verdict {
  see: boolean
  list: boolean
  download: boolean
}

const explained = async (asker: Actor, image: string, about?: Actor): Promise<Verdict> => {
  const query = about === undefined ? '' : `?project=${about.projectId}`
  const answer = expectStatus(await asker.api.get(`/v2/images/${image}/explain${query}`), 200)
  expectDocument(answer, ExplanationSchema)
  expectEqual(at(answer.json, 'project_id'), (about ?? asker).projectId, 'project_id')
  if (listAt(answer.json, 'reasons').length === 0) throw new Error(`${answer.request}: no reason is given`)
  const { see, list, download } = {
    see: at(answer.json, 'see'),
    list: at(answer.json, 'list'),
    download: at(answer.json, 'download'),
  }
  return { see: see === true, list: list === true, download: download === true }
}

/** What the calls themselves do. */
const tried = async (actor: Actor, image: string): Promise<Verdict> => ({
  see: (await actor.api.get(`/v2/images/${image}`)).status === 200,
  list: imageIds(await actor.api.get(`/v2/images?id=${image}`)).length === 1,
  download: (await actor.api.get(`/v2/images/${image}/file`)).status === 200,
})

type Make = (scene: Scene) => Promise<string>

const shared =
  (answer?: string, attributes: { os_hidden?: boolean } = {}): Make =>
  async ({ images, actors }) => {
    const image = await images.active(attributes)
    if (answer !== undefined) await images.share(image, actors.consumer, answer)
    return image
  }

const sealedShare = async (scene: Scene) => {
  const made = await sealed(scene)
  const body = { images: [made.image], projects: [scene.actors.consumer.projectId], grant: true }
  expectStatus(await scene.actors.owner.api.post('/v2/shares', { action: 'share', ...body }), 200)
  return made
}

/** Every kind of image that the answer depends on. */
const states: [what: string, make: Make][] = [
  ['a private image', ({ images }) => images.active({ visibility: 'private' })],
  ['a community image', ({ images }) => images.active({ visibility: 'community' })],
  ['a public image', ({ images }) => images.active({ visibility: 'public' })],
  ['a public, hidden image', ({ images }) => images.active({ visibility: 'public', os_hidden: true })],
  ['an image shared with nobody', shared()],
  ['a share that waits', shared('pending')],
  ['an accepted share', shared('accepted')],
  ['a rejected share', shared('rejected')],
  ['an accepted share of a hidden image', shared('accepted', { os_hidden: true })],
  [
    'an accepted share of a queued image',
    async ({ images, actors }) => {
      const image = await images.queued()
      await images.share(image, actors.consumer, 'accepted')
      return image
    },
  ],
  [
    'an accepted share of a deactivated image',
    async ({ images, actors }) => {
      const image = await images.deactivated()
      await images.share(image, actors.consumer, 'accepted')
      return image
    },
  ],
  [
    'a former member of an image that became private',
    async ({ images, actors }) => {
      const image = await images.active()
      await images.share(image, actors.consumer, 'accepted')
      const operations = [{ op: 'replace', path: '/visibility', value: 'private' }]
      expectStatus(await actors.owner.api.patch(`/v2/images/${image}`, operations), 200)
      return image
    },
  ],
  ['a sealed image that is shared with its key', async (scene) => (await sealedShare(scene)).image],
  [
    'a sealed image whose key was taken back',
    async (scene) => {
      const { image, key } = await sealedShare(scene)
      const { owner, consumer } = scene.actors
      expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
      return image
    },
  ],
  [
    'a sealed image whose key is disabled',
    async (scene) => {
      const { image, key } = await sealedShare(scene)
      await changeKey(scene.actors.owner, key, { status: 'disabled' })
      return image
    },
  ],
  [
    'a sealed community image whose key the stranger may use',
    async (scene) => {
      const { image, key } = await sealed(scene)
      await grantKey(scene.actors.owner, key, scene.actors.stranger.projectId)
      const open = [{ op: 'replace', path: '/visibility', value: 'community' }]
      expectStatus(await scene.actors.owner.api.patch(`/v2/images/${image}`, open), 200)
      return image
    },
  ],
  [
    'a community image that a client encrypted',
    ({ images }) => images.active({ visibility: 'community', __system__cmkid: crypto.randomUUID() }),
  ],
]

const runAgreement = async (scene: Scene) => {
  const { owner, consumer, stranger, admin } = scene.actors
  for (const [what, make] of states)
    await scene.own(`${what}: what is explained is what the calls do, for owner, consumer and stranger`, async () => {
      const image = await make(scene)
      for (const actor of [owner, consumer, stranger]) {
        const truth = await tried(actor, image)
        expectEqual(await explained(admin, image, actor), truth, `${actor.name}, asked by the administrator`)
        expectEqual(await explained(owner, image, actor), truth, `${actor.name}, asked by the owner`)
        if (truth.see) expectEqual(await explained(actor, image), truth, `${actor.name}, asked by itself`)
        else expectRefusal(await actor.api.get(`/v2/images/${image}/explain`), 404)
      }
    })
}

const runRights = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, other, stranger } = actors
  const image = await images.active()
  await images.share(image, consumer, 'accepted')
  const path = `/v2/images/${image}/explain`
  await own('explain tells a stranger nothing, whomever it asks about', async () => {
    for (const about of [owner, consumer, stranger])
      expectRefusal(await stranger.api.get(`${path}?project=${about.projectId}`), 404)
    const absent = `/v2/images/${crypto.randomUUID()}`
    const known = expectRefusal(await stranger.api.get(path), 404).replaceAll(image, 'ID')
    expectEqual(
      known,
      expectRefusal(await stranger.api.get(`${absent}/explain`), 404).replace(/[0-9a-f-]{36}/, 'ID'),
      'text',
    )
  })
  await own('a consumer may ask about itself alone', async () => {
    expectStatus(await consumer.api.get(`${path}?project=${consumer.projectId}`), 200)
    for (const about of [owner, other, stranger])
      expectRefusal(await consumer.api.get(`${path}?project=${about.projectId}`), 403)
  })
  for (const project of ['', '%20a', 'a%2Fb', 'p'.repeat(256)])
    await own(`"${project.slice(0, 9)}" is no project to ask about: 400`, async () => {
      expectRefusal(await owner.api.get(`${path}?project=${project}`), 400)
    })
  await own('a reader of the owning project may ask', async () => {
    expectEqual((await explained(ownerReader, image, consumer)).list, true, 'list')
  })
  await own('what is said of a project that does not exist is what is said of a stranger', async () => {
    const { see, list, download } = await explained(owner, image, { ...stranger, projectId: 'no-such-project' })
    expectEqual([see, list, download], [false, false, false], 'the verdict')
  })
}

const runBlocked = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, admin } = actors
  await own('a producer cannot learn from an explanation that it is blocked; the consumer can', async () => {
    const free = await images.active()
    await images.share(free, consumer)
    const before = await owner.api.get(`/v2/images/${free}/explain?project=${consumer.projectId}`)
    await ruled(scene, consumer, { kind: 'block', producer: owner.projectId })
    const after = await owner.api.get(`/v2/images/${free}/explain?project=${consumer.projectId}`)
    expectEqual(after.json, before.json, 'what the producer is told')
    const truth = await tried(consumer, free)
    expectEqual(await explained(consumer, free), truth, 'what the consumer is told')
    expectEqual(await explained(admin, free, consumer), truth, 'what the administrator is told')
    const told = expectStatus(await consumer.api.get(`/v2/images/${free}/explain`), 200)
    if (!/block/i.test(told.text)) throw new Error('the consumer is not told of its own rule')
  })
}

export const explain: Group = {
  name: 'explanations',
  own: true,
  async run(scene) {
    await runAgreement(scene)
    await runRights(scene)
    await runBlocked(scene)
  },
}
