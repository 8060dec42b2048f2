/** What values of a property of metadata definitions can be. */
export const propertyTypes = ['array', 'boolean', 'integer', 'number', 'object', 'string'] as const
export type PropertyType = (typeof propertyTypes)[number]
