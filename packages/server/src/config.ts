import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import type { KeystoneCredentials } from './identity/keystone-client.ts'

const count = (byDefault: number, description: string) =>
  Type.Optional(Type.Integer({ minimum: -1, default: byDefault, description }))

/** Limits that clients meet. -1 is unlimited, 0 allows none. */
export const LimitsSchema = Type.Object(
  {
    page_size: Type.Optional(Type.Integer({ minimum: 1, default: 25, description: 'Items on a page by default.' })),
    page_size_max: Type.Optional(Type.Integer({ minimum: 1, default: 1000, description: 'Items on a page at most.' })),
    members_per_image: count(128, 'Projects that an image can be shared with.'),
    properties_per_image: count(128, 'Custom properties of an image.'),
    property_characters_per_image: Type.Optional(
      Type.Integer({ minimum: 65_791, default: 131_072, description: 'Characters of all properties of an image.' }),
    ),
    tags_per_image: count(128, 'Tags of an image.'),
    images_per_project: count(10_000, 'Images that a project can own.'),
    image_size_bytes: Type.Optional(
      Type.Integer({ minimum: 1, default: 1024 ** 4, description: 'Largest image, in bytes.' }),
    ),
    virtual_size_bytes: count(64 * 1024 ** 4, 'Largest disk that an image may hold, in bytes.'),
    project_storage_bytes: count(-1, 'Bytes of images that a project can store.'),
    project_staged_bytes: count(-1, 'Bytes of a project that can wait for their import.'),
    uploads_per_project: count(-1, 'Images of a project that bytes can arrive for at the same time.'),
    listings_per_project: count(200, 'Images that a project can announce in the catalogue.'),
    invitations_per_project: count(1000, 'Invitations of a project that can still be claimed.'),
    notice_addresses_per_project: count(20, 'Mailboxes that a project has told of its notices.'),
    webhooks_per_project: count(10, 'Webhooks of a project.'),
    keys_per_project: count(100, 'Keys of a project.'),
    links_per_project: count(100, 'Links to bytes of images that work at a time, of a project.'),
    link_seconds_max: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: 86_400,
        description: 'Longest time that a link works before it is renewed.',
      }),
    ),
    rules_per_project: count(500, 'Rules of a project.'),
    metadef_namespaces: count(1000, 'Namespaces of metadata definitions.'),
    metadef_resource_types: count(1000, 'Resource types that metadata definitions are for.'),
    metadef_parts_per_namespace: count(1000, 'Objects of a namespace; and as many properties, tags, resource types.'),
    metadef_characters_per_namespace: count(1_000_000, 'Characters of the objects and properties of a namespace.'),
    requests_per_email_day: count(5, 'Requests for access a day from one mailbox.'),
    requests_per_network_hour: count(20, 'Requests for access an hour from one IPv4 address or IPv6 /64.'),
    requests_per_listing_hour: count(100, 'Requests for access an hour to one listing.'),
    new_shares_per_project_hour: count(
      5000,
      'Shares an hour that one project can begin of which consumers are told by mail; more are made silently.',
    ),
    notice_mails_per_pair_day: count(20, 'Mails a day to one mailbox about one producer; more wait for a digest.'),
    upload_idle_seconds: Type.Optional(
      Type.Integer({ minimum: 1, default: 120, description: 'Longest pause of a client within a transfer.' }),
    ),
    upload_resumable_hours: Type.Optional(
      Type.Integer({ minimum: 1, default: 24, description: 'Hours that a resumable upload waits for its next byte.' }),
    ),
  },
  { additionalProperties: false },
)
export type Limits = Required<Static<typeof LimitsSchema>>

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))

/** How the service itself authenticates with a Keystone, to have the tokens of its callers checked. */
const keystoneSettings = {
  identity_public_url: text('Where clients reach the Keystone, if not at `identity`.'),
  identity_username: text('User of the service in the Keystone; it needs the role service or admin.'),
  identity_password: text('Password of that user.'),
  identity_project: text('Project of that user.'),
  identity_domain: Type.Optional(Type.String({ default: 'Default', description: 'Domain of that user and project.' })),
  identity_application_credential_id: text('Application credential of the service, instead of user and password.'),
  identity_application_credential_secret: text('Secret of that application credential.'),
}

