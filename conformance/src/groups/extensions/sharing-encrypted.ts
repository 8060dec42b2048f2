import { expectEqual, expectField, expectMembers, expectStatus } from '../../expect.ts'
import { inboxOf, unique, walk } from '../../extensions.ts'
import { at, type Json, objectAt, stringAt } from '../../json.ts'
import {
  changeKey,
  expectKeyState,
  grantGone,
  grantKey,
  grantPath,
  grantsOf,
  keyPath,
  madeKey,
  sealed,
  sealedQueued,
  usesOf,
} from '../../keys.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'
import { type Row, table } from '../../table.ts'
import { unknownProject } from '../members-matrix.ts'
import { knownOutcome, type Outcome, outcomesOf, shareMany, type Way, ways } from './ways-to-share.ts'

interface Made {
  image: string
  /** The key of the producer that the image is encrypted with, if it is one. */
  key?: string
}

type Attributes = { [name: string]: Json }

const marked = (mark: (key: string) => Attributes) => async (scene: Scene) => {
  const key = await madeKey(scene)
  return { image: await scene.images.active(mark(key)), key }
}
const attributed = (attributes: Attributes) => async (scene: Scene) => ({
  image: await scene.images.active(attributes),
})

/** A key of somebody else, who lets producer and consumer use it: that is no key of the owner of the image. */
const foreign = async (scene: Scene) => {
  const { owner, consumer, stranger } = scene.actors
  const key = await madeKey(scene, stranger)
  for (const project of [owner, consumer]) await grantKey(stranger, key, project.projectId)
  return { image: await scene.images.active({ __system__cmkid: key }) }
}

const disabled = async (scene: Scene) => {
  const made = await sealed(scene)
  await changeKey(scene.actors.owner, made.key, { status: 'disabled' })
  return made
}
const never = async (scene: Scene) =>
  sealed(scene, { key: await madeKey(scene, scene.actors.owner, { grantable: false }) })

const makers: Record<string, (scene: Scene) => Promise<Made>> = {
  plain: (scene) => scene.images.active().then((image) => ({ image })),
  sealed,
  'sealed and queued': sealedQueued,
  'cmkid of an own key': marked((key) => ({ __system__cmkid: key })),
  'cmkid and encrypted "1"': marked((key) => ({ __system__cmkid: key, __system__encrypted: '1' })),
  'cmkid and encrypted "0"': marked((key) => ({ __system__cmkid: key, __system__encrypted: '0' })),
  cinder_encryption_key_id: marked((key) => ({ cinder_encryption_key_id: key })),
  os_encrypt_key_id: marked((key) => ({ os_encrypt_key_id: key })),
  'empty cmkid, cinder key': marked((key) => ({ __system__cmkid: '', cinder_encryption_key_id: key })),
  'encrypted "1" alone': attributed({ __system__encrypted: '1' }),
  'encrypted "0" alone': attributed({ __system__encrypted: '0' }),
  'an empty cmkid': attributed({ __system__cmkid: '' }),
  'cmkid of no key': (scene) => attributed({ __system__cmkid: crypto.randomUUID() })(scene),
  'cmkid that is no id': attributed({ __system__cmkid: 'not-a-key' }),
  'cmkid that cannot be one': attributed({ __system__cmkid: '../keys' }),
  'cinder key of no key': (scene) => attributed({ cinder_encryption_key_id: crypto.randomUUID() })(scene),
  'cmkid of a foreign key': foreign,
  'a key that is disabled': disabled,
  'a key that is never granted': never,
}

const matrix = table(`
  image                       | nothing           | granted ahead | with the share
  plain                       | shared            | -             | shared
  sealed                      | key_not_granted   | shared        | shared
  sealed and queued           | key_not_granted   | shared        | shared
  cmkid of an own key         | key_not_granted   | shared        | shared
  cmkid and encrypted "1"     | key_not_granted   | shared        | shared
  cmkid and encrypted "0"     | key_not_granted   | shared        | shared
  cinder_encryption_key_id    | key_not_granted   | shared        | shared
  os_encrypt_key_id           | key_not_granted   | shared        | shared
  empty cmkid, cinder key     | key_not_granted   | shared        | shared
  encrypted "1" alone         | key_unnamed       | -             | key_unnamed
  encrypted "0" alone         | shared            | -             | shared
  an empty cmkid              | shared            | -             | shared
  cmkid of no key             | key_unknown       | -             | key_unknown
  cmkid that is no id         | key_unknown       | -             | key_unknown
  cmkid that cannot be one    | key_unnamed       | -             | key_unnamed
  cinder key of no key        | key_unknown       | -             | key_unknown
  cmkid of a foreign key      | key_unknown       | -             | key_unknown
  a key that is disabled      | key_disabled      | key_disabled  | key_disabled
  a key that is never granted | key_never_granted | -             | key_never_granted
`)

const make = (scene: Scene, row: Row): Promise<Made> => {
  const found = makers[row.text('image')]
  if (found === undefined) throw new Error(`no image is made as ${row.text('image')}`)
  return found(scene)
}

/** What has to be so once a share was made, or refused: both share and grant, or neither. */
const expectWhole = async (scene: Scene, { image, key }: Made, outcome: Outcome, isAhead: boolean) => {
  const { owner, consumer } = scene.actors
  const isShared = outcome === 'shared'
  expectMembers(await owner.api.get(`/v2/images/${image}/members`), isShared ? [consumer.projectId] : [])
  if (isShared) await expectKeyState(scene, image, consumer, key === undefined ? 'not_needed' : 'granted')
  else expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
  if (key === undefined) return
  const wanted = isShared || isAhead ? { [consumer.projectId]: isShared ? 1 : 0 } : {}
  await eventually(
    () => grantsOf(owner, key),
    (grants) => JSON.stringify(grants) === JSON.stringify(wanted),
    `the grants ${JSON.stringify(wanted)}`,
  )
}

