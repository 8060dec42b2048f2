import { type EndpointChoice, findEndpoint } from './catalog.ts'
import { systemClock } from './clock.ts'
import type { Auth, IdentityVersion } from './credentials.ts'
import { parseAddress } from './endpoint.ts'
import { ConfigurationError, InvalidArgumentError } from './errors.ts'
import { locateIdentity, type Project, requestProjects, requestToken } from './identity.ts'
import { type CallOptions, ImageApi } from './image-api.ts'
import { ImageService } from './image-service.ts'
import { ResourceIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { type ExportedCredentials, exportSession, importSession, type Session } from './session.ts'
import { createTransport, type TokenSource, type Transport, type TransportOptions } from './transport.ts'

/** Options of a connection. What is set here of `region` and `interface` holds for every service that names none. */
export interface OpenStackOptions extends TransportOptions {
  /** Address of the identity service: `https://HOST:5000/v3`, `.../v2.0`, or without a version, then it is asked for. */
  authUrl: string
  auth: Auth
  /** Where neither `authUrl` nor the service tells. */
  identityVersion?: IdentityVersion | undefined
  region?: string | undefined
  interface?: EndpointChoice['interface']
  /** Address of the image service, instead of the one in the catalogue. */
  imageEndpoint?: string | undefined
}

/** A token is renewed so long before its end that a request under way still finds it alive. */
const marginMs = 30_000

/** A cloud and who you are there. Nothing is sent before the first call that needs it. */
export class OpenStack {
  readonly #options: OpenStackOptions
  readonly #authUrl: URL
  readonly #transport: Transport
  readonly #now: () => number
  readonly #tokens: TokenSource = { token: (rejected) => this.#token(rejected) }
  #session: Session | undefined
  #underWay: Promise<Session> | undefined

  constructor(options: OpenStackOptions) {
    if (typeof options.authUrl !== 'string' || options.auth === undefined) {
      throw new ConfigurationError('A connection needs authUrl and auth.')
    }
    this.#options = options
    this.#authUrl = parseAddress(options.authUrl, 'authUrl')
    this.#transport = createTransport(options)
    const clock = options.clock ?? systemClock
    this.#now = () => clock.now()
  }

  /**
   * Makes sure of a living token. Calls at the same time share one request; without need there is none.
   * @throws UnauthorizedError when the credentials or the scope are refused
   */
  async authenticate(): Promise<Session> {
    const session = this.#session
    if (session !== undefined && this.#now() < session.expiresAt.getTime() - marginMs) return session
    return this.#renew()
  }

  /** The present session as plain JSON. @throws ConfigurationError when there is none yet */
  exportCredentials(): ExportedCredentials {
    if (this.#session === undefined) throw new ConfigurationError('There are no credentials yet. Call authenticate().')
    return exportSession(this.#session)
  }

  /**
   * Takes up a session that was exported earlier; when its token has expired, a new one is asked for as usual.
   * @throws InvalidArgumentError when these are not exported credentials
   */
  importCredentials(credentials: ExportedCredentials | JsonValue): void {
    // By way of JSON, so that what was read from a file and what comes from exportCredentials are checked alike.
    const plain: JsonValue = JSON.parse(JSON.stringify(credentials))
    this.#session = importSession(plain)
  }

  /** The image service of the catalogue. The catalogue is looked into at the first call. */
  imageService(choice: EndpointChoice = {}): ImageService {
    const findImageEndpoint = async () => {
      if (this.#options.imageEndpoint !== undefined) return this.#options.imageEndpoint
      const { catalog } = await this.authenticate()
      return findEndpoint(catalog, 'image', {
        name: choice.name,
        region: choice.region ?? this.#options.region,
        interface: choice.interface ?? this.#options.interface,
      })
    }
    return new ImageService(new ImageApi(this.#transport, this.#tokens, findImageEndpoint))
  }

  /** The projects that the caller can have a token for, so that people can go by names. */
  listProjects(options: CallOptions = {}): ResourceIterator<Project> {
    return new ResourceIterator(async () => {
      const identity = await locateIdentity(this.#transport, this.#authUrl, this.#options.identityVersion)
      return requestProjects(this.#transport, identity, this.#tokens, options.signal)
    })
  }

  /**
   * One of the caller's own projects. An id goes before a name.
   * @throws InvalidArgumentError when there is none, or more than one of that name
   */
  async resolveProject(nameOrId: string, options: CallOptions = {}): Promise<Project> {
    const projects = await this.listProjects(options).toArray()
    const byId = projects.find(({ id }) => id === nameOrId)
    if (byId !== undefined) return byId
    const [project, ...others] = projects.filter(({ name }) => name === nameOrId)
    if (project === undefined) throw new InvalidArgumentError(`You have no project ${JSON.stringify(nameOrId)}.`)
    if (others.length === 0) return project
    const ids = [project, ...others].map(({ id }) => id).join(', ')
    throw new InvalidArgumentError(`You have more than one project ${JSON.stringify(nameOrId)}. Give the id: ${ids}.`)
  }

  async #token(rejected: string | undefined): Promise<string> {
    // Of many requests that are refused at once the first one renews; the others find the new token already here.
    if (rejected !== undefined && this.#session?.token === rejected) this.#session = undefined
    return (await this.authenticate()).token
  }

  #renew(): Promise<Session> {
    this.#underWay ??= this.#requestSession().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #requestSession(): Promise<Session> {
    const { auth, identityVersion } = this.#options
    const identity = await locateIdentity(this.#transport, this.#authUrl, identityVersion)
    this.#session = await requestToken(this.#transport, identity, auth, this.#now)
    return this.#session
  }
}

export interface RackspaceOptions extends Omit<OpenStackOptions, 'auth' | 'identityVersion'> {
  username: string
  apiKey: string
  tenantId?: string | number | undefined
}

/** A cloud with Identity v2.0 and API keys. */
export class Rackspace extends OpenStack {
  constructor({ username, apiKey, tenantId, ...options }: RackspaceOptions) {
    super({ ...options, identityVersion: '2.0', auth: { username, apiKey, tenantId } })
  }
}
