import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { Parse } from 'typebox/value'

const Operation = Type.Object({
  tags: Type.Optional(Type.Array(Type.String())),
  summary: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  responses: Type.Record(Type.String(), Type.Unknown()),
})
const PartSchema = Type.Object({ name: Type.String(), description: Type.String() })
/** A part of the API, which routes are in by their tag. */
export type Part = Static<typeof PartSchema>

const DescriptionSchema = Type.Object({
  tags: Type.Array(PartSchema),
  paths: Type.Record(Type.String(), Type.Record(Type.String(), Operation)),
})

/** One method of a path, as the description of the API has it. */
export interface Route extends Static<typeof Operation> {
  readonly method: string
  readonly path: string
  readonly needsToken: boolean
}

/** The methods of the API as they are sent. */
const methods = { get: 'GET', post: 'POST', put: 'PUT', patch: 'PATCH', delete: 'DELETE', head: 'HEAD' } as const
const isMethod = (name: string): name is keyof typeof methods => name in methods

/** Whether the route refuses who has no token: found by asking it. */
const refusesStrangers = async (app: FastifyInstance, method: keyof typeof methods, path: string): Promise<boolean> => {
  const url = path.replaceAll(/\{[^}]+\}/g, '00000000-0000-4000-8000-000000000000')
  const { statusCode } = await app.inject({ method: methods[method], url })
  return statusCode === 401
}

/** All routes that the service describes, with the parts of the API that they belong to. */
export const routesOf = async (app: FastifyInstance) => {
  const { tags, paths } = Parse(DescriptionSchema, JSON.parse((await app.inject('/openapi.json')).body))
  const routes: Route[] = []
  for (const [path, operations] of Object.entries(paths)) {
    for (const [name, operation] of Object.entries(operations)) {
      if (!isMethod(name)) continue
      const needsToken = await refusesStrangers(app, name, path)
      routes.push({ ...operation, method: methods[name], path, needsToken })
    }
  }
  return { parts: tags, routes }
}
