import Type from 'typebox'

/** Parts that the documents of the extensions have in common. */

// Control characters, line ends and marks that turn the direction of writing: none belongs into one line of text.
const oneLine = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]*$'
// In longer text, line ends and tabs do.
const manyLines = '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]*$'

/** One line of text for people. */
export const line = (maxLength: number, description: string, minLength = 0) =>
  Type.String({ minLength, maxLength, pattern: oneLine, description })

/** Text of several lines for people. */
export const lines = (maxLength: number, description: string) =>
  Type.String({ maxLength, pattern: manyLines, description })

/** The address of a mailbox: one, without name or comment. */
export const email = (description: string) =>
  Type.String({
    minLength: 3,
    maxLength: 254,
    pattern:
      "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    description,
  })

/** A link to a page of the web. */
export const webLink = (description: string) =>
  Type.String({ maxLength: 2000, pattern: '^https?://[^\\s<>"\'\\\\`]+$', description })

/** An instant: UTC, whole seconds. */
export const instant = (description: string) =>
  Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$', description })

/** The same or null. */
export const orNull = <Schema extends Type.TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

/** Project that an image is shared with: its id. */
export const projectIdField = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 255,
    pattern: '^[^\\s/\\u0000-\\u001f\\u007f]([^/\\u0000-\\u001f\\u007f]*[^\\s/\\u0000-\\u001f\\u007f])?$',
    description,
  })

/** A message of one person to another: plain text. */
export const messageField = () => lines(2000, 'A message of the producer to the consumer: plain text.')

/** Whether the key of an encrypted image goes with the share. */
export const grantField = () =>
  Type.Boolean({
    default: false,
    description: 'Also let the project use the key of an encrypted image: both happen or neither.',
  })

/** `first` and `next` of a list that comes in pages. */
export const pageLinks = {
  first: Type.String({ description: 'Path of the first page.' }),
  next: Type.Optional(Type.String({ description: 'Path of the next page, if there is one.' })),
}
