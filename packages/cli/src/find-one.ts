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
  /** A name for people, which several may have. */
  label?: ((thing: T) => string | null) | undefined
  /** What to tell of it where several answer to a beginning. */
  describe(thing: T): string
}

const shortest = 4
const maxDescribed = 10

/** Past this it is quicker to copy the whole id. */
const searchLimit = 10_000

/**
 * The thing of an id, of the first four or more characters of one, or of another name, if only it has that.
 * @throws CommandError when there is none (not found), or more than one (conflict)
 */
export const findOne = async <T>(things: AsyncIterable<T>, reference: string, kind: Kind<T>): Promise<T> => {
  if (reference === '') throw usageError(`The ${kind.name} is empty: give its id.`)
  const found: T[] = []
  let seen = 0
  for await (const thing of things) {
    if (kind.id(thing) === reference || kind.names?.(thing).includes(reference) === true) return thing
    const isBegun = reference.length >= shortest && kind.id(thing).startsWith(reference.toLowerCase())
    if (isBegun || kind.label?.(thing) === reference) found.push(thing)
    if (++seen >= searchLimit)
      throw new CommandError(
        ExitCode.error,
        `More than ${searchLimit} were looked through for ${printable(reference)}.`,
      )
  }
  const [only, ...others] = found
  if (only === undefined) {
    throw new CommandError(ExitCode.notFound, `There is no ${kind.name} ${printable(reference)}.`, `See: ${kind.list}`)
  }
  if (others.length === 0) return only
  const shown = found.slice(0, maxDescribed).map((thing) => `  ${kind.id(thing)}  ${printable(kind.describe(thing))}`)
  throw new CommandError(
    ExitCode.conflict,
    kind.label === undefined
      ? `The ids of ${found.length} begin with ${printable(reference)}.`
      : `${found.length} answer to ${printable(reference)}; vitrine never guesses which one is meant.`,
    [...shown, kind.label === undefined ? 'Give more of the id.' : 'Give the id.'].join('\n'),
  )
}
