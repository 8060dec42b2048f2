import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { arrayIn, booleanIn, isJsonObject, type JsonObject, type JsonValue, objectIn, own, stringIn } from './json.ts'
import type { OperationType } from './json-patch.ts'
import { SchemaProperty } from './schema-property.ts'

export interface SchemaLink {
  rel: string
  href: string
}

/** A document of `GET /v2/schemas/...`: what a cloud says its images or members look like. */
export class Schema {
  readonly name: string
  readonly properties: ReadonlyMap<string, SchemaProperty>
  readonly links: readonly SchemaLink[]
  /** What custom properties must be; true: anything, false: there can be none. */
  readonly additionalProperties: SchemaProperty | boolean
  /** The document as it came. */
  readonly data: JsonObject

  /** @throws UnexpectedResponseError when the document is no schema */
  constructor(data: JsonValue | undefined) {
    const properties = isJsonObject(data) ? objectIn(data, 'properties') : undefined
    if (!isJsonObject(data) || properties === undefined) {
      throw new UnexpectedResponseError('The service sent a schema without properties.')
    }
    this.data = data
    this.name = stringIn(data, 'name') ?? ''
    this.properties = new Map(
      Object.entries(properties).flatMap(([name, property]) =>
        isJsonObject(property) ? [[name, new SchemaProperty(name, property)]] : [],
      ),
    )
    this.links = (arrayIn(data, 'links') ?? []).flatMap((link) => {
      if (!isJsonObject(link)) return []
      return [{ rel: stringIn(link, 'rel') ?? '', href: stringIn(link, 'href') ?? '' }]
    })
    const additional = own(data, 'additionalProperties')
    this.additionalProperties = isJsonObject(additional)
      ? new SchemaProperty('additional property', additional)
      : (booleanIn(data, 'additionalProperties') ?? true)
  }

  propertyExists(name: string): boolean {
    return this.properties.has(name)
  }

  getProperty(name: string): SchemaProperty | undefined {
    return this.properties.get(name)
  }

  /**
   * Which operation brings a custom property to a value. Attributes of the schema's base always exist and are replaced.
   * @param present whether the image has it now
   */
  decideOperationType(name: string, value: JsonValue, present: boolean): OperationType {
    return decideOperationType(this.getProperty(name)?.isBase === true, value, present)
  }

  /** @throws InvalidArgumentError when a custom property of that name cannot have that value */
  validateAdditionalProperty(name: string, value: JsonValue): void {
    if (this.additionalProperties === false) {
      throw new InvalidArgumentError(`The schema ${this.name} has no ${name} and allows no further properties.`)
    }
    if (this.additionalProperties !== true) this.additionalProperties.validate(value, name)
  }

  toJSON(): JsonObject {
    return this.data
  }
}

/**
 * The rule behind `update`: nothing (null, false, an empty text) takes a custom property away; a base attribute cannot be
 * taken away, so there the same values are values.
 */
export const decideOperationType = (isBase: boolean, value: JsonValue, present: boolean): OperationType => {
  if (isBase) return 'replace'
  if (!value) return 'remove'
  return present ? 'replace' : 'add'
}