export const ConfigSchema = Type.Object(
  {
    listen: Type.Optional(
      Type.String({ default: '127.0.0.1:9292', description: 'Host and port to listen on; port 0 takes a free one.' }),
    ),
    public_url: Type.Optional(
      Type.String({
        pattern: '^https?://[^/?#]+$',
        description: 'Where clients reach the service, if not at its Host.',
      }),
    ),
    trusted_proxies: Type.Optional(
      Type.String({
        description: 'Addresses or networks of proxies whose X-Forwarded headers count, separated by commas.',
      }),
    ),
    data: Type.Optional(
      Type.String({ default: './data', description: 'Folder of everything that the service keeps.' }),
    ),
    database_url: Type.Optional(
      Type.String({ description: 'sqlite:PATH or postgres://...; by default sqlite in the data folder.' }),
    ),
    stores: Type.Optional(
      Type.String({
        description:
          'Where bytes are kept: name=file:///dir or name=s3://bucket/prefix?endpoint=URL, separated by commas; the first is the default. Each may have the parameters `description` and `weight`.',
      }),
    ),
    identity: Type.Optional(Type.String({ default: 'embedded', description: '`embedded` or the URL of a Keystone.' })),
    ...keystoneSettings,
    admin_password: Type.Optional(
      Type.String({ minLength: 1, description: 'Password of admin at the first start; otherwise one is made.' }),
    ),
    log_level: Type.Optional(
      Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
        default: 'info',
        description: 'Least level logged.',
      }),
    ),
    hash_algorithm: Type.Optional(
      Type.Enum(['sha512', 'sha256', 'sha1', 'md5'], { default: 'sha512', description: 'Algorithm of os_hash_value.' }),
    ),
    format_check: Type.Optional(
      Type.Boolean({ default: true, description: 'Refuse bytes that do not match disk_format.' }),
    ),
    cache_size_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        default: 10 * 1024 ** 3,
        description:
          'Bytes that copies of images may have in the folder `cache` of the data folder: of images in S3 those that are read, of others those that an administrator names. 0: none.',
      }),
    ),
    import_methods: Type.Optional(
      Type.String({
        default: 'glance-direct,web-download,copy-image',
        description:
          'Ways to import bytes, separated by commas; with `regions` also `glance-download`; `none` for none.',
      }),
    ),
    regions: text('Other regions of the cloud, to import images from: name=https://HOST:PORT, separated by commas.'),
    web_locations: Type.Optional(
      Type.Boolean({ default: false, description: 'Take http addresses as locations of images, and copy the bytes.' }),
    ),
    allow_owner_transfer: Type.Optional(
      Type.Boolean({ default: false, description: 'Let an owner give an image away by PATCH add /owner.' }),
    ),
    key_manager: Type.Optional(
      Type.String({
        default: 'embedded',
        pattern: '^(embedded|none|https?://[^?#]+)$',
        description:
          'Who keeps the keys of encrypted images: `embedded`, the URL of a Barbican, or `none`, which asks nobody.',
      }),
    ),
    master_key: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9+/]{43}=$',
        description: 'What the embedded key manager seals all keys with: 32 random bytes in base64.',
      }),
    ),
    master_key_file: text('File with the master key instead, made at the first start; by default in the data folder.'),
    master_key_previous: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9+/]{43}=$',
        description: 'The master key before this one, for as long as it takes to seal everything anew.',
      }),
    ),
    certificates: text(
      'Folder of the certificates that images are signed with, as UUID.pem; by default `certificates` in the data folder. A Barbican keeps its own.',
    ),
    smtp_url: Type.Optional(
      Type.String({
        pattern: '^smtps?://',
        description: 'Mail server: smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the start.',
      }),
    ),
    mail_from: text(
      'Sender of mails: an address, or `Name <address>`; by default vitrine@ and the host of public_url.',
    ),
    outbound_allow: text(
      'Networks inside which webhooks may be called, separated by commas; by default only public addresses.',
    ),
    import_schemes_allowed: Type.Optional(
      Type.String({
        default: 'http,https',
        description: 'Schemes of addresses that images are imported from; `any` counts import_schemes_denied instead.',
      }),
    ),
    import_schemes_denied: text('Schemes that images are not imported from, if import_schemes_allowed is `any`.'),
    import_hosts_allowed: text(
      'Hosts that images are imported from, separated by commas; `*.example.org` is every name below that one. By default all.',
    ),
    import_hosts_denied: text('Hosts that images are not imported from, if import_hosts_allowed is not set.'),
    import_ports_allowed: Type.Optional(
      Type.String({
        default: '80,443',
        description: 'Ports that images are imported from; `any` counts import_ports_denied instead.',
      }),
    ),
    import_ports_denied: text('Ports that images are not imported from, if import_ports_allowed is `any`.'),
    import_allow: text(
      'Networks inside which images may be imported from, separated by commas; by default only public addresses.',
    ),
    notices_of_new_listings: Type.Optional(
      Type.Boolean({ default: true, description: 'Tell projects that ask for it of every new listing.' }),
    ),
    limits: Type.Optional(LimitsSchema),
  },
  { additionalProperties: false },
)

const openKeys = [
  'public_url',
  'trusted_proxies',
  'admin_password',
  'identity_public_url',
  'identity_username',
  'identity_password',
  'identity_project',
  'identity_application_credential_id',
  'identity_application_credential_secret',
  'master_key',
  'master_key_file',
  'master_key_previous',
  'certificates',
  'smtp_url',
  'mail_from',
  'outbound_allow',
  'import_schemes_denied',
  'import_hosts_allowed',
  'import_hosts_denied',
  'import_ports_denied',
  'import_allow',
  'regions',
] as const

