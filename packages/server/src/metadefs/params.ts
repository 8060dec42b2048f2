import Type, { type Static } from 'typebox'

/** Paths of namespaces and what is in them. */

export const namespaceParams = Type.Object({ namespace: Type.String({ description: 'Name of the namespace.' }) })
export interface NamespacePath {
  Params: Static<typeof namespaceParams>
}

export const partParams = Type.Object({
  ...namespaceParams.properties,
  name: Type.String({ description: 'Name of what is in it.' }),
})
export interface PartPath {
  Params: Static<typeof partParams>
}
