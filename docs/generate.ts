import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorDocument, errorTable, errorText, errorTitle } from '@vitrine/contract'
import { ExitCode, exitCodeForStatus } from '../packages/cli/src/exit-codes.ts'
import { httpError } from '../packages/sdk/src/errors.ts'
import { ConfigSchema, LimitsSchema, loadConfig } from '../packages/server/src/config.ts'
import { withLimits } from './limits-table.ts'
import { code, note, table } from './markdown.ts'
import { routesPage } from './routes-page.ts'

/**
 * Writes the pages of the reference that are only another view of the code. With `--check` it writes nothing and ends
 * with 1 when a page is not what it would write.
 */
const folder = join(import.meta.dirname, 'reference')

const errorRows = Object.entries(errorTable)
const statuses = [...new Set(errorRows.map(([, { status }]) => status))].sort((one, other) => one - other)

const exitCodeName = (status: number): string => {
  const exitCode = exitCodeForStatus(status)
  const name = Object.entries(ExitCode).find(([, value]) => value === exitCode)?.[0] ?? ''
  return `${exitCode} (${name})`
}

/** What the SDK throws for this status, found by making one. */
const sdkClass = (status: number): string =>
  httpError({ status, reason: '', requestId: undefined, body: null, method: 'GET', url: '', retryAfter: undefined })
    .name

const example = errorDocument(404, errorText('image_not_found', { image: '0c4d7f6e-5a51-4b0e-8f4d-1f6a1f0d2b11' }))

const errorsPage = (): string => `# Errors

${note}

Every refusal has the same form. It says what happened, why, and, where there is something to do, what to do next.

\`\`\`json
${JSON.stringify(example, null, 2)}
\`\`\`

${table(
  ['`Accept` of the request', 'form of the error'],
  [
    ['absent, empty, `*/*`, or with `application/json`', 'the JSON above'],
    ['with `text/html` and without `application/json`', 'a small HTML page'],
    ['only `text/plain`', 'status and title, an empty line, the message'],
  ],
)}

The embedded identity service answers errors as JSON whatever \`Accept\` says. Messages hold no markup. Nothing in a
message tells of an image that the caller may not see: an image that does not exist and one that is not for the caller
get the same answer.

## By status

What the [SDK](sdk.md) throws and what the [command](cli.md) ends with follow from the status. Every class of the SDK is
an \`HttpError\`.

${table(
  ['status', 'title', 'SDK', 'exit code of `vitrine`'],
  statuses.map((status) => [String(status), errorTitle(status), code(sdkClass(status)), exitCodeName(status)]),
)}

## All errors

The name is that of the row in \`packages/contract/src/errors.ts\`. It is not part of the answer; the event
\`image.upload_failed\` carries it as \`reason\`. Words in braces are filled in.

${statuses
  .map((status) => {
    const rows = errorRows.filter(([, entry]) => entry.status === status)
    return `### ${status} ${errorTitle(status)}\n\n${table(
      ['name', 'what happened', 'what to do next'],
      rows.map(([name, { message, next }]) => [code(name), message, next]),
    )}`
  })
  .join('\n\n')}
`

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const kindOf = (schema: object): string => {
  if ('enum' in schema && Array.isArray(schema.enum)) return schema.enum.map((word) => code(text(word))).join(', ')
  const kind = 'type' in schema ? text(schema.type) : ''
  return 'minimum' in schema ? `${kind}, at least ${text(schema.minimum)}` : kind
}

const descriptionOf = (schema: object): string => ('description' in schema ? text(schema.description) : '')

const settingRows = (
  properties: Readonly<Record<string, object>>,
  values: Readonly<Record<string, unknown>>,
  name: (key: string) => readonly string[],
) =>
  Object.entries(properties).map(([key, schema]) => [
    ...name(key),
    kindOf(schema),
    values[key] === undefined ? '' : code(text(values[key])),
    descriptionOf(schema),
  ])

const settingsPage = async (): Promise<string> => {
  // The defaults that depend on others are those of a start without any setting.
  const bare = await loadConfig({ environment: {}, options: { data: '/DATA' } })
  const { limits, ...defaults } = JSON.parse(JSON.stringify(bare).replaceAll('/DATA', 'DATA'))
  const { limits: _limits, ...properties } = ConfigSchema.properties
  return `# Settings

${note}

A setting is taken from the first of these that has it:

1. the options of \`vitrine serve\`: \`--listen\`, \`--data\`;
2. the environment;
3. the YAML file named by \`--config\`;
4. the default.

An unknown key in the file ends the start with an error that names it. An unknown variable that begins with \`VITRINE_\`
is logged as a warning. An empty variable counts as not set.

${table(
  ['key', 'variable', 'kind', 'default', 'what it is'],
  settingRows(properties, { ...defaults, data: './data' }, (key) => [code(key), code(`VITRINE_${key.toUpperCase()}`)]),
)}

\`DATA\` stands for the folder of the setting \`data\`.

## Limits

Under the key \`limits\` of the file; there are no variables for them. -1 is unlimited. What each one means to clients is
told in [limits.md](limits.md).

${table(
  ['key', 'kind', 'default', 'what it is'],
  settingRows(LimitsSchema.properties, limits, (key) => [code(key)]),
)}

## A file

\`\`\`yaml
listen: 127.0.0.1:9292
public_url: https://images.example.org
data: /var/lib/vitrine
database_url: postgres://vitrine@db.example.org/vitrine
stores: fast=file:///srv/images,slow=file:///mnt/images
limits:
  members_per_image: 500
  project_storage_bytes: 1099511627776
\`\`\`
`
}

const pages: Readonly<Record<string, string>> = {
  'errors.md': errorsPage(),
  'settings.md': await settingsPage(),
  'routes.md': await routesPage(),
  'limits.md': withLimits(await readFile(join(folder, 'limits.md'), 'utf8')),
}

const stale: string[] = []
for (const [name, wanted] of Object.entries(pages)) {
  const path = join(folder, name)
  const found = await readFile(path, 'utf8').catch(() => '')
  if (found === wanted) continue
  stale.push(`docs/reference/${name}`)
  if (!process.argv.includes('--check')) await writeFile(path, wanted)
}

if (stale.length > 0 && process.argv.includes('--check')) {
  console.error(`Not what the code says: ${stale.join(', ')}. Run: node docs/generate.ts`)
  process.exitCode = 1
}
