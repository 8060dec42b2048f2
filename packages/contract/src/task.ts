import Type from 'typebox'
import { nullable, uuidPattern } from './json-schema.ts'
import { taskStatuses, taskTypes } from './words.ts'

/** A piece of long work as the tasks API shows it. */
export const taskProperties = {
  id: Type.String({ pattern: uuidPattern, description: 'Identifier of the task.' }),
  type: Type.Enum([...taskTypes], { type: 'string', description: 'Kind of work.' }),
  status: Type.Enum([...taskStatuses], {
    type: 'string',
    description: 'Where the work is.',
  }),
  input: Type.Unsafe<object | null>({ type: ['null', 'object'], description: 'What the work was given.' }),
  result: Type.Unsafe<object | null>({ type: ['null', 'object'], description: 'What came of it.' }),
  owner: Type.String({ description: 'Project that asked for the work.' }),
  message: Type.String({ description: 'What went wrong, in words.' }),
  image_id: Type.String({ description: 'Image that the work is for.' }),
  request_id: Type.String({ description: 'Request that started the work.' }),
  user_id: Type.String({ description: 'User who asked for the work.' }),
  expires_at: nullable<string>('string', { description: 'When the record of the task goes.' }),
  created_at: Type.String({ description: 'When the work was asked for.' }),
  updated_at: Type.String({ description: 'When the task last changed.' }),
  self: Type.String({ readOnly: true }),
  schema: Type.String({ readOnly: true }),
} as const
