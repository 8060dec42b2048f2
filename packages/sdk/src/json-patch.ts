import { InvalidArgumentError } from './errors.ts'
import type { JsonValue } from './json.ts'

/** The operations that the Image API knows; `move`, `copy` and `test` of RFC 6902 it refuses. */
const operationTypes = ['add', 'remove', 'replace'] as const
export type OperationType = (typeof operationTypes)[number]

/** The name of an attribute as a segment of a JSON pointer (RFC 6901): `~` becomes `~0` and `/` becomes `~1`. */
export const encodePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

/** What one operation looks like on the wire. */
export interface PatchOperationDocument {
  op: OperationType
  path: string
  value?: JsonValue
}

/** One change of one attribute. */
export class PatchOperation {
  readonly type: OperationType
  readonly name: string
  readonly value: JsonValue | undefined

  /**
   * @param name the attribute, not yet encoded
   * @param value needed by add and replace; remove has none
   */
  constructor(type: OperationType, name: string, value?: JsonValue) {
    if (!operationTypes.includes(type)) {
      throw new InvalidArgumentError(`A patch knows ${operationTypes.join(', ')}; ${JSON.stringify(type)} is none.`)
    }
    if (name === '') throw new InvalidArgumentError('An attribute needs a name that is not empty.')
    if (type !== 'remove' && value === undefined) {
      throw new InvalidArgumentError(`The operation ${type} of ${name} needs a value.`)
    }
    this.type = type
    this.name = name
    this.value = type === 'remove' ? undefined : value
  }

  get path(): string {
    return `/${encodePointer(this.name)}`
  }

  toJSON(): PatchOperationDocument {
    const head = { op: this.type, path: this.path }
    return this.value === undefined ? head : { ...head, value: this.value }
  }
}

/** Operations in the order in which they are to be applied. Either all of them are, or none. */
export class PatchDocument {
  readonly #operations: PatchOperation[]

  constructor(operations: Iterable<PatchOperation> = []) {
    this.#operations = [...operations]
  }

  get operations(): readonly PatchOperation[] {
    return this.#operations
  }

  addOperation(operation: PatchOperation): this {
    this.#operations.push(operation)
    return this
  }

  toJSON(): PatchOperationDocument[] {
    return this.#operations.map((operation) => operation.toJSON())
  }

  /** The JSON text to send. */
  toString(): string {
    return JSON.stringify(this)
  }
}
