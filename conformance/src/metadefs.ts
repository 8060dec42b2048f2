import { randomUUID } from 'node:crypto'
import type { Actor } from './actors.ts'
import { expectStatus } from './expect.ts'
import type { Json } from './json.ts'
import type { Scene } from './suite.ts'

/** Namespaces of metadata definitions for a group; they go when it ends. */

export const namespaces = '/v2/metadefs/namespaces'
/** Colons as names of definitions are full of, percent-encoded as clients do it. */
export const namespacePath = (name: string): string => `${namespaces}/${encodeURIComponent(name)}`

/** A name that nothing else has, and that nobody would take for one of an operator. */
export const newName = (): string => `Conformance::${randomUUID().slice(0, 13)}`

/** Has a namespace removed at the end, protected or not. */
export const forget = ({ actors, afterwards }: Pick<Scene, 'actors' | 'afterwards'>, name: string): void =>
  afterwards(async () => {
    await actors.admin.api.put(namespacePath(name), { namespace: name, protected: false })
    await actors.admin.api.delete(namespacePath(name))
  })

/**
 * Makes a namespace.
 * @param more what else its body holds
 * @returns its name
 */
export const makeNamespace = async (
  scene: Pick<Scene, 'actors' | 'afterwards'>,
  more: { [key: string]: Json } = {},
  name = newName(),
): Promise<string> => {
  forget(scene, name)
  expectStatus(await scene.actors.admin.api.post(namespaces, { namespace: name, ...more }), 201)
  return name
}

/** How a caller stands to a namespace, and what reading and writing it then come to. */
export interface Standing {
  readonly name: string
  readonly actor: Actor
  readonly read: number
  readonly write: number
}

/** Everybody's standing to a private namespace of the producer and to a public one of the administrator. */
export const standings = ({ actors }: Pick<Scene, 'actors'>, visibility: 'private' | 'public'): Standing[] => {
  const seen = { read: 200, write: 403 }
  const unseen = { read: 404, write: 404 }
  const stranger = visibility === 'public' ? seen : unseen
  return [
    { name: 'the owner', actor: actors.owner, ...seen },
    { name: 'a reader of the owner', actor: actors.ownerReader, ...seen },
    { name: 'a stranger', actor: actors.stranger, ...stranger },
    { name: 'a reader elsewhere', actor: actors.strangerReader, ...stranger },
    ...(typeof actors.roleless === 'string'
      ? []
      : [{ name: 'a project without a role', actor: actors.roleless, ...unseen }]),
  ]
}
