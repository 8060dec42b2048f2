const empty = (description: string) => ({ type: 'null', description })
const stream = (description: string) => ({ type: 'string', format: 'binary', description })

/** What the description of the API says of answers that no schema describes. */
export const noContent = { 204: empty('Done, or there is nothing; no body.') }
export const accepted = { 202: empty('Begun; it goes on after the answer.') }
export const made = { type: 'object', description: 'Made.', additionalProperties: true }
export const bytes = { 200: stream('All of them.'), 206: stream('The range that was asked for.') }
