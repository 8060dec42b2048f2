/** A document of `GET /v2/schemas/...`. */
export interface SchemaDocument {
  name: string
  properties: Record<string, unknown>
  additionalProperties?: unknown
  required?: string[]
  links?: { rel: string; href: string }[]
  definitions?: Record<string, unknown>
}

/** A link template: the `href` names the key of the document that holds the path. */
export const link = (rel: string, key = rel) => ({ rel, href: `{${key}}` })

/** The schema document of a collection; `paged` ones carry `first` and `next`. */
export const collection = (plural: string, items: object, paged: boolean): SchemaDocument => ({
  name: plural,
  properties: {
    [plural]: { type: 'array', items },
    ...(paged ? { first: { type: 'string' }, next: { type: 'string' } } : {}),
    schema: { type: 'string' },
  },
  links: paged ? [link('first'), link('next'), link('describedby', 'schema')] : [link('describedby', 'schema')],
})
