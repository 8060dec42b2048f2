import { CommandError, usageError } from './command-error.ts'
import { ExitCode } from './exit-codes.ts'
import { printable } from './text.ts'

/** How things of one kind are told apart. */
export interface Kind<T> {
  /** What a person calls one: `request`. */
  name: string
  /** The command that lists them. */
  list: string
  id(thing: T): string
  /** Other names that only one thing can have, such as a slug. */
  names?: ((thing: T) => readonly string[]) | undefined
  /** What to tell of it where several answer to a beginning. */
  describe(thing: T): string
}

const shortest = 4
const maxDescribed = 10

/** Past this it is quicker to copy the whole id. */
const searchLimit = 10_000

/**
 * The thing of an id, of the first four or more characters of one, or of another name that only it has.
 * @throws CommandError when there is none (not found), or more than one (conflict)
 */
export const findOne = async <T>(things: AsyncIterable<T>, reference: string, kind: Kind<T>): Promise<T> => {
  if (reference === '') throw usageError(`The ${kind.name} is empty: give its id.`)
  const begun: T[] = []
  let seen = 0
  for await (const thing of things) {
    if (kind.id(thing) === reference || kind.names?.(thing).includes(reference) === true) return thing
    if (reference.length >= shortest && kind.id(thing).startsWith(reference.toLowerCase())) begun.push(thing)
    if (++seen >= searchLimit)
      throw new CommandError(
        ExitCode.error,
        `More than ${searchLimit} were looked through for ${printable(reference)}.`,
      )
  }
  const [only, ...others] = begun
  if (only === undefined) {
    throw new CommandError(ExitCode.notFound, `There is no ${kind.name} ${printable(reference)}.`, `See: ${kind.list}`)
  }
  if (others.length === 0) return only
  const shown = begun.slice(0, maxDescribed).map((thing) => `  ${kind.id(thing)}  ${printable(kind.describe(thing))}`)
  throw new CommandError(
    ExitCode.conflict,
    `The ids of ${begun.length} begin with ${printable(reference)}.`,
    [...shown, 'Give more of the id.'].join('\n'),
  )
}
