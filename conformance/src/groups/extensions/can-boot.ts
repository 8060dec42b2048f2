import { CanBootSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectStatus } from '../../expect.ts'
import { dayS, expectRefusal, inSeconds } from '../../extensions.ts'
import { at, type Json, listAt, stringAt } from '../../json.ts'
import { changeKey, expectNamed, grantKey, grantPath, grantsOf, madeKey, sealed, usesLike, usesOf } from '../../keys.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'
import { qcow2 } from '../disk-images.ts'
import { unknownProject } from '../members-matrix.ts'
import { shareMany } from './ways-to-share.ts'

interface Boot {
  /** The rules that hinder, in the order of the answer. */
  denied: Json[]
  /** Every rule of the answer with its effect. */
  effects: { [rule: string]: Json }
  /** What is to be done about what hinders. */
  next: string
}

const bootPath = (image: string, query: Record<string, string | number>): string => {
  const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString()
  return `/v2/images/${image}/can-boot${text === '' ? '' : `?${text}`}`
}

/** Asks, and holds the answer to what every such answer promises. */
const boot = async (actor: Actor, image: string, query: Record<string, string | number> = {}): Promise<Boot> => {
  const answer = expectStatus(await actor.api.get(bootPath(image, query)), 200)
  const { json } = expectDocument(answer, CanBootSchema)
  expectEqual(at(json, 'image_id'), image, 'image_id')
  expectEqual(at(json, 'project_id'), query.project ?? actor.projectId, 'project_id')
  const reasons = listAt(json, 'reasons')
  const denies = reasons.filter((reason) => at(reason, 'effect') === 'denies')
  expectEqual(at(json, 'can_boot'), denies.length === 0, 'can_boot, by the reasons')
  for (const reason of reasons)
    if (!/^\S.{10,}[.:)]$/s.test(stringAt(reason, 'text'))) throw new Error(`no sentence: ${at(reason, 'text')}`)
  return {
    denied: denies.map((reason) => at(reason, 'rule') ?? null),
    effects: Object.fromEntries(reasons.map((reason) => [stringAt(reason, 'rule'), at(reason, 'effect') ?? null])),
    next: denies.map((reason) => stringAt(reason, 'next')).join('\n'),
  }
}

const expectBoots = async (actor: Actor, image: string, query: Record<string, string | number> = {}): Promise<Boot> => {
  const found = await boot(actor, image, query)
  expectEqual(found.denied, [], `what hinders ${actor.name} with ${JSON.stringify(query)}`)
  return found
}

const expectHindered = async (
  actor: Actor,
  image: string,
  query: Record<string, string | number>,
  ...rules: string[]
): Promise<Boot> => {
  const found = await boot(actor, image, query)
  expectEqual(found.denied, rules, `what hinders ${actor.name} with ${JSON.stringify(query)}`)
  return found
}

