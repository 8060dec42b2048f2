import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assemble } from '../packages/server/src/assemble.ts'
import { loadConfig } from '../packages/server/src/config.ts'
import { type Part, type Route, routesOf } from '../packages/server/src/http/described-routes.ts'
import { code, note, table } from './markdown.ts'

const withoutDot = (sentence: string): string => sentence.replace(/\.$/, '')

const row = ({ method, path, summary = '', description, needsToken, responses }: Route): string[] => [
  `${code(method)} ${code(path)}`,
  [summary, description]
    .filter((part) => part !== undefined)
    .map(withoutDot)
    .join('. '),
  needsToken ? 'yes' : 'no',
  Object.keys(responses).join(', '),
]

const page = (parts: readonly Part[], routes: readonly Route[]): string => `# Routes

${note}

Every route of a running service, as \`/openapi.json\` and the pages under \`/docs/\` describe them with their bodies. \`token\`
says whether a token must be sent; the last column has the statuses of success. Besides these there are:

- \`GET /\`, \`/versions\`, \`/v2\`, and every path whose first part is no route: the [versions](compatibility.md) of the API;
- \`/v2.N/...\` for every version that is served: the same as \`/v2/...\`;
- \`GET /docs/\` and \`GET /openapi.json\`.

A method that a path does not have is answered with 405 and \`Allow\`, before anything else is looked at. Without a valid token the
answer is 401. Then come, in this order: what is wrong with the request in itself (400, 415), what the caller may not see or is
not there (404), what is not its to do (403), limits (413), and the state of things (409). Each refusal is in
[errors.md](errors.md).

${parts
  .map(({ name, description }) => ({ name, description, own: routes.filter((route) => route.tags?.[0] === name) }))
  .filter(({ own }) => own.length > 0)
  .map(({ name, description, own }) => {
    const head = ['route', 'what it does', 'token', 'answers']
    return `## ${name}\n\n${description}.\n\n${table(head, own.map(row))}`
  })
  .join('\n\n')}
`

/**
 * The page of all routes, read off an assembled service.
 * @throws Error when a route does not say what it does, or is in no part of the description
 */
export const routesPage = async (): Promise<string> => {
  const data = await mkdtemp(join(tmpdir(), 'vitrine-docs-'))
  const config = await loadConfig({ environment: { VITRINE_LOG_LEVEL: 'silent' }, options: { data } })
  const { app, close } = await assemble(config)
  try {
    await app.ready()
    const { parts, routes } = await routesOf(app)
    const silent = routes.filter(({ summary }) => summary === undefined)
    if (silent.length > 0) {
      throw new Error(`Routes without a summary: ${silent.map(({ method, path }) => `${method} ${path}`).join(', ')}`)
    }
    const known = new Set(parts.map(({ name }) => name))
    const unknown = new Set(routes.map(({ tags }) => tags?.[0] ?? '').filter((name) => !known.has(name)))
    if (unknown.size > 0) throw new Error(`Tags that http/openapi.ts does not describe: ${[...unknown].join(', ')}`)
    return page(parts, routes)
  } finally {
    await close()
    await rm(data, { recursive: true, force: true })
  }
}
