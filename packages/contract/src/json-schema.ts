import Type from 'typebox'

/** Any UUID, in either case: ids are kept as the caller wrote them. */
export const uuidPattern = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'

/** A value or null, written as the two-element `type` that clients of the Image API expect. */
export const nullable = <T extends string | number>(type: 'string' | 'integer', options: object) =>
  Type.Unsafe<T | null>({ type: ['null', type], ...options })
