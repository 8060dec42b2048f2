import { containerFormats, diskFormats, imageStatuses, memberStatuses, visibilities } from '@vitrine/contract/words'
import { expectEqual, expectMatch, expectStatus, header } from '../expect.ts'
import { type Json, objectAt } from '../json.ts'
import type { Group } from '../suite.ts'
import { metadefSchemas } from './metadef-schemas.ts'
import { collection, describedby, type Schema, string } from './schema-parts.ts'

const uuid = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'

const orNull = (type: string, rest: Schema = {}): Schema => ({ type: ['null', type], ...rest })
const readOnly: Schema = { readOnly: true }

const image: Schema = {
  id: string({ pattern: uuid }),
  name: orNull('string', { maxLength: 255 }),
  status: string({ ...readOnly, enum: [...imageStatuses] }),
  visibility: string({ enum: [...visibilities] }),
  protected: { type: 'boolean' },
  os_hidden: { type: 'boolean' },
  checksum: orNull('string', { ...readOnly, maxLength: 32 }),
  os_hash_algo: orNull('string', { ...readOnly, maxLength: 64 }),
  os_hash_value: orNull('string', { ...readOnly, maxLength: 128 }),
  owner: orNull('string', { maxLength: 255 }),
  size: orNull('integer', readOnly),
  virtual_size: orNull('integer', readOnly),
  container_format: orNull('string', { enum: [null, ...containerFormats] }),
  disk_format: orNull('string', { enum: [null, ...diskFormats] }),
  created_at: string(readOnly),
  updated_at: string(readOnly),
  tags: { type: 'array', items: string({ maxLength: 255 }) },
  direct_url: string(readOnly),
  min_ram: { type: 'integer' },
  min_disk: { type: 'integer' },
  self: string(readOnly),
  file: string(readOnly),
  schema: string(readOnly),
  stores: string(readOnly),
  locations: {
    type: 'array',
    items: {
      type: 'object',
      required: ['url', 'metadata'],
      properties: {
        url: string({ maxLength: 255 }),
        metadata: { type: 'object' },
        validation_data: {
          type: 'object',
          writeOnly: true,
          additionalProperties: false,
          required: ['os_hash_algo', 'os_hash_value'],
          properties: {
            checksum: string({ minLength: 32, maxLength: 32 }),
            os_hash_algo: string({ maxLength: 64 }),
            os_hash_value: string({ maxLength: 128 }),
          },
        },
      },
    },
  },
}

const notBase = (schema: Schema): Schema => ({ ...schema, is_base: false })

/** What the deployment adds to the image schema. */
const imageAdded: Schema = {
  kernel_id: notBase(orNull('string', { pattern: uuid })),
  ramdisk_id: notBase(orNull('string', { pattern: uuid })),
  instance_uuid: notBase(string()),
  architecture: notBase(string()),
  os_distro: notBase(string()),
  os_version: notBase(string()),
  description: notBase(string()),
  cinder_encryption_key_id: notBase(string()),
  cinder_encryption_key_deletion_policy: notBase(string({ enum: ['on_image_deletion', 'do_not_delete'] })),
}

const member: Schema = {
  name: 'member',
  properties: {
    member_id: string(),
    image_id: string({ pattern: uuid }),
    created_at: string(),
    updated_at: string(),
    status: string({ enum: [...memberStatuses] }),
    schema: string(readOnly),
  },
}

const taskListed: Schema = {
  id: string({ pattern: uuid }),
  type: string({ enum: ['import', 'api_image_import', 'location_import'] }),
  status: string({ enum: ['pending', 'processing', 'success', 'failure'] }),
  owner: string(),
  image_id: string(),
  request_id: string(),
  user_id: string(),
  expires_at: orNull('string'),
  created_at: string(),
  updated_at: string(),
  self: string(readOnly),
  schema: string(readOnly),
}
const taskAlone: Schema = { input: orNull('object'), result: orNull('object'), message: string() }

const schemas: { [path: string]: Schema } = {
  member,
  members: collection('members', member, false),
  task: { name: 'task', properties: { ...taskListed, ...taskAlone } },
  tasks: collection('tasks', { name: 'task', properties: taskListed }, false),
  ...metadefSchemas,
}

const imageDocument = (properties: Schema): Schema => ({
  name: 'image',
  properties,
  additionalProperties: string(),
  links: [{ rel: 'self', href: '{self}' }, { rel: 'enclosure', href: '{file}' }, describedby],
})

/**
 * The machine-readable part: without descriptions, with lists whose order means nothing in a fixed one. A `description`
 * that is an object is a property of that name, not a text.
 */
const bare = (value: Json, key = ''): Json => {
  if (Array.isArray(value)) {
    const items = value.map((item) => bare(item))
    const ordered = key === 'enum' && value.includes('pending')
    return ordered ? items : [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, inner]) => name !== 'description' || typeof inner !== 'string')
      .map(([name, inner]) => [name, bare(inner, name)]),
  )
}

export const schemaDocuments: Group = {
  name: 'schemas',
  async run({ actors, check, own }) {
    const { owner, unscoped, nobody } = actors
    const read = async (path: string) => {
      const answer = expectStatus(await owner.api.get(`/v2/schemas/${path}`), 200)
      expectMatch(header(answer, 'content-type'), /^application\/json/, 'Content-Type')
      return answer.json ?? null
    }
    for (const [path, expected] of Object.entries(schemas))
      await check(`the schema ${path} is as published`, async () => {
        expectEqual(bare(await read(path)), bare(expected), path)
      })
    const properties = objectAt(await read('image'), 'properties')
    // Which formats there are is for the deployment to say.
    for (const [name, expected] of Object.entries(image))
      await (name.endsWith('_format') ? own : check)(`${name} in the schema image is as published`, () => {
        expectEqual(bare(properties[name] ?? null), bare(expected), name)
      })
    await check('the schemas image and images are never closed, which would break a client', async () => {
      expectEqual(objectAt(await read('image')).additionalProperties, string(), 'additionalProperties of image')
      expectEqual(Object.hasOwn(objectAt(await read('images')), 'additionalProperties'), false, 'images has such a key')
    })
    const whole = imageDocument({ ...image, ...imageAdded })
    await own('the schema image has the formats and properties of Vitrine', async () => {
      expectEqual(bare(await read('image')), bare(whole), 'image')
    })
    await own('the schema images holds the same items', async () => {
      expectEqual(bare(await read('images')), bare(collection('images', whole, true)), 'images')
    })
    for (const path of ['image', 'images', 'member', 'members', 'task', 'tasks', ...Object.keys(metadefSchemas)]) {
      await check(`the schema ${path} needs a token, but no role`, async () => {
        expectStatus(await nobody.get(`/v2/schemas/${path}`), 401)
        expectStatus(await unscoped.api.get(`/v2/schemas/${path}`), 200)
      })
      await check(`the schema ${path} is only read: 405`, async () => {
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']) {
          const answer = expectStatus(await owner.api.send(method, `/v2/schemas/${path}`), 405)
          expectEqual(header(answer, 'allow'), 'GET', 'Allow')
        }
      })
      if (path !== 'task' && path !== 'tasks')
        await check(`the schema ${path} takes no body: 400`, async () => {
          expectStatus(await owner.api.send('GET', `/v2/schemas/${path}`, { json: {} }), 400)
        })
      await check(`no pattern of the schema ${path} has a #, which would break a client`, async () => {
        if (/"pattern": ?"[^"]*#/.test(JSON.stringify(await read(path)))) throw new Error('a pattern has a #')
      })
    }
  },
}
