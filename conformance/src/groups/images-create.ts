import { randomUUID } from 'node:crypto'
import { containerFormats, diskFormats } from '@vitrine/contract/words'
import { expectEqual, expectField, expectMatch, expectStatus, header, timeForm, uuidForm } from '../expect.ts'
import { type Json, objectAt, stringAt } from '../json.ts'
import { checker, type Group, type Scene } from '../suite.ts'

/** Attributes that are accepted and come back as given. */
const accepted: [what: string, attributes: { [name: string]: Json }][] = [
  ['name null', { name: null }],
  ['name of 255 characters', { name: 'n'.repeat(255) }],
  ['name empty', { name: '' }],
  ['visibility private', { visibility: 'private' }],
  ['visibility community', { visibility: 'community' }],
  ['protected', { protected: true }],
  ['os_hidden', { os_hidden: true }],
  ['min_disk 0', { min_disk: 0 }],
  ['min_disk 2147483647', { min_disk: 2147483647 }],
  ['min_ram 2147483647', { min_ram: 2147483647 }],
  ['formats null', { disk_format: null, container_format: null }],
  ['no tags', { tags: [] }],
  ['a tag of 255 characters', { tags: ['t'.repeat(255)] }],
  ['a custom property', { my_property: 'value' }],
  ['an empty custom value', { 'owner_specified.openstack.md5': '' }],
  ['a custom name with a slash', { 'a/b': 'value' }],
  ['a custom name with blanks and accents', { 'Größe des Bildes': 'groß' }],
  ['a custom name of 255 characters', { ['k'.repeat(255)]: 'value' }],
  ['a long custom value', { long: 'v'.repeat(60_000) }],
  ['names that differ in case only', { Distro: 'a', distro: 'b' }],
  ['kernel_id null', { kernel_id: null }],
  ['kernel_id a UUID', { kernel_id: '11111111-2222-4333-8444-555555555555' }],
  ['typed properties', { architecture: 'x86_64', os_distro: 'debian', os_version: '12', description: 'an image' }],
]

/** Attributes that are refused. */
const refused: [what: string, attributes: { [name: string]: Json }, status: number, own?: 'own'][] = [
  ['id that is no UUID', { id: 'mine' }, 400],
  ['id a number', { id: 7 }, 400],
  ['name of 256 characters', { name: 'n'.repeat(256) }, 400],
  ['name a number', { name: 7 }, 400],
  ['name beyond the basic plane', { name: 'a\u{1F600}' }, 400],
  ['visibility unknown', { visibility: 'secret' }, 400],
  ['visibility null', { visibility: null }, 400],
  ['visibility in capitals', { visibility: 'PRIVATE' }, 400],
  ['visibility public, not admin', { visibility: 'public' }, 403],
  ['owner another project', { owner: 'somebody-else' }, 403],
  ['owner null', { owner: null }, 403],
  ['owner of 256 characters', { owner: 'o'.repeat(256) }, 400],
  ['owner a number', { owner: 7 }, 400],
  ['protected a string', { protected: 'true' }, 400],
  ['protected null', { protected: null }, 400],
  ['os_hidden a string', { os_hidden: 'false' }, 400],
  ['disk_format unknown', { disk_format: 'floppy' }, 400],
  ['container_format unknown', { container_format: 'box' }, 400],
  ['min_disk negative', { min_disk: -1 }, 400],
  ['min_ram negative', { min_ram: -1 }, 400],
  ['min_disk over 2147483647', { min_disk: 2147483648 }, 400],
  ['min_ram over 2147483647', { min_ram: 2147483648 }, 400],
  ['min_disk a fraction', { min_disk: 1.5 }, 400],
  ['min_disk a string', { min_disk: '1' }, 400],
  ['min_disk null', { min_disk: null }, 400],
  ['tags a string', { tags: 'a' }, 400],
  ['tags null', { tags: null }, 400],
  ['a tag that is a number', { tags: [7] }, 400],
  ['a tag of 256 characters', { tags: ['t'.repeat(256)] }, 400],
  ['a tag beyond the basic plane', { tags: ['\u{1F600}'] }, 400],
  ['129 tags', { tags: Array.from({ length: 129 }, (_, index) => `tag-${index}`) }, 413],
  ['a custom value that is a number', { custom: 7 }, 400],
  ['a custom value that is a boolean', { custom: true }, 400],
  ['a custom value that is null', { custom: null }, 400],
  ['a custom value that is an array', { custom: ['a'] }, 400],
  ['a custom value that is an object', { custom: { a: 'b' } }, 400],
  ['a custom value beyond the basic plane', { custom: '\u{1F600}' }, 400],
  ['a custom name beyond the basic plane', { '\u{1F600}': 'a' }, 400],
  ['a custom name of 256 characters', { ['k'.repeat(256)]: 'a' }, 400],
  ['an empty custom name', { '': 'a' }, 400, 'own'],
  ['a custom value over 64 KiB', { custom: 'v'.repeat(65_537) }, 400, 'own'],
  ['129 custom properties', Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`p${index}`, 'v'])), 413],
  ['kernel_id no UUID', { kernel_id: 'linux' }, 400, 'own'],
  ['ramdisk_id no UUID', { ramdisk_id: 'initrd' }, 400, 'own'],
  ['an unknown deletion policy', { cinder_encryption_key_deletion_policy: 'maybe' }, 400, 'own'],
  ['os_glance_import_task', { os_glance_import_task: 'x' }, 403],
  ['os_glance_anything', { os_glance_anything: 'x' }, 403],
  ['status', { status: 'active' }, 403],
  ['size', { size: 1 }, 403],
  ['virtual_size', { virtual_size: 1 }, 403],
  ['checksum', { checksum: 'a'.repeat(32) }, 403],
  ['os_hash_algo', { os_hash_algo: 'sha512' }, 403, 'own'],
  ['os_hash_value', { os_hash_value: 'a' }, 403, 'own'],
  ['created_at', { created_at: '2020-01-01T00:00:00Z' }, 403],
  ['updated_at', { updated_at: '2020-01-01T00:00:00Z' }, 403],
  ['self', { self: '/v2/images/x' }, 403],
  ['file', { file: '/v2/images/x/file' }, 403],
  ['schema', { schema: '/v2/schemas/image' }, 403],
  ['stores', { stores: 'a' }, 403],
  ['direct_url', { direct_url: 'file:///etc/passwd' }, 403],
  ['locations', { locations: [] }, 403],
  ['location', { location: 'x' }, 403],
  ['deleted', { deleted: 'x' }, 403],
  ['deleted_at', { deleted_at: 'x' }, 403],
]

