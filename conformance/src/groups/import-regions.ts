import { randomBytes, randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { ContentServer } from '../content.ts'
import { expectEqual, expectStatus } from '../expect.ts'
import { expectImported, importImage, importMethods, importOver } from '../imports.ts'
import type { Group, Scene } from '../suite.ts'

const bytes = randomBytes(700_001)

/** An image of another region, as its API shows it. */
const serveRegion = (content: ContentServer, id: string, more: object = {}): void => {
  const document = {
    id,
    name: 'far away',
    status: 'active',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'private',
    hw_disk_bus: 'scsi',
    os_distro: 'debian',
    size: bytes.length,
    ...more,
  }
  const answer: RequestListener = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  content.serve(`/v2/images/${id}`, answer)
  content.serve(`/v2/images/${id}/file`, bytes)
}

const runRegion = async (scene: Scene) => {
  const { actors, images, check, receivers } = scene
  const { content } = receivers
  const region = content?.region
  if (content === undefined || region === undefined || !(await importMethods(scene)).includes('glance-download')) {
    await scene.skip('images are imported from another region', 'run the suite with --content and --region')
    return
  }
  const method = (id: string) => ({ name: 'glance-download', glance_region: region, glance_image_id: id })
  await check('an image of another region is imported, by the token of the caller', async () => {
    const far = randomUUID()
    serveRegion(content, far)
    const id = await images.queued()
    expectStatus(await importImage(actors.owner, id, { method: method(far) }), 202)
    const image = await expectImported(scene, id, bytes)
    expectEqual([image.hw_disk_bus, image.name], ['scsi', 'conformance'], 'a property that came along, and the name')
    for (const path of [`/v2/images/${far}`, `/v2/images/${far}/file`])
      expectEqual(content.calls(path)[0]?.headers['x-auth-token'], actors.owner.token, 'the token')
  })
  await check('an image that is not active there, or not there at all, is not imported', async () => {
    const waiting = randomUUID()
    serveRegion(content, waiting, { status: 'queued' })
    for (const far of [waiting, randomUUID()]) {
      const id = await images.queued()
      const answer = await importImage(actors.owner, id, { method: method(far) })
      expectStatus(answer, 202, 400, 404, 409)
      if (answer.status === 202) await importOver(scene, id)
      expectEqual((await images.read(id)).status, 'queued', 'the status')
    }
  })
}

export const importRegions: Group = { name: 'import from another region', run: runRegion }