const runSight = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, stranger, admin } = actors
  const forConsumer = { project: consumer.projectId }
  await own('an own image that is active boots; a reader may ask', async () => {
    const image = await images.active()
    for (const actor of [owner, ownerReader]) await expectBoots(actor, image)
    await expectBoots(owner, image, { project: owner.projectId, disk_gib: 1, ram_mib: 1 })
  })
  await own('an image that is not shared hinders by that alone, and would boot if it were', async () => {
    const image = await images.active()
    for (const actor of [owner, admin]) {
      const { denied } = await boot(actor, image, forConsumer)
      expectEqual(
        denied.length > 0 && denied.every((rule) => rule === 'membership' || rule === 'visibility'),
        true,
        'why',
      )
      const ifShared = await expectBoots(actor, image, { ...forConsumer, if_shared: 'true' })
      expectEqual(ifShared.effects.membership, 'informs', 'the membership, as if it were shared')
      expectEqual((await boot(actor, image, { ...forConsumer, if_shared: 'false' })).denied, denied, 'what hinders')
    }
  })
  for (const status of ['pending', 'accepted', 'rejected'])
    await own(`a share that is ${status} boots, for whom it is with and as its producer sees it`, async () => {
      const image = await images.active()
      await images.share(image, consumer, status)
      await expectBoots(consumer, image)
      await expectBoots(consumer, image, forConsumer)
      await expectBoots(owner, image, forConsumer)
    })
  for (const visibility of ['community', 'public'])
    await own(`a ${visibility} image boots for all`, async () => {
      const image = await images.active({ visibility })
      await expectBoots(stranger, image)
      await expectBoots(owner, image, { project: unknownProject() })
    })
  await own('an image that is private hinders all others, also if it were shared', async () => {
    const image = await images.active({ visibility: 'private' })
    await expectBoots(owner, image)
    for (const query of [forConsumer, { ...forConsumer, if_shared: 'true' }])
      expectEqual((await boot(owner, image, query)).denied.includes('visibility'), true, 'whether it hinders')
    expectRefusal(await consumer.api.get(bootPath(image, {})), 404)
  })
  await own('a share that ends is told of, and boots until then', async () => {
    const image = await images.active()
    await shareMany(owner, { images: [image], projects: [consumer.projectId], ends_at: inSeconds(dayS) })
    expectEqual((await expectBoots(consumer, image)).effects.end, 'informs', 'the end')
    expectEqual((await expectBoots(owner, image, forConsumer)).effects.end, 'informs', 'the end')
  })
  await own('a withdrawal that is announced is told of, also to whom it is not shared yet', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    expectStatus(await owner.api.post(`/v2/images/${image}/withdrawal`, { at: inSeconds(dayS) }), 200)
    expectEqual((await expectBoots(consumer, image)).effects.end, 'informs', 'the end')
    const ifShared = await expectBoots(owner, image, { project: stranger.projectId, if_shared: 'true' })
    expectEqual(ifShared.effects.end, 'informs', 'the end of a share that would begin now')
  })
  await own('a share that is over hinders', async () => {
    const image = await images.active()
    await shareMany(owner, { images: [image], projects: [consumer.projectId], ends_at: inSeconds(1) })
    const found = await eventually(
      () => boot(owner, image, forConsumer),
      ({ denied }) => denied.length > 0,
      'the end of the share',
    )
    expectEqual(
      found.denied.every((rule) => rule === 'end' || rule === 'membership'),
      true,
      'why',
    )
  })
  await own('who does not see the image asks in vain: 404; a consumer asks about itself alone: 403', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    for (const query of [{}, forConsumer, { if_shared: 'true' }])
      expectRefusal(await stranger.api.get(bootPath(image, query)), 404)
    expectRefusal(await consumer.api.get(bootPath(image, { project: stranger.projectId })), 403)
    expectRefusal(await consumer.api.get(bootPath(image, { project: owner.projectId })), 403)
  })
  for (const query of [
    'disk_gib=-1',
    'disk_gib=x',
    'disk_gib=1.5',
    'disk_gib=',
    'ram_mib=-1',
    'ram_mib=1e3',
    'ram_mib=99999999999999999999',
    'disk_gib=2147483648',
    'ram_mib=2147483648',
    'if_shared=yes',
    'if_shared=',
    'project=',
    'project=%20a',
    'project=a%2Fb',
    `project=${'p'.repeat(256)}`,
  ])
    await own(`${query.slice(0, 30)} is 400, also for a stranger`, async () => {
      const image = await images.active()
      for (const actor of [owner, stranger])
        expectRefusal(await actor.api.get(`/v2/images/${image}/can-boot?${query}`), 400)
    })
}

const runKey = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, admin } = actors
  const forConsumer = { project: consumer.projectId }
  const ifShared = { ...forConsumer, if_shared: 'true' }
  await own('before it is shared: the key hinders until it is granted, and the answer says how', async () => {
    const { image, key } = await sealed(scene)
    await expectBoots(owner, image)
    const { next } = await expectHindered(owner, image, ifShared, 'key')
    expectNamed(next, `vitrine key grant ${key} ${consumer.projectId}`)
    await grantKey(owner, key, consumer.projectId)
    await expectBoots(owner, image, ifShared)
  })
  await own('to ask grants nothing, and is written down as a use of the key', async () => {
    const { image, key } = await sealed(scene)
    await boot(owner, image, ifShared)
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
    const [proof] = await usesLike(owner, key, 'key.prove')
    expectEqual([at(proof, 'grantee_id'), at(proof, 'outcome')], [consumer.projectId, 'refused'], 'the use')
    const types = (await usesOf(owner, key)).map((use) => at(use, 'type'))
    expectEqual(types.includes('key.grant'), false, 'whether something was granted')
  })
  await own('shared with its key it boots; revoked, disabled and enabled again, as the key is', async () => {
    const { image, key } = await sealed(scene)
    await shareMany(owner, { images: [image], projects: [consumer.projectId], grant: true })
    const both = async (...rules: string[]) => {
      await expectHindered(consumer, image, {}, ...rules)
      await expectHindered(owner, image, forConsumer, ...rules)
    }
    await both()
    await changeKey(owner, key, { status: 'disabled' })
    await both('key')
    await expectHindered(owner, image, {}, 'key')
    await changeKey(owner, key, { status: 'enabled' })
    await both()
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    await both('key')
    await expectBoots(owner, image)
  })
  await own('the administrator does not boot what its project has no key for', async () => {
    const { image } = await sealed(scene)
    expectEqual((await boot(admin, image)).denied.includes('key'), true, 'whether the key hinders')
  })
  await own('a key that is never granted hinders for good: the next step is no grant', async () => {
    const { image, key } = await sealed(scene, { key: await madeKey(scene, owner, { grantable: false }) })
    const { next } = await expectHindered(owner, image, ifShared, 'key')
    if (next.includes(`key grant ${key}`)) throw new Error(`what cannot be granted is to be granted: ${next}`)
  })
  await own('what a client encrypted boots by the same rule', async () => {
    const key = await madeKey(scene)
    const known = await images.active({ cinder_encryption_key_id: key })
    await expectHindered(owner, known, ifShared, 'key')
    await grantKey(owner, key, consumer.projectId)
    await expectBoots(owner, known, ifShared)
    const unknown = await images.active({ __system__cmkid: crypto.randomUUID() })
    await expectHindered(owner, unknown, ifShared, 'key')
  })
  await own('bytes that are LUKS are told of', async () => {
    const luks = Buffer.concat([Buffer.from('LUKS\xba\xbe\x00\x02', 'latin1'), Buffer.alloc(50_000)])
    const image = await images.active({}, owner, luks)
    expectEqual((await expectBoots(owner, image)).effects.content, 'informs', 'the content')
  })
}

