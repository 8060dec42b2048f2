import type { Json } from '../json.ts'

/** A piece of JSON Schema, as an expectation. */
export type Schema = { [key: string]: Json }

export const string = (rest: Schema = {}): Schema => ({ type: 'string', ...rest })

export const describedby = { rel: 'describedby', href: '{schema}' }

export const collection = (plural: string, items: Schema, paged: boolean): Schema => ({
  name: plural,
  properties: {
    [plural]: { type: 'array', items },
    ...(paged ? { first: string(), next: string() } : {}),
    schema: string(),
  },
  links: [
    ...(paged
      ? [
          { rel: 'first', href: '{first}' },
          { rel: 'next', href: '{next}' },
        ]
      : []),
    describedby,
  ],
})
