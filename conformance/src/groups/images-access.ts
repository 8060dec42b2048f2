import { actorNamed } from '../actors.ts'
import type { Answer } from '../client.ts'
import { expectStatus } from '../expect.ts'
import type { Group } from '../suite.ts'
import { table } from '../table.ts'

// Cells: show/download/PATCH/tags/upload/delete. Invisible is 404 for every verb; visible but not entitled is 403.
const access = table(`
  actor          | private                 | shared                  | community               | public
  owner          | 200/200/200/204/409/204 | 200/200/200/204/409/204 | 200/200/200/204/409/204 | 200/200/200/204/409/204
  ownerReader    | 200/403/403/403/403/403 | 200/403/403/403/403/403 | 200/403/403/403/403/403 | 200/403/403/403/403/403
  consumer       | 404/404/404/404/404/404 | 200/200/403/403/403/403 | 200/200/403/403/403/403 | 200/200/403/403/403/403
  consumerReader | 404/404/404/404/404/404 | 200/403/403/403/403/403 | 200/403/403/403/403/403 | 200/403/403/403/403/403
  stranger       | 404/404/404/404/404/404 | 404/404/404/404/404/404 | 200/200/403/403/403/403 | 200/200/403/403/403/403
  strangerReader | 404/404/404/404/404/404 | 404/404/404/404/404/404 | 200/403/403/403/403/403 | 200/403/403/403/403/403
  admin          | 200/200/200/204/409/204 | 200/200/200/204/409/204 | 200/200/200/204/409/204 | 200/200/200/204/409/204
`)

// Without data there is nothing to read for those who may; locked data is for administrators.
const downloads = table(`
  actor          | queued | deactivated
  owner          | 204    | 403
  ownerReader    | 403    | 403
  consumer       | 204    | 403
  consumerReader | 403    | 403
  stranger       | 404    | 404
  admin          | 204    | 200
`)

const calls = ['show', 'download', 'PATCH', 'PUT tag', 'DELETE tag', 'upload', 'DELETE'] as const
/** The cell of a call: both calls about tags share one. */
const cellOf = [0, 1, 2, 3, 3, 4, 5] as const

export const imagesAccess: Group = {
  name: 'access to images',
  async run({ actors, images, check }) {
    for (const row of access)
      for (const visibility of row.columns)
        for (const membership of row.text('actor').startsWith('consumer')
          ? ['pending', 'accepted', 'rejected']
          : ['']) {
          const { api, name } = actorNamed(actors, row.text('actor'))
          const id = await images.active({ tags: ['kept'] })
          await images.share(id, actors.consumer, membership === '' ? undefined : membership)
          const become = [{ op: 'replace', path: '/visibility', value: visibility }]
          expectStatus(await actors.admin.api.patch(`/v2/images/${id}`, become), 200)
          const image = `/v2/images/${id}`
          const send: Record<(typeof calls)[number], () => Promise<Answer>> = {
            show: () => api.get(image),
            download: () => api.get(`${image}/file`),
            PATCH: () => api.patch(image, [{ op: 'replace', path: '/name', value: 'new' }]),
            'PUT tag': () => api.put(`${image}/tags/new`),
            'DELETE tag': () => api.delete(`${image}/tags/kept`),
            upload: () => api.upload(`${image}/file`, 'x'),
            DELETE: () => api.delete(image),
          }
          const cells = row.text(visibility).split('/').map(Number)
          for (const [index, call] of calls.entries()) {
            const status = cells[cellOf[index] ?? -1]
            if (status === undefined) throw new Error(`no cell for ${call}`)
            const title = membership === '' ? name : `${name}, membership ${membership}`
            await check(`${visibility} image, ${title}, ${call}: ${status}`, async () => {
              expectStatus(await send[call](), status)
            })
          }
        }
    for (const row of downloads)
      for (const status of row.columns) {
        const id = await images.in(status)
        await images.share(id, actors.consumer, 'accepted')
        const { api, name } = actorNamed(actors, row.text('actor'))
        await check(`download of a ${status} image, ${name}: ${row.text(status)}`, async () => {
          expectStatus(await api.get(`/v2/images/${id}/file`), row.status(status))
        })
      }
  },
}