const malformed: [what: string, body: string | undefined, own?: 'own'][] = [
  ['no body', undefined],
  ['malformed JSON', '{"name": '],
  ['a JSON array', '[]', 'own'],
  ['a JSON string', '"image"'],
  ['a JSON number', '7'],
  ['JSON null', 'null'],
]

const runDefaults = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const answer = await actors.owner.api.post('/v2/images', {})
  const id = images.remember(stringAt(expectStatus(answer, 201).json, 'id'))
  await check('an empty object makes an image with every base attribute at its default', () => {
    const { id: _id, created_at: createdAt, updated_at: updatedAt, ...rest } = objectAt(answer.json)
    expectEqual(
      Object.entries(rest).sort(),
      Object.entries({
        name: null,
        status: 'queued',
        visibility: 'shared',
        owner: actors.owner.projectId,
        protected: false,
        os_hidden: false,
        disk_format: null,
        container_format: null,
        min_disk: 0,
        min_ram: 0,
        size: null,
        virtual_size: null,
        checksum: null,
        os_hash_algo: null,
        os_hash_value: null,
        tags: [],
        self: `/v2/images/${id}`,
        file: `/v2/images/${id}/file`,
        schema: '/v2/schemas/image',
      }).sort(),
      'the attributes',
    )
    expectMatch(id, uuidForm, 'the id')
    expectMatch(String(createdAt), timeForm, 'created_at')
    expectEqual(updatedAt, createdAt, 'updated_at')
  })
  await check('Location is the absolute URL of the image', () => {
    expectMatch(header(answer, 'location'), new RegExp(`^https?://.+/v2/images/${id}$`), 'Location')
  })
  await check('the image shown is the image answered', async () => {
    expectEqual((await actors.owner.api.get(`/v2/images/${id}`)).json, answer.json, 'the image')
  })
  await own('Content-Length is always there', () => {
    expectEqual(header(answer, 'content-length'), String(answer.bytes.length), 'Content-Length')
  })
}

const runIds = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, stranger } = actors
  const id = randomUUID()
  await check('the caller may choose the id', async () => {
    const answer = await owner.api.post('/v2/images', { id })
    expectField(expectStatus(answer, 201), ['id'], images.remember(id))
  })
  await check('an id that is taken is 409', async () => {
    expectStatus(await owner.api.post('/v2/images', { id }), 409)
    expectStatus(await stranger.api.post('/v2/images', { id }), 409)
  })
  await check('the id of a deleted image stays taken', async () => {
    expectStatus(await owner.api.delete(`/v2/images/${id}`), 204)
    expectStatus(await owner.api.post('/v2/images', { id }), 409)
    expectStatus(await actors.admin.api.post('/v2/images', { id }), 409)
  })
  await check('an id in capitals is kept so, and found only so', async () => {
    const capitals = randomUUID().toUpperCase().replace(/^./, 'A')
    const answer = await owner.api.post('/v2/images', { id: capitals })
    expectField(expectStatus(answer, 201), ['id'], images.remember(capitals))
    expectStatus(await owner.api.get(`/v2/images/${capitals}`), 200)
    expectStatus(await owner.api.get(`/v2/images/${capitals.toLowerCase()}`), 404)
  })
}

