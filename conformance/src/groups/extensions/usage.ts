import { ProjectSettingsSchema, StatisticsSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus } from '../../expect.ts'
import { change, expectRefusal, published } from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'

const statistics = async (actor: Actor, image: string) =>
  objectAt(
    expectDocument(expectStatus(await actor.api.get(`/v2/images/${image}/statistics`), 200), StatisticsSchema).json,
  )

const disclose = async (actor: Actor, usage: string) =>
  expectDocument(expectStatus(await change(actor.api, '/v2/project-settings', { usage }), 200), ProjectSettingsSchema)

/** Use is written down every few seconds. */
const counted = (actor: Actor, image: string, downloads: number) =>
  eventually(
    async () => statistics(actor, image),
    (found) => found.downloads === downloads,
    `${downloads} downloads in the statistics`,
  )

const runSettings = async ({ actors, own }: Scene) => {
  const { consumer, consumerReader, stranger } = actors
  await own('what a project discloses is counted use, unless it says otherwise', async () => {
    const answer = expectDocument(
      expectStatus(await stranger.api.get('/v2/project-settings'), 200),
      ProjectSettingsSchema,
    )
    expectField(answer, ['usage'], 'counted')
  })
  for (const word of ['nothing', 'named', 'counted'])
    await own(`it can be set to ${word}`, async () => {
      expectField(await disclose(consumer, word), ['usage'], word)
      expectField(await consumerReader.api.get('/v2/project-settings'), ['usage'], word)
    })
  for (const body of [{}, [], { usage: 'all' }, { usage: null }, { usage: 'named', more: 1 }] satisfies Json[])
    await own(`a setting ${JSON.stringify(body)} is 400`, async () => {
      expectRefusal(await change(consumer.api, '/v2/project-settings', body), 400)
    })
}

const runCounts = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, other, stranger } = actors
  const image = await images.active()
  await images.share(image, consumer, 'accepted')
  await images.share(image, other)
  for (const actor of [consumer, other]) await disclose(actor, 'counted')

  await own('the producer sees how many accepted and wait', async () => {
    for (const actor of [owner, ownerReader]) {
      const { accepted, waiting, rejected, downloads, by_listing } = await statistics(actor, image)
      expectEqual([accepted, waiting, rejected, downloads, by_listing], [1, 1, 0, 0, null], 'the counts')
    }
  })
  await own('consumers do not see them, strangers nothing', async () => {
    expectRefusal(await consumer.api.get(`/v2/images/${image}/statistics`), 403)
    expectRefusal(await stranger.api.get(`/v2/images/${image}/statistics`), 404)
  })
  await own('downloads of consumers are counted, of the owner not', async () => {
    expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
    expectStatus(await other.api.get(`/v2/images/${image}/file`), 200)
    expectStatus(await owner.api.get(`/v2/images/${image}/file`), 200)
    const found = await counted(owner, image, 2)
    expectMatch(String(found.last_used_week), /^\d{4}-\d{2}-\d{2}$/, 'last_used_week')
    expectEqual(new Date(`${found.last_used_week}T00:00:00Z`).getUTCDay(), 1, 'the day of last_used_week, Monday')
  })
  await own('nobody is named who did not agree', async () => {
    const answer = expectStatus(await owner.api.get(`/v2/images/${image}/shares`), 200)
    expectEqual(
      listAt(answer.json, 'shares').map((row) => at(row, 'usage')),
      [null, null],
      'the use by name',
    )
  })
  await own('statistics show no more than agreed: who discloses nothing is in no sum, also of the past', async () => {
    await disclose(other, 'nothing')
    await counted(owner, image, 1)
    await disclose(consumer, 'nothing')
    const found = await counted(owner, image, 0)
    expectEqual(found.last_used_week, null, 'last_used_week')
    expectField(await owner.api.get(`/v2/images/${image}/withdrawal`), ['downloads'], 0)
    expectField(await owner.api.get(`/v2/images/${image}/withdrawal`), ['last_used_week'], null)
  })
  await own('who agrees to be named is, and nobody else', async () => {
    await disclose(consumer, 'named')
    const answer = expectStatus(await owner.api.get(`/v2/images/${image}/shares`), 200)
    const named = new Map(listAt(answer.json, 'shares').map((row) => [stringAt(row, 'project_id'), at(row, 'usage')]))
    expectEqual(at(named.get(consumer.projectId), 'downloads'), 1, 'the downloads of the consumer')
    expectEqual(named.get(other.projectId), null, 'the use of the other')
  })
  await own('the image, its members and its log say nothing of use', async () => {
    for (const path of ['', '/members', '/events']) {
      const { text } = expectStatus(await owner.api.get(`/v2/images/${image}${path}`), 200)
      if (/download|last_used/.test(text)) throw new Error(`${path} tells of downloads`)
    }
  })
  await own('of a listing, the counts are those that came through it', async () => {
    const { path } = await published(scene, image)
    const { by_listing } = await statistics(owner, image)
    expectEqual(by_listing, { path, requests: 0, accepted: 0, downloads: 0 }, 'by_listing')
  })
}

export const usage: Group = {
  name: 'statistics and disclosure',
  own: true,
  async run(scene) {
    const { consumer } = scene.actors
    const before = stringAt(expectStatus(await consumer.api.get('/v2/project-settings'), 200).json, 'usage')
    scene.afterwards(() => disclose(consumer, before))
    await runSettings(scene)
    await runCounts(scene)
  },
}
