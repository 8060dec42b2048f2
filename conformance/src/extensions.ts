import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Actor } from './actors.ts'
import type { Answer, Client } from './client.ts'
import { expectStatus, header } from './expect.ts'
import { at, type Json, listAt, objectAt, stringAt } from './json.ts'
import type { Scene } from './suite.ts'

/** What groups about the extensions have in common: instants, profiles, listings, and what pages must not hold. */

type Body = { [key: string]: Json }

/** An instant so many seconds from now, as the extensions write it. */
export const inSeconds = (seconds: number): string =>
  new Date(Math.ceil(Date.now() / 1000) * 1000 + seconds * 1000).toISOString().replace('.000Z', 'Z')

export const dayS = 86_400

/** A word that nobody else has: for titles, names, handles. */
export const unique = (): string => `c${randomBytes(6).toString('hex')}`

/** PATCH of an extension: a JSON document, not a list of operations. */
export const change = (api: Client, path: string, json: Json): Promise<Answer> => api.send('PATCH', path, { json })

/** Fails unless the answer is an error of the form that every error has, and gives its message. */
export const expectRefusal = (answer: Answer, ...statuses: number[]): string => {
  expectStatus(answer, ...statuses)
  const { code, message } = objectAt(answer.json, 'error')
  assert.equal(code, answer.status, `${answer.request}: the code in the error`)
  assert.match(String(message), /^[^<>]{10,}$/, `${answer.request}: the message of the error`)
  return String(message)
}

/** Where a link that the service gave leads, for the clients of this suite. */
export const pathOf = (scene: Scene, address: string): string => {
  const prefix = scene.endpoint.pathname.replace(/\/+$/, '')
  const { pathname, search } = new URL(address, scene.endpoint)
  return (pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname) + search
}

/** The handle of an actor's profile in the catalogue; one is made if there is none. A profile cannot be deleted. */
export const handleOf = async (actor: Actor): Promise<string> => {
  const known = await actor.api.get('/v2/producer')
  if (known.status === 200) return stringAt(known.json, 'handle')
  const handle = `conformance-${unique()}`
  const made = await actor.api.put('/v2/producer', { handle, name: `Conformance ${handle}` })
  return stringAt(expectStatus(made, 200, 201).json, 'handle')
}

/** Announces an image, and has the listing withdrawn in the end. The answer is that of the call. */
export const publish = async (scene: Scene, imageId: string, fields: Body = {}, by = scene.actors.owner) => {
  await handleOf(by)
  const answer = await by.api.post('/v2/listings', { image_id: imageId, title: `Conformance ${unique()}`, ...fields })
  if (answer.status === 201) {
    const id = stringAt(answer.json, 'id')
    scene.afterwards(() => by.api.delete(`/v2/listings/${id}`))
  }
  return answer
}

/** The same, where it must succeed: what later calls need of it. */
export const published = async (scene: Scene, imageId: string, fields?: Body, by?: Actor) => {
  const { json } = expectStatus(await publish(scene, imageId, fields, by), 201)
  return { id: stringAt(json, 'id'), path: stringAt(json, 'path'), title: stringAt(json, 'title') }
}

/** Makes a rule that ends with the group. */
export const ruled = async (scene: Scene, by: Actor, body: Body): Promise<string> => {
  const id = stringAt(expectStatus(await by.api.post('/v2/rules', body), 201).json, 'id')
  scene.afterwards(() => by.api.delete(`/v2/rules/${id}`))
  return id
}

/** Every item of a list that comes in pages, walked by its `next` links. */
export const walk = async (api: Client, path: string, key: string): Promise<Json[]> => {
  const items: Json[] = []
  let next: string | undefined = path
  for (let pages = 0; next !== undefined; pages++) {
    assert.ok(pages < 1000, `${path}: the pages do not end`)
    const { json } = expectStatus(await api.get(next), 200)
    items.push(...listAt(json, key))
    const link = at(json, 'next')
    next = typeof link === 'string' ? link : undefined
  }
  return items
}

/** What an actor's inbox holds of some images: items by the id of their image. */
export const inboxOf = async (actor: Actor, status = 'pending'): Promise<Map<string, Json>> => {
  const items = await walk(actor.api, `/v2/inbox?status=${status}&limit=1000`, 'items')
  return new Map(
    items.filter((item) => at(item, 'kind') === 'share').map((item) => [stringAt(item, 'image', 'id'), item]),
  )
}