const runImage = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer } = actors
  for (const status of ['queued', 'deactivated'])
    await own(`an image that is ${status} does not boot`, async () => {
      await expectHindered(owner, await images.in(status), {}, 'status')
    })
  const formats: [attributes: { [name: string]: Json }, effect: string][] = [
    [{ disk_format: 'aki', container_format: 'aki' }, 'denies'],
    [{ disk_format: 'ari', container_format: 'ari' }, 'denies'],
    [{ container_format: 'docker' }, 'denies'],
    [{ container_format: 'compressed' }, 'denies'],
    [{ disk_format: 'iso' }, 'informs'],
    [{ disk_format: 'ami', container_format: 'ami' }, 'informs'],
    [{ disk_format: 'raw' }, 'allows'],
    [{ disk_format: 'qcow2' }, 'allows'],
  ]
  for (const [attributes, effect] of formats)
    await own(`${JSON.stringify(attributes)}: the format ${effect}`, async () => {
      const image = await images.queued(attributes)
      const found = await boot(owner, image)
      expectEqual(found.effects.format, effect, 'the effect')
      expectEqual(found.denied.includes('format'), effect === 'denies', 'whether it hinders')
    })
  await own('formats that are not set hinder', async () => {
    const image = await images.queued({ disk_format: null, container_format: null })
    expectEqual((await boot(owner, image)).denied.includes('format'), true, 'whether they hinder')
  })
  await own('several reasons are all told', async () => {
    const image = await images.queued({ min_disk: 5, min_ram: 100 })
    const { denied } = await boot(owner, image, { disk_gib: 4, ram_mib: 99 })
    expectEqual([...denied].sort(), ['min_disk', 'min_ram', 'status'], 'what hinders')
  })
  const limits: [query: Record<string, number>, ...rules: string[]][] = [
    [{}],
    [{ disk_gib: 10 }],
    [{ disk_gib: 9 }, 'min_disk'],
    [{ ram_mib: 512 }],
    [{ ram_mib: 511 }, 'min_ram'],
    [{ ram_mib: 0 }, 'min_ram'],
    [{ disk_gib: 10, ram_mib: 512 }],
    [{ disk_gib: 9, ram_mib: 511 }, 'min_disk', 'min_ram'],
    [{ disk_gib: 2147483647, ram_mib: 2147483647 }],
  ]
  for (const [query, ...rules] of limits)
    await own(
      `10 GiB and 512 MiB are needed, ${JSON.stringify(query)} there: ${rules.join(', ') || 'it boots'}`,
      async () => {
        const image = await images.active({ min_disk: 10, min_ram: 512 })
        await expectHindered(owner, image, query, ...rules)
      },
    )
  await own('where no disk and no memory are named, it tells how much of them the image asks for', async () => {
    const { effects } = await expectBoots(owner, await images.active({ min_disk: 10, min_ram: 512 }))
    expectEqual([effects.min_disk, effects.min_ram], ['informs', 'informs'], 'what it says of them')
  })
  await own('a disk of 0 GiB is as large as the image needs it', async () => {
    await expectBoots(owner, await images.active({ min_disk: 10 }), { disk_gib: 0 })
  })
  await own('a disk of 20 GiB does not fit into 10, whatever min_disk says', async () => {
    const disk = qcow2({ virtualSizeBytes: 20 * 2 ** 30 })
    const image = await images.active({ disk_format: 'qcow2' }, owner, disk)
    await expectHindered(owner, image, { disk_gib: 10 }, 'min_disk')
    await expectBoots(owner, image, { disk_gib: 20 })
    await expectBoots(owner, image)
  })
  await own('if all places are taken, to share it would be refused: the quota is told', async () => {
    const image = await images.active()
    await shareMany(owner, { images: [image], projects: Array.from({ length: 128 }, unknownProject) })
    const found = await boot(owner, image, { project: consumer.projectId, if_shared: 'true' })
    expectEqual(found.denied, ['quota'], 'what hinders')
    await expectBoots(owner, image)
  })
}

export const canBoot: Group = {
  name: 'whether an image boots',
  own: true,
  async run(scene) {
    await runSight(scene)
    await runKey(scene)
    await runImage(scene)
  },
}
