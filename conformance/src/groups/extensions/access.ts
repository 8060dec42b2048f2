import type { Answer } from '../../client.ts'
import { expectEqual, expectStatus, header } from '../../expect.ts'
import { dayS, expectRefusal, inSeconds, unique } from '../../extensions.ts'
import { at, type Json, objectAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'
import { fillIn, makeThings, type Things } from './things.ts'

type Row = [method: string, template: string, body?: Json]

/** What a reader may: look. */
const reads: Row[] = [
  ['GET', '/v2/producer'],
  ['GET', '/v2/listings'],
  ['GET', '/v2/listings/{id}'],
  ['GET', '/v2/access-requests'],
  ['GET', '/v2/invitations'],
  ['GET', '/v2/invitations/{id}'],
  ['GET', '/v2/rules'],
  ['GET', '/v2/inbox'],
  ['GET', '/v2/notice-addresses'],
  ['GET', '/v2/webhooks'],
  ['GET', '/v2/webhooks/{id}'],
  ['GET', '/v2/deliveries'],
  ['GET', '/v2/activity'],
  ['GET', '/v2/project-settings'],
  ['GET', '/v2/images/{id}/shares'],
  ['GET', '/v2/images/{id}/withdrawal'],
  ['GET', '/v2/images/{id}/statistics'],
  ['GET', '/v2/images/{id}/explain'],
  ['GET', '/v2/images/{id}/events'],
  ['GET', '/v1/{project_id}/jobs/{job_id}'],
  ['GET', '/v2/keys'],
  ['GET', '/v2/keys/{id}'],
  ['GET', '/v2/keys/{id}/grants'],
  ['GET', '/v2/keys/{id}/events'],
  ['GET', '/v2/images/{id}/encryption'],
  ['GET', '/v2/images/{id}/can-boot'],
]

const until = inSeconds(90 * dayS)

/** What needs the role member, with a body that is good. */
const writesOf = (image: string): Row[] => [
  ['PUT', '/v2/producer', { handle: `conformance-${unique()}`, name: 'A reader' }],
  ['POST', '/v2/listings', { image_id: image, title: 'A title' }],
  ['PATCH', '/v2/listings/{id}', { title: 'Another title' }],
  ['DELETE', '/v2/listings/{id}'],
  ['DELETE', '/v2/listings/{id}/icon'],
  ['POST', '/v2/access-requests', { listing: 'nobody-at-all/nothing', email: 'a@example.org' }],
  ['POST', '/v2/access-requests/{id}/approve', {}],
  ['POST', '/v2/access-requests/{id}/deny', { reason: 'no' }],
  ['POST', '/v2/invitations', { image_id: image }],
  ['DELETE', '/v2/invitations/{id}'],
  ['POST', '/v2/invitation-claims', { code: 'vtr-nothing' }],
  ['POST', '/v2/rules', { kind: 'block', producer: 'nobody' }],
  ['DELETE', '/v2/rules/{id}'],
  ['POST', '/v2/inbox/answers', { answer: 'accepted', images: [crypto.randomUUID()] }],
  ['POST', '/v2/notice-addresses', { email: 'a@example.org' }],
  ['PATCH', '/v2/notice-addresses/{id}', { mode: 'daily' }],
  ['DELETE', '/v2/notice-addresses/{id}'],
  ['POST', '/v2/webhooks', { url: 'https://hooks.example.org/' }],
  ['PATCH', '/v2/webhooks/{id}', { enabled: false }],
  ['DELETE', '/v2/webhooks/{id}'],
  ['POST', '/v2/webhooks/{id}/test'],
  ['POST', '/v2/webhooks/{id}/replay', { since: '2026-01-01T00:00:00Z' }],
  ['POST', '/v2/deliveries/{id}/resend'],
  ['POST', '/v2/feeds'],
  ['DELETE', '/v2/feeds'],
  ['PATCH', '/v2/project-settings', { usage: 'counted' }],
  ['POST', '/v2/shares', { action: 'share', images: [crypto.randomUUID()], projects: ['p'] }],
  ['PATCH', '/v2/images/{id}/shares/{project}', { message: 'm' }],
  ['POST', '/v2/images/{id}/withdrawal', { at: until }],
  ['DELETE', '/v2/images/{id}/withdrawal'],
  ['POST', '/v1/cloudimages/members', { images: [crypto.randomUUID()], projects: ['p'] }],
  ['DELETE', '/v1/cloudimages/members', { images: [crypto.randomUUID()], projects: ['p'] }],
  ['PUT', '/v1/cloudimages/members', { images: [crypto.randomUUID()], project_id: 'p', status: 'accepted' }],
  ['POST', '/v2/keys', { name: 'A key' }],
  ['PATCH', '/v2/keys/{id}', { name: 'Another name' }],
  ['DELETE', '/v2/keys/{id}'],
  ['POST', '/v2/keys/{id}/rotate'],
  ['PUT', '/v2/keys/{id}/grants/{project}'],
  ['DELETE', '/v2/keys/{id}/grants/{project}'],
  ['POST', '/v2/keys/{id}/data-keys'],
  ['POST', '/v2/keys/{id}/unwrap', { wrapped: '1.AAAA' }],
  ['PUT', '/v2/images/{id}/encryption', { key_id: crypto.randomUUID() }],
  ['DELETE', '/v2/images/{id}/encryption'],
  ['POST', '/v2/images/{id}/copies', { name: 'A copy' }],
  // Whoever may not read the bytes has no links to them.
  ['GET', '/v2/images/{id}/links'],
  ['POST', '/v2/images/{id}/links', { expires_in_seconds: 60 }],
  ['PATCH', '/v2/images/{id}/links/{link}', { expires_in_seconds: 60 }],
  ['DELETE', '/v2/images/{id}/links/{link}'],
]

const runRoles = async (scene: Scene, things: Things) => {
  const { actors, own } = scene
  const { ownerReader, unscoped, roleless, nobody } = actors
  const send = (api: typeof nobody, [method, template, body]: Row): Promise<Answer> =>
    api.send(method, fillIn(template, things), body === undefined ? {} : { json: body })
  const writes = writesOf(things.images ?? '')
  for (const row of [...reads, ...writes]) {
    const [method, template, body] = row
    // Who has no project or no known role sees no image, and is told as much.
    const statuses = /images\/\{id\}/.test(template) || at(body, 'image_id') !== undefined ? [403, 404] : [403]
    await own(`${method} ${template}: 401 without a token, 403 without a project or a known role`, async () => {
      expectStatus(await send(nobody, row), 401)
      expectStatus(
        await nobody.send(method, fillIn(template, things), { token: 'nobody', ...(body ? { json: body } : {}) }),
        401,
      )
      expectStatus(await send(unscoped.api, row), ...statuses)
      if (typeof roleless !== 'string') expectStatus(await send(roleless.api, row), ...statuses)
    })
  }
  for (const row of reads)
    await own(`${row[0]} ${row[1]}: a reader may`, async () => {
      expectStatus(await send(ownerReader.api, row), 200)
    })
  for (const row of writes)
    await own(`${row[0]} ${row[1]}: a reader may not`, async () => {
      expectStatus(await send(ownerReader.api, row), 403)
    })
}

const shape = (template: string) => template.replace(/\{\w+\}/g, '{}')

/** Calls of the Image API itself, which groups of their own try, and what is neither JSON nor there to be looked at. */
const triedElsewhere = [
  /^GET \/v2\/(schemas\/|activity\/stream$|access-requests\/\{\}$)/,
  /^PUT \/v2\/listings\/\{\}\/icon$/,
  /^\w+ \/v2\/images(\/\{\}(\/(file|stage|import|locations|tasks|actions\/\w+|(tags|members)(\/\{\})?))?)?$/,
  /^\w+ \/v2\/metadefs\//,
  /^\w+ \/v2\/cache(\/|$)/,
  /^\w+ \/v2\/(tasks(\/\{\})?|stores\/\{\}\/\{\}|info\/\w+(\/detail)?)$/,
]

const runComplete = async (scene: Scene) => {
  const { own } = scene
  await own('every call that the service describes is tried with every role', async () => {
    const tried = new Set([...reads, ...writesOf('')].map(([method, template]) => `${method} ${shape(template)}`))
    const calls = (await described(scene, '/v2/', '/v1/')).flatMap(({ template, methods }) =>
      methods.map((method) => `${method} ${shape(template)}`),
    )
    expectEqual(
      calls.filter((call) => !tried.has(call) && !triedElsewhere.some((form) => form.test(call))),
      [],
      'the calls that stand in no table',
    )
  })
}

/** What an administrator meets: images and listings of everyone, but of other projects' own affairs nothing. */
const administration: [template: string, status: number][] = [
  ['/v2/images/{id}/shares', 200],
  ['/v2/images/{id}/withdrawal', 200],
  ['/v2/images/{id}/statistics', 200],
  ['/v2/images/{id}/explain', 200],
  ['/v2/images/{id}/events', 200],
  ['/v2/listings/{id}', 200],
  ['/v2/invitations/{id}', 404],
  ['/v2/webhooks/{id}', 404],
  ['/v2/keys/{id}', 404],
  ['/v2/keys/{id}/grants', 404],
  ['/v2/keys/{id}/events', 404],
  ['/v2/images/{id}/encryption', 200],
  ['/v2/images/{id}/can-boot', 200],
  ['/v1/{project_id}/jobs/{job_id}', 404],
]

const runAdministrator = async (scene: Scene, things: Things) => {
  const { actors, own } = scene
  const { admin } = actors
  for (const [template, status] of administration)
    await own(`GET ${template} of another project by the administrator is ${status}`, async () => {
      expectStatus(await admin.api.get(fillIn(template, things)), status)
    })
  for (const [, template] of reads.filter(([, path]) => !path.includes('{') && path !== '/v2/producer'))
    await own(`GET ${template} by the administrator is about its own project`, async () => {
      const { text } = expectStatus(await admin.api.get(template), 200)
      for (const kind of ['listings', 'invitations', 'rules', 'webhooks', 'deliveries', 'keys'])
        expectEqual(text.includes(`"id":"${things[kind]}"`), false, `it has the ${kind} of another`)
    })
}

const garbage: [what: string, body: string | Uint8Array, ...statuses: number[]][] = [
  ['no JSON', '{"a":', 400],
  ['text', 'hello', 400],
  ['form fields', 'a=b&c=d', 400],
  ['an array', '[]', 400],
  ['a number', '5', 400],
  ['a text of JSON', '"text"', 400],
  ['null', 'null', 400],
  ['an unknown key', '{"no_such_key":1}', 400],
  ['a prototype', '{"__proto__":{"admin":true}}', 400],
  ['a constructor', '{"constructor":{"prototype":{"admin":true}}}', 400],
  ['depth', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 400],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 400],
  ['a byte order mark and nothing', '\ufeff', 400],
  ['2 MiB', `{"message":"${'m'.repeat(2 ** 21)}"}`, 413],
]