const directives = (policy: string): Map<string, string> =>
  new Map(
    policy
      .split(';')
      .map((directive) => directive.trim().split(/\s+/))
      .map(([name = '', ...values]) => [name, values.join(' ')]),
  )

interface Tag {
  name: string
  attributes: Map<string, string>
}

/** The tags of a page, with their attributes as they stand there. */
const tagsOf = (html: string): Tag[] =>
  [...html.matchAll(/<([a-z][\w-]*)((?:[\s/]+[^\s=>"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?)*)\s*\/?>/gi)].map(
    ([, name = '', rest = '']) => ({
      name: name.toLowerCase(),
      attributes: new Map(
        [...rest.matchAll(/([^\s/=>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/g)].map(
          ([, attribute = '', double, single, bare]) => [attribute.toLowerCase(), double ?? single ?? bare ?? ''],
        ),
      ),
    }),
  )

const forbiddenTags = [
  'script',
  'iframe',
  'object',
  'embed',
  'style',
  'base',
  'svg',
  'math',
  'video',
  'audio',
  'applet',
]

const tagFault = ({ name, attributes }: Tag): string | undefined => {
  if (forbiddenTags.includes(name)) return `a tag ${name}`
  for (const [attribute, value] of attributes) {
    if (attribute.startsWith('on') || attribute === 'style' || attribute === 'srcdoc')
      return `${name} with ${attribute}`
    const link = attribute === 'href' ? /^(https?:\/\/|\/(?!\/)|#|mailto:)/i : /^\/(?!\/)/
    if (['href', 'src', 'action', 'formaction', 'poster', 'srcset'].includes(attribute) && !link.test(value))
      return `${name} with ${attribute}="${value}"`
    if (name === 'link' && attribute === 'href' && !value.startsWith('/')) return `a link to ${value}`
  }
  return undefined
}

/** Fails unless a page is HTML that can neither run a script nor load from elsewhere, nor be framed. */
export const expectSafePage = (answer: Answer): void => {
  const { request } = answer
  assert.match(header(answer, 'content-type') ?? '', /^text\/html; ?charset=utf-8$/i, `${request}: Content-Type`)
  assert.equal(header(answer, 'x-content-type-options'), 'nosniff', `${request}: X-Content-Type-Options`)
  const policy = directives(header(answer, 'content-security-policy') ?? '')
  assert.match(policy.get('default-src') ?? '', /^'(none|self)'$/, `${request}: default-src`)
  for (const [name, values] of policy)
    assert.doesNotMatch(values, /unsafe|\*|https?:|data:/, `${request}: ${name} of the policy`)
  assert.equal(policy.get('frame-ancestors'), "'none'", `${request}: frame-ancestors`)
  assert.equal(policy.get('base-uri'), "'none'", `${request}: base-uri`)
  for (const tag of tagsOf(answer.text)) assert.equal(tagFault(tag), undefined, `${request}: ${tagFault(tag)}`)
}

/** Fails unless an answer may be kept by nobody, and its address goes nowhere. */
export const expectPrivate = (answer: Answer): void => {
  assert.match(header(answer, 'cache-control') ?? '', /no-store/, `${answer.request}: Cache-Control`)
  assert.equal(header(answer, 'referrer-policy'), 'no-referrer', `${answer.request}: Referrer-Policy`)
}

/** Fails unless XML is well-formed as far as tags, attributes and references go; gives the names of its elements. */
export const expectWellFormed = (answer: Answer): string[] => {
  const open: string[] = []
  const names: string[] = []
  const { text, request } = answer
  const token = /<\?[^>]*\?>|<(\/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>|([^<]+)|(<)/g
  for (const [whole, closing, name = '', , empty, textPart, stray] of text.matchAll(token)) {
    assert.equal(stray, undefined, `${request}: a stray < in the feed`)
    assert.doesNotMatch(
      textPart ?? whole,
      /&(?!(amp|lt|gt|quot|apos|#\d+|#x[0-9a-f]+);)/i,
      `${request}: a stray & in the feed`,
    )
    // XML 1.0 has no room for them.
    for (const letter of whole) assert.ok(letter >= ' ' || '\t\r\n'.includes(letter), `${request}: a control character`)
    if (name === '') continue
    if (closing === '/') assert.equal(open.pop(), name, `${request}: elements cross`)
    else {
      names.push(name)
      if (empty !== '/') open.push(name)
    }
  }
  assert.deepEqual(open, [], `${request}: elements that do not end`)
  return names
}