const runAttributes = async (scene: Scene) => {
  const { actors, images, check } = scene
  for (const [what, attributes] of accepted)
    await check(`${what} is accepted and comes back`, async () => {
      const answer = expectStatus(await actors.owner.api.post('/v2/images', attributes), 201)
      const id = images.remember(stringAt(answer.json, 'id'))
      const shown = await actors.owner.api.get(`/v2/images/${id}`)
      for (const [name, value] of Object.entries(attributes)) expectField(shown, [name], value)
    })
  for (const [what, attributes, status, flag] of refused)
    await checker(scene, flag === 'own')(`${what} is ${status}`, async () => {
      const answer = await actors.owner.api.post('/v2/images', attributes)
      if (answer.status === 201) images.remember(stringAt(answer.json, 'id'))
      expectStatus(answer, status)
    })
  for (const [what, body, flag] of malformed)
    await checker(scene, flag === 'own')(`${what} is 400`, async () => {
      const options = body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }
      expectStatus(await actors.owner.api.send('POST', '/v2/images', options), 400)
    })
  await check('every disk format and container format is accepted', async () => {
    for (const format of diskFormats) await images.queued({ disk_format: format, container_format: 'bare' })
    for (const format of containerFormats) await images.queued({ disk_format: 'raw', container_format: format })
  })
  await check('a tag given twice counts once', async () => {
    const answer = expectStatus(await actors.owner.api.post('/v2/images', { tags: ['b', 'a', 'b'] }), 201)
    const { id, tags } = objectAt(answer.json)
    images.remember(String(id))
    expectEqual(Array.isArray(tags) ? [...tags].sort() : tags, ['a', 'b'], 'the tags')
  })
  await check('128 tags and 128 custom properties are accepted', async () => {
    const numbers = Array.from({ length: 128 }, (_, index) => index)
    await images.queued({ tags: numbers.map((number) => `tag-${number}`) })
    await images.queued(Object.fromEntries(numbers.map((number) => [`p${number}`, 'v'])))
  })
}

const runRights = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, admin } = actors
  await check('the content type of the body is not looked at', async () => {
    const answer = await owner.api.send('POST', '/v2/images', { body: '{}', headers: { 'content-type': 'text/plain' } })
    images.remember(stringAt(expectStatus(answer, 201).json, 'id'))
  })
  await check('one may name the own project as owner', async () => {
    const answer = await owner.api.post('/v2/images', { owner: owner.projectId })
    images.remember(stringAt(expectStatus(answer, 201).json, 'id'))
  })
  await check('an administrator may create for another project, and public', async () => {
    const answer = await admin.api.post('/v2/images', { owner: owner.projectId, visibility: 'public' })
    const id = images.remember(stringAt(expectStatus(answer, 201).json, 'id'))
    expectField(await actors.stranger.api.get(`/v2/images/${id}`), ['owner'], owner.projectId)
  })
  await check('an image without owner is seen by all and changed by administrators only', async () => {
    const answer = await admin.api.post('/v2/images', { owner: null, visibility: 'private' })
    const id = images.remember(stringAt(expectStatus(answer, 201).json, 'id'))
    expectField(expectStatus(await actors.stranger.api.get(`/v2/images/${id}`), 200), ['owner'], null)
    expectStatus(await actors.stranger.api.delete(`/v2/images/${id}`), 403)
    expectStatus(await admin.api.delete(`/v2/images/${id}`), 204)
  })
  await check('a refused image is not there', async () => {
    const id = randomUUID()
    expectStatus(await owner.api.post('/v2/images', { id, status: 'active' }), 403)
    expectStatus(await owner.api.post('/v2/images', { id, min_disk: -1 }), 400)
    expectStatus(await admin.api.get(`/v2/images/${id}`), 404)
    images.remember(stringAt(expectStatus(await owner.api.post('/v2/images', { id }), 201).json, 'id'))
  })
}

export const imagesCreate: Group = {
  name: 'creating images',
  async run(scene) {
    await runDefaults(scene)
    await runIds(scene)
    await runAttributes(scene)
    await runRights(scene)
  },
}