const runGarbage = async (scene: Scene, things: Things) => {
  const { actors, own } = scene
  for (const [method, template, body] of writesOf(things.images ?? '')) {
    if (body === undefined) continue
    const path = fillIn(template, things)
    await own(`${method} ${template} refuses every body that is none`, async () => {
      for (const [what, bytes, ...statuses] of garbage) {
        const answer = await actors.owner.api.send(method, path, {
          body: bytes,
          headers: { 'content-type': 'application/json' },
        })
        // The batch calls know no 413.
        const expected = template.startsWith('/v1/') ? [...statuses, 400] : statuses
        if (!expected.includes(answer.status))
          throw new Error(`${what}: ${answer.status} with ${answer.text.slice(0, 200)}`)
      }
      if (!/(approve|encryption|copies|links(\/\{link\})?)$/.test(template))
        expectStatus(await actors.owner.api.send(method, path), 400)
    })
  }
}

interface Operation {
  template: string
  methods: string[]
}

/** Calls of shapes of their own, which other groups try. */
const hasOwnGroup = (template: string): boolean =>
  /^\/v2\/(metadefs\/|cache(\/|$)|images\/\{imageId\}\/uploads)/.test(template)

/** Every path that the service itself describes, below some first segments. */
const described = async (scene: Scene, ...firsts: string[]): Promise<Operation[]> => {
  const { json } = expectStatus(await scene.actors.nobody.get('/openapi.json'), 200)
  return Object.entries(objectAt(json, 'paths'))
    .map(([template, methods]) => ({
      template,
      methods: Object.keys(objectAt(methods)).map((name) => name.toUpperCase()),
    }))
    .filter(({ template }) => firsts.some((first) => template.startsWith(first)) && !hasOwnGroup(template))
}

const everyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

const runMethods = async (scene: Scene, things: Things) => {
  const { actors, own } = scene
  for (const { template, methods } of await described(scene, '/v2/', '/v1/')) {
    const refused = everyMethod.filter((method) => !methods.includes(method))
    await own(`${template} takes ${methods.join(', ')}, and nothing else`, async () => {
      const path = fillIn(template, things)
      for (const method of refused) {
        const answer = await actors.owner.api.send(method, path)
        expectStatus(answer, 405)
        const allow = (header(answer, 'allow') ?? '').split(',').map((name) => name.trim())
        expectEqual(
          methods.filter((name) => !allow.includes(name)),
          [],
          `what Allow of ${method} ${template} lacks`,
        )
        expectEqual(allow.includes(method), false, `Allow names ${method}`)
      }
    })
  }
}

const patchTypes = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

/** A good body for a call of metadata definitions. */
const metadefBody = (method: string, template: string): { json?: Json } => {
  const [, kind, part] = /\{namespace\}(?:\/(\w+))?(?:\/(\{name\}))?$/.exec(template) ?? []
  if (kind === undefined) return { json: { namespace: 'mine' } }
  if (kind === 'properties') return { json: { name: 'mine', title: 'Mine', type: 'string' } }
  if (kind !== 'tags') return { json: { name: 'mine' } }
  if (part === undefined) return { json: { tags: [{ name: 'mine' }] } }
  return method === 'PUT' ? { json: { name: 'mine' } } : {}
}