/** The settings of a running service: all of them but those that may be left open. */
const CompleteSchema = Type.Object({
  ...Type.Required(Type.Omit(ConfigSchema, [...openKeys, 'limits'])).properties,
  ...Type.Pick(ConfigSchema, [...openKeys]).properties,
  limits: Type.Required(LimitsSchema),
  demo: Type.Boolean({ description: 'Also make the projects, users and clouds.yaml of a demonstration.' }),
})
export type Config = Static<typeof CompleteSchema>

const checkConfig = Compile(ConfigSchema)
const checkComplete = Compile(CompleteSchema)

/** A setting that cannot be used; the message names it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const environmentName = (key: string): string => `VITRINE_${key.toUpperCase()}`

const fromText = (schema: TSchema, text: string): unknown => {
  if (Type.IsBoolean(schema)) return text === 'true' ? true : text === 'false' ? false : text
  if (Type.IsInteger(schema)) return /^-?\d+$/.test(text) ? Number(text) : text
  return text
}

/** Settings from `VITRINE_*` variables; `limits` are given by file only. */
const fromEnvironment = (environment: NodeJS.ProcessEnv): Record<string, unknown> => {
  const found: Record<string, unknown> = {}
  for (const [key, schema] of Object.entries(ConfigSchema.properties)) {
    const text = environment[environmentName(key)]
    if (key !== 'limits' && text !== undefined && text !== '') found[key] = fromText(schema, text)
  }
  return found
}

const fromFile = async (path: string): Promise<Record<string, unknown>> => {
  const document: unknown = parse(await readFile(path, 'utf8'))
  if (document === null || document === undefined) return {}
  if (typeof document !== 'object' || Array.isArray(document))
    throw new ConfigError(`${path} must hold a map of settings`)
  return { ...document }
}

const defaultsOf = (properties: Record<string, TSchema>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([key, schema]) => ('default' in schema ? [[key, schema.default]] : [])),
  )

const explain = (settings: unknown): string =>
  checkConfig
    .Errors(settings)
    .map((error) => {
      if (error.keyword === 'additionalProperties') {
        return `${error.instancePath || 'the file'} has unknown settings: ${error.params.additionalProperties.join(', ')}`
      }
      return `${error.instancePath.slice(1).replaceAll('/', '.')} ${error.message}`
    })
    .join('; ')

/**
 * The settings of the service: the command line before the environment before the file before the defaults.
 * @throws ConfigError for an unknown setting or one of the wrong kind
 */
export const loadConfig = async (given: {
  environment: NodeJS.ProcessEnv
  configPath?: string | undefined
  options?: { listen?: string | undefined; data?: string | undefined; demo?: boolean | undefined }
}): Promise<Config> => {
  const { demo = false, ...options } = given.options ?? {}
  const settings: unknown = {
    ...(given.configPath === undefined ? {} : await fromFile(given.configPath)),
    ...fromEnvironment(given.environment),
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  }
  if (!checkConfig.Check(settings)) throw new ConfigError(`The settings cannot be used: ${explain(settings)}`)

  const data = resolve(settings.data ?? './data')
  const complete = {
    ...defaultsOf(ConfigSchema.properties),
    database_url: `sqlite:${data}/vitrine.db`,
    stores: `file=file://${data}/images`,
    ...settings,
    data,
    demo,
    limits: { ...defaultsOf(LimitsSchema.properties), ...settings.limits },
  }
  if (!checkComplete.Check(complete)) throw new Error('a setting has neither a value nor a default')
  return complete
}

/** Variables that look like settings and are none: most likely misspelt. */
export const unknownVariables = (environment: NodeJS.ProcessEnv): string[] => {
  const known = new Set(Object.keys(ConfigSchema.properties).map(environmentName))
  return Object.keys(environment).filter((name) => name.startsWith('VITRINE_') && !known.has(name))
}

/**
 * What the service authenticates with at a Keystone.
 * @throws ConfigError when neither a user nor an application credential is complete
 */
export const keystoneCredentials = (config: Config): KeystoneCredentials => {
  const id = config.identity_application_credential_id
  const secret = config.identity_application_credential_secret
  if (id !== undefined && secret !== undefined) return { kind: 'application_credential', id, secret }
  const { identity_username: username, identity_password: password, identity_project: projectName } = config
  if (username === undefined || password === undefined || projectName === undefined) {
    throw new ConfigError(
      'A Keystone needs identity_username, identity_password and identity_project, or an application credential',
    )
  }
  const domain = config.identity_domain
  return { kind: 'password', username, password, projectName, userDomainName: domain, projectDomainName: domain }
}
