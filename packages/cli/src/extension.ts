import { CommandError } from './command-error.ts'
import { ExitCode } from './exit-codes.ts'

/** Whether the path itself is unknown: how clouds with the Image API alone answer to what goes beyond it. */
export const isUnknownPath = async (error: unknown): Promise<boolean> => {
  const { HttpError } = await import('@vitrine/sdk')
  return error instanceof HttpError && (error.status === 404 || error.status === 405)
}

/** Takes another way on clouds that do not know the first one. Only for paths that exist whenever the cloud knows them. */
export const orElse = async <T>(first: Promise<T>, other: () => Promise<T>): Promise<T> => {
  try {
    return await first
  } catch (error) {
    if (await isUnknownPath(error)) return other()
    throw error
  }
}

/** @param what cannot be done there, as the beginning of a sentence: `The catalogue is` */
export const unsupported = (what: string): CommandError =>
  new CommandError(
    ExitCode.notFound,
    `${what} not part of this cloud's image service.`,
    'It needs one that is Vitrine.',
  )

/** For a path that exists on every Vitrine: says so where it does not. */
export const needsVitrine = <T>(what: string, call: Promise<T>): Promise<T> =>
  orElse(call, () => Promise.reject(unsupported(what)))

/** The same for a list. */
export async function* listNeedsVitrine<T>(what: string, things: AsyncIterable<T>): AsyncGenerator<T, undefined> {
  try {
    yield* things
  } catch (error) {
    throw (await isUnknownPath(error)) ? unsupported(what) : error
  }
}
