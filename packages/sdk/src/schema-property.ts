import { InvalidArgumentError } from './errors.ts'
import {
  arrayIn,
  booleanIn,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberIn,
  objectIn,
  own,
  stringIn,
} from './json.ts'

const typeOf = (value: JsonValue): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/** A pattern comes from outside; one that this platform cannot read is no reason to fail, the service checks again. */
const regExp = (pattern: string | undefined): RegExp | undefined => {
  if (pattern === undefined) return undefined
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return undefined
  }
}

/** What a schema says of one property. */
export class SchemaProperty {
  readonly name: string
  readonly description: string | undefined
  /** Names of JSON types; empty when any will do. */
  readonly types: readonly string[]
  readonly enum: readonly JsonValue[] | undefined
  readonly pattern: string | undefined
  readonly minLength: number | undefined
  readonly maxLength: number | undefined
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  /** What the elements of an array must be. */
  readonly items: SchemaProperty | undefined
  readonly readOnly: boolean
  /** False for custom properties that the deployment has described; they can be added and removed. */
  readonly isBase: boolean
  readonly #pattern: RegExp | undefined

  constructor(name: string, data: JsonObject) {
    this.name = name
    this.description = stringIn(data, 'description')
    const type = own(data, 'type')
    this.types = (Array.isArray(type) ? type : [type]).filter((word) => typeof word === 'string')
    this.enum = arrayIn(data, 'enum')
    this.pattern = stringIn(data, 'pattern')
    this.#pattern = regExp(this.pattern)
    this.minLength = numberIn(data, 'minLength')
    this.maxLength = numberIn(data, 'maxLength')
    this.minimum = numberIn(data, 'minimum')
    this.maximum = numberIn(data, 'maximum')
    const items = objectIn(data, 'items')
    this.items = items === undefined ? undefined : new SchemaProperty(name, items)
    this.readOnly = booleanIn(data, 'readOnly') ?? false
    this.isBase = booleanIn(data, 'is_base') ?? true
  }

  /**
   * @param name how to call the property in the message
   * @throws InvalidArgumentError when the value does not fit
   */
  validate(value: JsonValue, name: string = this.name): void {
    const why = this.#fault(value)
    if (why !== undefined) throw new InvalidArgumentError(`The property ${name} ${why}.`)
  }

  #fault(value: JsonValue): string | undefined {
    const type = typeOf(value)
    const fits = this.types.includes(type) || (type === 'integer' && this.types.includes('number'))
    if (this.types.length > 0 && !fits) return `must be ${this.types.join(' or ')}, not ${type}`
    if (this.enum !== undefined && !isJsonObject(value) && !this.enum.includes(value)) {
      return `must be one of ${this.enum.map((word) => String(word)).join(', ')}`
    }
    if (typeof value === 'string') return this.#textFault(value)
    if (typeof value === 'number') return this.#numberFault(value)
    if (Array.isArray(value)) for (const item of value) this.items?.validate(item, `${this.name} (an element)`)
    return undefined
  }

  #textFault(text: string): string | undefined {
    // Lengths are counted in characters, as the services do, not in UTF-16 units.
    const length = [...text].length
    if (this.maxLength !== undefined && length > this.maxLength) return `has more than ${this.maxLength} characters`
    if (this.minLength !== undefined && length < this.minLength) return `has less than ${this.minLength} characters`
    if (this.#pattern !== undefined && !this.#pattern.test(text)) return `does not match ${this.pattern}`
    return undefined
  }

  #numberFault(value: number): string | undefined {
    if (this.minimum !== undefined && value < this.minimum) return `must be at least ${this.minimum}`
    if (this.maximum !== undefined && value > this.maximum) return `must be at most ${this.maximum}`
    return undefined
  }
}