/** Takes everything back, which is a promise of its own: with the last share its grant ends, and then the key may go. */
const takeBack = async ({ actors: { owner, consumer } }: Scene, { image, key }: Made, outcome: Outcome) => {
  if (outcome === 'shared') {
    expectStatus(await owner.api.delete(`/v2/images/${image}/members/${consumer.projectId}`), 204)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    if (key !== undefined) await grantGone(owner, key, consumer.projectId)
  }
  expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
  if (key !== undefined) expectStatus(await owner.api.delete(keyPath(key)), 204)
}

const runCell = async (scene: Scene, row: Row, way: Way, column: string) => {
  const { own, actors } = scene
  const isAhead = column === 'granted ahead'
  const isWith = column === 'with the share'
  // Where there is no word for it, it is as if it had not been said.
  const outcome = knownOutcome(row.text(isWith && !way.grants ? 'nothing' : column))
  if (outcome === '-') return
  await own(`${way.name}, image: ${row.text('image')}, grant: ${column}: ${outcome}`, async () => {
    const made = await make(scene, row)
    if (isAhead && made.key !== undefined) await grantKey(actors.owner, made.key, actors.consumer.projectId)
    expectEqual(
      await way.share(scene, made.image, actors.consumer, isWith),
      way.says?.[outcome] ?? outcome,
      'the outcome',
    )
    await expectWhole(scene, made, outcome, isAhead)
    await takeBack(scene, made, outcome)
  })
}

const columns = ['nothing', 'granted ahead', 'with the share']

const runDry = async (scene: Scene, row: Row, column: string) => {
  const { own, actors } = scene
  const { owner, consumer } = actors
  const outcome = knownOutcome(row.text(column))
  if (outcome === '-') return
  await own(`a dry run, image: ${row.text('image')}, grant: ${column}: ${outcome}, and nothing changes`, async () => {
    const made = await make(scene, row)
    const { image, key } = made
    const isAhead = column === 'granted ahead'
    if (isAhead && key !== undefined) await grantKey(owner, key, consumer.projectId)
    const changes = async () =>
      key === undefined
        ? []
        : (await usesOf(owner, key)).filter((use) => ['key.grant', 'key.revoke'].includes(String(at(use, 'type'))))
    const before = await changes()
    const body = { images: [image], projects: [consumer.projectId, unknownProject()], dry_run: true }
    const answer = await shareMany(owner, { ...body, grant: column === 'with the share' })
    expectField(answer, ['applied'], false)
    const forUnknown = isAhead && outcome === 'shared' ? 'key_not_granted' : outcome
    expectEqual(outcomesOf(answer), [outcome, forUnknown], 'the outcomes')
    expectEqual(await changes(), before, 'what was granted and revoked')
    await expectWhole(scene, made, 'nothing', isAhead)
    await takeBack(scene, made, 'nothing')
  })
}

export const sharingEncrypted: Group = {
  name: 'sharing of encrypted images',
  own: true,
  async run(scene) {
    for (const row of matrix)
      for (const column of columns) {
        for (const way of ways) await runCell(scene, row, way, column)
        await runDry(scene, row, column)
      }
    const { actors, own } = scene
    await own('a list with memberships says of each image whether its key is there', async () => {
      const { owner, consumer } = actors
      const name = unique()
      const plain = await scene.images.active({ name })
      const made = [await sealed(scene, { attributes: { name } }), await sealed(scene, { attributes: { name } })]
      const several = [plain, ...made.map(({ image }) => image)]
      await shareMany(owner, { images: several, projects: [consumer.projectId], grant: true })
      expectStatus(await owner.api.delete(grantPath(made[1]?.key ?? '', consumer.projectId)), 204)
      const states = async (path: string) =>
        Object.fromEntries(
          (await walk(consumer.api, path, 'images')).map((image) => [
            stringAt(image, 'id'),
            at(image, 'membership', 'key_state'),
          ]),
        )
      const expected = Object.fromEntries(
        several.map((image, index) => [image, ['not_needed', 'granted', 'revoked'][index]]),
      )
      for (const limit of [1, 2, 25]) {
        const path = `/v2/images?name=${name}&member_status=all&include=membership&limit=${limit}`
        expectEqual(await states(path), expected, `the states, ${limit} on a page`)
      }
    })
    await own('the inbox says whether the key is there, and whether the image boots', async () => {
      const { owner, consumer } = actors
      const { image, key } = await sealed(scene)
      await shareMany(owner, { images: [image], projects: [consumer.projectId], grant: true })
      const told = async () => {
        const item = (await inboxOf(consumer)).get(image)
        const { can_boot, reasons } = objectAt(item, 'can_boot')
        const rules = Array.isArray(reasons) ? reasons.filter((reason) => at(reason, 'effect') === 'denies') : []
        return [at(item, 'membership', 'key_state'), can_boot, rules.map((reason) => at(reason, 'rule'))]
      }
      expectEqual(await told(), ['granted', true, []], 'the item')
      expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
      expectEqual(await told(), ['revoked', false, ['key']], 'the item')
    })
  },
}