/** A good body for a call that takes one, by the end of its path. */
const bodyFor = (
  method: string,
  template: string,
): { json?: Json; body?: string; headers?: Record<string, string> } => {
  if (method === 'GET' || method === 'DELETE') return {}
  if (template.startsWith('/v2/metadefs/')) return metadefBody(method, template)
  if (method === 'PATCH' && template === '/v2/images/{imageId}')
    return { body: '[{"op":"replace","path":"/name","value":"mine"}]', headers: patchTypes }
  if (/\/(file|stage)$/.test(template)) return { body: 'x', headers: { 'content-type': 'application/octet-stream' } }
  if (template.endsWith('/icon')) return { body: 'x', headers: { 'content-type': 'image/png' } }
  if (/\/(actions\/\w+|tags\/\{\w+\}|grants\/\{\w+\}|test|resend|rotate|data-keys)$/.test(template)) return {}
  if (template.endsWith('/import')) return { json: { method: { name: 'glance-direct' } } }
  if (template.endsWith('/locations')) return { json: { url: 'http://images.invalid/disk.raw' } }
  if (method === 'POST' && template.endsWith('/members')) return { json: { member: 'mine' } }
  if (method === 'PUT' && /\/members\/\{\w+\}$/.test(template)) return { json: { status: 'accepted' } }
  const known = writesOf(crypto.randomUUID()).find(([verb, path]) => verb === method && shape(path) === shape(template))
  if (known?.[2] === undefined) throw new Error(`there is no body for ${method} ${template}: add one`)
  return { json: known[2] }
}

/** Ids that nobody has, in the same forms. */
const absentThings = (things: Things): Things =>
  Object.fromEntries(
    Object.entries(things).map(([kind, id]) => [kind, /^[0-9a-f-]{36}$/.test(id) ? crypto.randomUUID() : id]),
  )

const runForeign = async (scene: Scene, things: Things) => {
  const { actors, own } = scene
  const { stranger, strangerReader, owner } = actors
  const operations = await described(scene, '/v2/', '/v1/')
  const absent = absentThings(things)
  const masked = (text: string) =>
    [...Object.values(things), ...Object.values(absent)].reduce((rest, id) => rest.replaceAll(id, 'ID'), text)
  for (const { template, methods } of operations) {
    // Schemas are everybody's, and tasks are for administrators, whosever they are.
    if (!template.includes('{') || /^\/v2\/(schemas|tasks)\//.test(template)) continue
    for (const method of methods)
      await own(`${method} ${template} of another project is 404, as of what is not there`, async () => {
        const options = bodyFor(method, template)
        const foreign = await stranger.api.send(method, fillIn(template, things), options)
        const unknown = await stranger.api.send(method, fillIn(template, absent), options)
        // The icon is looked at before its listing is looked up, as every body is.
        const statuses = template.endsWith('/icon') && method === 'PUT' ? [404, 400, 415] : [404]
        expectStatus(foreign, ...statuses)
        expectEqual(masked(foreign.text), masked(unknown.text), 'the answer')
        if (method === 'GET') expectStatus(await strangerReader.api.get(fillIn(template, things)), 404)
      })
  }
  await own('after all of these calls everything is as it was', async () => {
    const image = expectStatus(await owner.api.get(`/v2/images/${things.images}`), 200)
    expectEqual([at(image.json, 'name'), at(image.json, 'tags')], ['conformance', ['kept']], 'name and tags')
    for (const kind of ['listings', 'invitations', 'webhooks', 'keys'])
      expectStatus(await owner.api.get(`/v2/${kind}/${things[kind]}`), 200)
    expectEqual(
      objectAt(await owner.api.get(`/v2/invitations/${things.invitations}`).then(({ json }) => json)).state,
      'open',
      'the invitation',
    )
  })
  await own('an invitation or listing for the image of another is 404', async () => {
    const image = things.images ?? ''
    expectRefusal(await stranger.api.post('/v2/invitations', { image_id: image }), 404)
    expectRefusal(await stranger.api.post('/v2/listings', { image_id: image, title: 'Mine' }), 404, 409)
  })
}

export const extensionRoles: Group = {
  name: 'roles on the extensions',
  own: true,
  async run(scene) {
    const things = await makeThings(scene)
    await runComplete(scene)
    await runRoles(scene, things)
    await runAdministrator(scene, things)
  },
}

export const extensionRequests: Group = {
  name: 'methods and bodies of the extensions',
  own: true,
  async run(scene) {
    const things = await makeThings(scene)
    await runMethods(scene, things)
    await runGarbage(scene, things)
  },
}

export const foreignThings: Group = {
  name: 'things of other projects',
  own: true,
  async run(scene) {
    const things = await makeThings(scene)
    // A stranger sees an image that is shared with others as little as a private one.
    await runForeign(scene, things)
  },
}
