import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import fastify, { type FastifyInstance, LogController } from 'fastify'
import { ApiError } from './api-error.ts'
import { type Cache, openCache } from './cache/cache.ts'
import { cacheRoutes } from './cache/routes.ts'
import { sendErrorPage } from './catalogue/page.ts'
import { catalogueRoutes } from './catalogue/public-routes.ts'
import { listingRoutes } from './catalogue/routes.ts'
import { cloudImageRoutes } from './cloud-images/routes.ts'
import { type Config, ConfigError, keystoneCredentials } from './config.ts'
import { createCopies } from './data/copies.ts'
import { copyRoutes } from './data/copy-routes.ts'
import { createHashing } from './data/hashing.ts'
import { enter, type Presence } from './data/processes.ts'
import { dataRoutes } from './data/routes.ts'
import { createSendBuffers } from './data/send.ts'
import { startSweeper } from './data/sweeper.ts'
import { createUploads } from './data/uploads.ts'
import type { Database } from './database/database.ts'
import { openDatabase } from './database/open.ts'
import { activityRoutes } from './events/activity-routes.ts'
import { eventRoutes } from './events/routes.ts'
import { openLog, withAccessLog } from './http/access-log.ts'
import { withAuthentication } from './http/authentication.ts'
import { formLimitBytes, withJsonBodies } from './http/body.ts'
import { connectionError, frameworkError, withErrors } from './http/errors.ts'
import { healthRoutes } from './http/health.ts'
import { watchMethods } from './http/methods.ts'
import { withOpenApi } from './http/openapi.ts'
import { refuseOddAddresses } from './http/query.ts'
import { requestIdOf, withRequestIds } from './http/request-id.ts'
import { versionRoutes, withoutMinor, withoutOrigin } from './http/versions.ts'
import { createEmbeddedIdentity } from './identity/embedded.ts'
import { prepareAccounts } from './identity/first-start.ts'
import { createKeystoneIdentity } from './identity/keystone.ts'
import type { Identity } from './identity/port.ts'
import { imageRoutes } from './images/routes.ts'
import { importRoutes } from './imports/routes.ts'
import { failImport, runImport } from './imports/run.ts'
import { openImports } from './imports/settings.ts'
import { invitationRoutes } from './invitations/routes.ts'
import { createBarbican } from './keys/barbican/barbican.ts'
import { deleteKeysOfImages } from './keys/deletions.ts'
import { createEmbeddedKeyManager } from './keys/embedded/embedded.ts'
import { openMasterKeys } from './keys/embedded/open-master-keys.ts'
import { encryptionRoutes } from './keys/encryption-routes.ts'
import { createKeyLocks, type KeyLocks } from './keys/lock.ts'
import type { KeyManager } from './keys/port.ts'
import { finishKeys } from './keys/removal.ts'
import { createKeyRepeats } from './keys/repeats.ts'
import { resumeRotations } from './keys/rotation.ts'
import { keyRoutes } from './keys/routes.ts'
import { startKeyWork } from './keys/worker.ts'
import { openLinkRoutes } from './links/open-routes.ts'
import { linkRoutes } from './links/routes.ts'
import { locationRoutes } from './locations/routes.ts'
import { memberRoutes } from './members/routes.ts'
import { metadefRoutes } from './metadefs/routes.ts'
import { loadStock } from './metadefs/stock.ts'
import { startNotices } from './notices/notices.ts'
import { publicNoticeRoutes } from './notices/public-routes.ts'
import { noticeRoutes } from './notices/routes.ts'
import { openImportSource } from './outbound/settings.ts'
import { publicRequestRoutes } from './requests/public-routes.ts'
import { requestRoutes } from './requests/routes.ts'
import { ruleRoutes } from './rules/routes.ts'
import { schemaRoutes } from './schemas/routes.ts'
import type { Service } from './service.ts'
import { inboxRoutes } from './shares/inbox-routes.ts'
import { startReaper } from './shares/reaper.ts'
import { shareRoutes } from './shares/routes.ts'
import { startUsage } from './shares/usage.ts'
import { certificateFolder } from './signatures/certificates.ts'
import { openStores, type Stores } from './storage/stores.ts'
import { storeRoutes } from './stores/routes.ts'
import { taskRoutes } from './tasks/routes.ts'
import { createTasks } from './tasks/runner.ts'
import { uploadRoutes } from './uploads/routes.ts'
import { createUploadTurns } from './uploads/turns.ts'

/** A service that is ready to listen. */
export interface Assembly {
  readonly app: FastifyInstance
  readonly service: Service
  /** Writes down for people where the service is reached, once that is known. */
  announce(url: string): Promise<void>
  /** Ends transfers and uploads, and lets go of everything. */
  close(): Promise<void>
}

