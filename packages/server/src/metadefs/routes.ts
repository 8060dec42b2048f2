import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'
import { namespaceRoutes } from './namespace-routes.ts'
import { objectRoutes } from './object-routes.ts'
import { propertyRoutes } from './property-routes.ts'
import { resourceTypeRoutes } from './resource-type-routes.ts'
import { tagRoutes } from './tag-routes.ts'

/** Metadata definitions: what properties of images and other resources mean (docs/reference/metadefs.md). */
export const metadefRoutes = (app: FastifyInstance, service: Service): void => {
  namespaceRoutes(app, service)
  objectRoutes(app, service)
  propertyRoutes(app, service)
  tagRoutes(app, service)
  resourceTypeRoutes(app, service)
}
