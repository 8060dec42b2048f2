import Type from 'typebox'
import { nullable } from './json-schema.ts'
import { eventTypes } from './words.ts'

/** One thing that happened to an image (extension). */
export const EventSchema = Type.Object(
  {
    id: Type.String({ description: 'Identifier of the event.' }),
    type: Type.Enum(eventTypes, { type: 'string', description: 'What happened.' }),
    image_id: Type.String({ description: 'Image that it happened to.' }),
    member_id: nullable<string>('string', { description: 'Consumer project concerned, for member events.' }),
    project_id: nullable<string>('string', { description: 'Project that did it; null for the service itself.' }),
    user_id: nullable<string>('string', { description: 'User who did it; null for the service itself.' }),
    request_id: nullable<string>('string', { description: 'Request that did it.' }),
    created_at: Type.String({ description: 'When it happened (UTC).' }),
    detail: Type.Record(Type.String(), Type.Unknown(), { description: 'What changed.' }),
  },
  { description: 'An event of an image.' },
)
export type EventDocument = Type.Static<typeof EventSchema>

export const EventsSchema = Type.Object({
  events: Type.Array(EventSchema),
  first: Type.String(),
  next: Type.Optional(Type.String()),
})
export type EventsDocument = Type.Static<typeof EventsSchema>