const headersMaxBytes = 64 * 1024
const headersTimeoutMs = 30_000
/** How long requests under way may take to end when the service stops. */
const goodbyeMs = 5000

const createApp = (config: Config): FastifyInstance => {
  const logStream = openLog()
  const app = fastify({
    logger: { level: config.log_level, stream: logStream },
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: config.trusted_proxies?.split(',').map((proxy) => proxy.trim()) ?? false,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    // A logger of its own for each request costs more than the one line that it writes.
    childLoggerFactory: (logger, bindings, options) =>
      options.level === undefined ? logger : logger.child(bindings, options),
    genReqId: (request) => requestIdOf(request.headers['x-openstack-request-id']),
    // An upload may take hours; its pauses are limited instead.
    requestTimeout: 0,
    http: { maxHeaderSize: headersMaxBytes, headersTimeout: headersTimeoutMs },
    routerOptions: {
      maxParamLength: 4096,
      querystringParser: (text) => (text === '' ? {} : Object.fromEntries(new URLSearchParams(text))),
    },
    rewriteUrl: (request) => withoutMinor(withoutOrigin(request.url ?? '/')),
    clientErrorHandler: connectionError,
    frameworkErrors: frameworkError,
  })
  // Requests are parsed by the routes, in the order that the API demands; the schemas are for the reader.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (document) => JSON.stringify(document))
  return app
}

const withRoutes = async (app: FastifyInstance, service: Service): Promise<void> => {
  withRequestIds(app)
  refuseOddAddresses(app)
  withErrors(app, { prefix: '/catalogue', send: sendErrorPage })
  withAccessLog(app)
  withJsonBodies(app)
  app.addHook('onResponse', async (request) => {
    if (request.method === 'GET') return
    service.notices.kick()
    service.keyWork.kick()
  })
  await withOpenApi(app)
  const answerOtherMethods = watchMethods(app)
  versionRoutes(app, service)
  healthRoutes(app, service)
  catalogueRoutes(app, service)
  await app.register(async (open) => {
    withJsonBodies(open, formLimitBytes)
    publicRequestRoutes(open, service)
    publicNoticeRoutes(open, service)
  })
  openLinkRoutes(app, service)
  if (service.identity.routes !== undefined) await app.register(service.identity.routes, { prefix: '/identity' })
  await app.register(async (api) => {
    withAuthentication(api, service)
    imageRoutes(api, service)
    importRoutes(api, service)
    taskRoutes(api, service)
    storeRoutes(api, service)
    cacheRoutes(api, service)
    locationRoutes(api, service)
    memberRoutes(api, service)
    eventRoutes(api, service)
    activityRoutes(api, service)
    listingRoutes(api, service)
    requestRoutes(api, service)
    invitationRoutes(api, service)
    noticeRoutes(api, service)
    shareRoutes(api, service)
    inboxRoutes(api, service)
    ruleRoutes(api, service)
    keyRoutes(api, service)
    encryptionRoutes(api, service)
    copyRoutes(api, service)
    cloudImageRoutes(api, service)
    metadefRoutes(api, service)
    linkRoutes(api, service)
    schemaRoutes(api)
    await api.register(async (data) => dataRoutes(data, service))
    await api.register(async (uploads) => uploadRoutes(uploads, service))
  })
  answerOtherMethods()
}

/** Who vouches for callers, with the accounts that a first start makes. */
const openIdentity = async (
  config: Config,
  database: Database,
  now: () => number,
  log: FastifyInstance['log'],
): Promise<{ identity: Identity; announce: Assembly['announce'] }> => {
  if (config.identity !== 'embedded') {
    if (config.demo) throw new ConfigError('A demonstration makes its own accounts; it needs the embedded identity')
    const identity = createKeystoneIdentity({
      url: config.identity,
      publicUrl: config.identity_public_url,
      credentials: keystoneCredentials(config),
      fetch: globalThis.fetch,
      now,
      onFailure: (error) => log.error({ err: error }, 'Keystone cannot be used'),
    })
    return { identity, announce: async () => undefined }
  }
  const { admin_password: adminPassword, data: dataPath, demo } = config
  const accounts = await prepareAccounts({ database, now, dataPath, adminPassword, demo })
  const onSweepError = (error: unknown) => log.error({ err: error }, 'expired tokens could not be removed')
  const identity = await createEmbeddedIdentity({ database, now, publicUrl: config.public_url, onSweepError })
  return {
    identity,
    announce: async (url) => {
      await accounts.writeClouds(url)
    },
  }
}

