import type { TSchema } from 'typebox'
import { imageBaseProperties, imageTypedProperties } from './image.ts'
import { MemberSchema } from './member.ts'
import { metadefSchemaDocuments } from './metadef-schemas.ts'
import { collection, link, type SchemaDocument } from './schema-document.ts'
import { taskProperties } from './task.ts'

/** Plain data of TypeBox properties: their JSON Schema without the library's own marks. */
const plain = (properties: Record<string, TSchema>): Record<string, unknown> => JSON.parse(JSON.stringify(properties))

const image: SchemaDocument = {
  name: 'image',
  properties: plain({ ...imageBaseProperties, ...imageTypedProperties }),
  // A boolean here would break php-opencloud, which wants an object.
  additionalProperties: { type: 'string' },
  links: [link('self'), link('enclosure', 'file'), link('describedby', 'schema')],
}

// No `additionalProperties` in member and task: the same client has no use for it and dies of `false`.
const member: SchemaDocument = { name: 'member', properties: plain(MemberSchema.properties) }
const task: SchemaDocument = { name: 'task', properties: plain(taskProperties) }

const { input: _input, result: _result, message: _message, ...taskListed } = task.properties

/** Every schema document by its path below `/v2/schemas/`. */
export const schemaDocuments: Readonly<Record<string, SchemaDocument>> = {
  image,
  images: collection('images', image, true),
  member,
  members: collection('members', member, false),
  task,
  tasks: collection('tasks', { name: 'task', properties: taskListed }, false),
  ...metadefSchemaDocuments,
}
