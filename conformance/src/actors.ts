import { randomBytes } from 'node:crypto'
import { type Agents, type Client, createClient } from './client.ts'
import { administer, type Credentials, imageEndpoint, logIn, logInUnscoped } from './identity.ts'

/** Somebody who calls the image service: a user with one role on one project. */
export interface Actor {
  /** What messages call it. */
  name: string
  projectId: string
  /** `name@domain` of the project. */
  projectName: string
  token: string
  /** The image service in the name of this actor. */
  api: Client
}

/**
 * Everybody that the suite needs. `owner` is the producer; `consumer` and `other` are two projects that images are
 * shared with; `stranger` is a project that nothing is shared with. The readers hold the role reader alone.
 */
export interface Actors {
  admin: Actor
  owner: Actor
  ownerReader: Actor
  consumer: Actor
  consumerReader: Actor
  other: Actor
  stranger: Actor
  strangerReader: Actor
  /** The stranger's project with a role that means nothing here; a sentence when the cloud refused to make one. */
  roleless: Actor | string
  /** The stranger without any scope. */
  unscoped: Actor
  nobody: Client
}

export interface Clouds {
  admin: Credentials
  /** Absent: made for the run. */
  producer?: Credentials
  consumer?: Credentials
}

/** A cast that is ready, and the way to dismiss it. */
export interface Cast {
  endpoint: URL
  actors: Actors
  dismiss(): Promise<void>
}

/**
 * Logs in as the clouds given and makes everybody else as administrator: projects, users and one role, whose names
 * start with `conformance-`.
 * @param endpoint of the image service; undefined takes the one of the catalogue
 */
export const assembleCast = async (clouds: Clouds, endpoint: URL | undefined, agents: Agents): Promise<Cast> => {
  const admin = await logIn(clouds.admin, agents)
  const base = endpoint ?? imageEndpoint(admin.catalog)
  const mark = `conformance-${randomBytes(3).toString('hex')}`
  const administration = administer(admin, clouds.admin, mark, agents)

  const actor = (name: string, session: { token: string; projectId: string; projectName: string }): Actor => ({
    name,
    projectId: session.projectId,
    projectName: session.projectName,
    token: session.token,
    api: createClient(base, session.token, agents),
  })

  /** A project with a user for each role asked for. */
  const project = async (name: string, roles: string[]) => {
    const made = await administration.project(name)
    const users: Credentials[] = []
    for (const role of roles) users.push(await administration.user(`${name}-${role}`, role, made))
    return users
  }

  const join = async (name: string, given: Credentials | undefined): Promise<[Actor, Actor]> => {
    if (given === undefined) {
      const [member, reader] = await project(name, ['member', 'reader'])
      if (!member || !reader) throw new Error('two users were asked for')
      return [actor(name, await logIn(member, agents)), actor(`${name} (reader)`, await logIn(reader, agents))]
    }
    const session = await logIn(given, agents)
    const reader = await administration.user(`${name}-reader`, 'reader', {
      id: session.projectId,
      name: given.projectName,
    })
    // The project may live in another domain than the users made here.
    const readerSession = await logIn({ ...reader, projectDomain: given.projectDomain }, agents)
    return [actor(name, session), actor(`${name} (reader)`, readerSession)]
  }

  try {
    const [owner, ownerReader] = await join('producer', clouds.producer)
    const [consumer, consumerReader] = await join('consumer', clouds.consumer)
    const [other] = await join('other', undefined)
    const strangerProject = await administration.project('stranger')
    const strangerUser = await administration.user('stranger-member', 'member', strangerProject)
    const strangerReaderUser = await administration.user('stranger-reader', 'reader', strangerProject)
    const roleless = await administration
      .role('nothing')
      .then((role) => administration.user('stranger-nothing', role, strangerProject))
      .then((user) => logIn(user, agents))
      .then(
        (session) => actor('project without a role', session),
        (error: unknown) => `the cloud gave no token without a known role (${String(error).slice(0, 200)})`,
      )
    return {
      endpoint: base,
      actors: {
        admin: actor('admin', admin),
        owner,
        ownerReader,
        consumer,
        consumerReader,
        other,
        stranger: actor('stranger', await logIn(strangerUser, agents)),
        strangerReader: actor('stranger (reader)', await logIn(strangerReaderUser, agents)),
        roleless,
        unscoped: actor('unscoped token', {
          token: await logInUnscoped(strangerUser, agents),
          projectId: '',
          projectName: '',
        }),
        nobody: createClient(base, null, agents),
      },
      dismiss: administration.cleanUp,
    }
  } catch (error) {
    await administration.cleanUp()
    throw error
  }
}

/** The actor that a table names. */
export const actorNamed = (actors: Actors, name: string): Actor => {
  const { nobody: _nobody, roleless: _roleless, ...named } = actors
  const found = Object.entries(named).find(([key]) => key === name)?.[1]
  if (found === undefined) throw new Error(`there is no actor ${name}`)
  return found
}