/** Who keeps the keys of encrypted images. */
const openKeyManager = async (
  config: Config,
  around: {
    readonly database: Database
    readonly presence: Presence
    readonly locks: KeyLocks
    readonly now: () => number
    readonly log: FastifyInstance['log']
  },
): Promise<KeyManager | undefined> => {
  if (config.key_manager === 'none') return undefined
  if (config.key_manager === 'embedded') {
    return createEmbeddedKeyManager({ database: around.database, masterKeys: await openMasterKeys(config, around) })
  }
  if (config.identity === 'embedded') {
    throw new ConfigError('A Barbican believes the tokens of its Keystone: set identity to the URL of that')
  }
  const credentials = keystoneCredentials(config)
  if (credentials.kind !== 'password') {
    throw new ConfigError(
      'An application credential is for one project, and keys in a Barbican are in many: set identity_username and identity_password',
    )
  }
  const keystone = { url: config.identity, credentials }
  return createBarbican({ ...around, url: config.key_manager, keystone, fetch: globalThis.fetch })
}

const openCacheOf = async (
  config: Config,
  { log, ...around }: { readonly database: Database; readonly origin: Stores; readonly log: FastifyInstance['log'] },
): Promise<Cache | undefined> => {
  if (config.cache_size_bytes === 0) return undefined
  const onError = (error: unknown) => log.error({ err: error }, 'the cache failed; the stores are used instead')
  return openCache(join(config.data, 'cache'), config.cache_size_bytes, { ...around, onError })
}

/** Chooses the parts and joins them. The only place that knows which implementation stands behind a port. */
export const assemble = async (
  config: Config,
  given: { identity?: Identity; now?: () => number } = {},
): Promise<Assembly> => {
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  const { now = Date.now } = given
  const app = createApp(config)
  const origin = await openStores(config.stores)
  const database = await openDatabase(config.database_url)
  const cache = await openCacheOf(config, { database, origin, log: app.log })
  const stores = cache?.stores ?? origin
  await loadStock(database, now)
  const presence = await enter(database, now, (error) => app.log.error({ err: error }, 'a heartbeat failed'))
  const uploads = createUploads()
  const sweeper = await startSweeper({
    database,
    stores,
    presence,
    uploads,
    now,
    onError: (error) => app.log.error({ err: error }, 'sweeping failed; it is tried again'),
  })
  const { identity, announce } =
    given.identity === undefined
      ? await openIdentity(config, database, now, app.log)
      : { identity: given.identity, announce: async () => undefined }
  const stopping = new AbortController()
  let listensAt = 'http://localhost:9292'
  const keyLocks = createKeyLocks(database, presence)
  const keyManager = await openKeyManager(config, { database, presence, locks: keyLocks, now, log: app.log })
  const parts: Omit<Service, 'notices' | 'keyWork'> = {
    database,
    identity,
    stores,
    cache,
    hashing: createHashing(),
    hashAlgorithm: config.hash_algorithm,
    sendBuffers: createSendBuffers(),
    uploads,
    uploadTurns: createUploadTurns(),
    tasks: createTasks(),
    ...openImports(config),
    copies: createCopies((error) => {
      // Refusals were answered, or stand in the events of the copy.
      if (!(error instanceof ApiError)) app.log.error({ err: error }, 'a copy failed')
    }),
    sweeper,
    presence,
    usage: startUsage({
      database,
      now,
      onError: (error) => app.log.error({ err: error }, 'counts of downloads could not be stored; it is tried again'),
    }),
    keyManager,
    certificates:
      keyManager?.certificate ?? certificateFolder(config.certificates ?? join(config.data, 'certificates')),
    keyLocks,
    keyRepeats: createKeyRepeats(now),
    limits: config.limits,
    importSource: openImportSource(config),
    formatCheck: config.format_check,
    webLocations: config.web_locations,
    allowOwnerTransfer: config.allow_owner_transfer,
    now,
    publicUrl: config.public_url,
    origin: () => config.public_url ?? listensAt,
    sendsMail: config.smtp_url !== undefined,
    stopping: stopping.signal,
    log: app.log,
  }
  const keyWork = await startKeyWork(parts, [deleteKeysOfImages, finishKeys, resumeRotations])
  const notices = await startNotices({ ...parts, keyWork }, config)
  const service: Service = { ...parts, keyWork, notices }
  const reaper = await startReaper(service)
  service.tasks.start(service, runImport, failImport)
  await withRoutes(app, service)

  return {
    app,
    service,
    announce: async (url) => {
      listensAt = url
      await announce(url)
    },
    close: async () => {
      stopping.abort()
      uploads.abortAll()
      const impatience = setTimeout(() => app.server.closeAllConnections(), goodbyeMs)
      await app.close()
      clearTimeout(impatience)
      await service.copies.settled()
      await service.tasks.stop()
      await reaper.stop()
      await keyWork.stop()
      await keyManager?.close()
      await service.usage.stop()
      await notices.stop()
      await sweeper.stop()
      await cache?.stop()
      await service.hashing.close()
      await identity.close()
      await presence.leave()
      await database.close()
    },
  }
}
