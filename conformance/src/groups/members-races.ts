import type { Answer } from '../client.ts'
import { expectEqual, expectMembers, expectStatus } from '../expect.ts'
import type { Group } from '../suite.ts'
import { unknownProject } from './members-matrix.ts'

const statuses = (answers: Answer[]): number[] => answers.map(({ status }) => status).sort()

// A race may end either way by luck; a few rounds make it likely that both ways are met.
const rounds = 10

export const membersRaces: Group = {
  name: 'races about members',
  async run({ actors, images, check, own }) {
    const { owner, consumer } = actors

    await check('parallel POSTs of one member: one 200, the others 409, one row', async () => {
      const path = `/v2/images/${await images.queued()}/members`
      for (let round = 0; round < rounds; round++) {
        const member = unknownProject()
        const answers = await Promise.all(Array.from({ length: 6 }, () => owner.api.post(path, { member })))
        expectEqual(statuses(answers), [200, 409, 409, 409, 409, 409], 'the answers')
        expectMembers(await owner.api.get(path), [member])
        expectStatus(await owner.api.delete(`${path}/${member}`), 204)
      }
    })

    await check('PUT of a status against DELETE: the loser meets 404, and the member is gone', async () => {
      const image = await images.queued()
      const path = `/v2/images/${image}/members/${consumer.projectId}`
      for (let round = 0; round < rounds; round++) {
        await images.share(image, consumer)
        const [put, remove] = await Promise.all([
          consumer.api.put(path, { status: 'accepted' }),
          owner.api.delete(path),
        ])
        expectStatus(put, 200, 404)
        expectStatus(remove, 204)
        expectStatus(await owner.api.get(path), 404)
      }
    })

    await check('parallel DELETEs of one member: one 204, the others 404', async () => {
      const image = await images.queued()
      const path = `/v2/images/${image}/members/${consumer.projectId}`
      for (let round = 0; round < rounds; round++) {
        await images.share(image, consumer)
        const answers = await Promise.all([1, 2, 3].map(() => owner.api.delete(path)))
        expectEqual(statuses(answers), [204, 404, 404], 'the answers')
      }
    })

    await check('POST of a member against DELETE of the image: 200 or 404, and nothing is left', async () => {
      for (let round = 0; round < rounds; round++) {
        const image = await images.queued()
        const [add, remove] = await Promise.all([
          owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }),
          owner.api.delete(`/v2/images/${image}`),
        ])
        expectStatus(add, 200, 404)
        expectStatus(remove, 204)
        expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
      }
    })

    await check('POST of a member against a change to private: 200 or 403', async () => {
      for (let round = 0; round < rounds; round++) {
        const image = await images.queued()
        const [add, change] = await Promise.all([
          owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }),
          owner.api.patch(`/v2/images/${image}`, [{ op: 'replace', path: '/visibility', value: 'private' }]),
        ])
        expectStatus(add, 200, 403)
        expectStatus(change, 200)
        expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
      }
    })

    await own('parallel PATCHes of different properties: none is lost', async () => {
      const image = await images.queued()
      const names = Array.from({ length: 8 }, (_, number) => `parallel_${number}`)
      const answers = await Promise.all(
        names.map((name) => owner.api.patch(`/v2/images/${image}`, [{ op: 'add', path: `/${name}`, value: name }])),
      )
      for (const answer of answers) expectStatus(answer, 200)
      const document = await images.read(image)
      expectEqual(
        names.filter((name) => document[name] !== name),
        [],
        'the properties lost',
      )
    })
  },
}
