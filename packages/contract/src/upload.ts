import Type from 'typebox'
import { nullable } from './json-schema.ts'
import { uploadStates } from './words.ts'

/** A resumable upload (extension). */
export const UploadSchema = Type.Object(
  {
    id: Type.String({ description: 'Identifier of the upload.' }),
    image_id: Type.String({ description: 'Image that the bytes are for.' }),
    state: Type.Enum(uploadStates, { type: 'string', description: 'Whether it can be gone on with.' }),
    size: Type.Integer({ description: 'How many bytes were announced.' }),
    offset: Type.Integer({ description: 'How many of them are kept.' }),
    message: nullable<string>('string', { description: 'Why it failed.' }),
    created_at: Type.String({ description: 'When it was begun (UTC).' }),
    expires_at: Type.String({ description: 'When it is given up, or forgotten if it has ended (UTC).' }),
  },
  { description: 'A resumable upload of the bytes of an image.' },
)
export type UploadDocument = Type.Static<typeof UploadSchema>

export const UploadsSchema = Type.Object({ uploads: Type.Array(UploadSchema) })
