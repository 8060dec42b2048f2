import type { ImageService } from '@vitrine/sdk'
import { CommandError } from './command-error.ts'
import type { Invocation } from './context.ts'
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

/** Whether the service knows what goes beyond the Image API, by a path that every Vitrine has and nobody is denied. */
const isVitrine = async (service: ImageService, signal: AbortSignal): Promise<boolean> => {
  try {
    await service.getProjectSettings({ signal })
    return true
  } catch (error) {
    signal.throwIfAborted()
    return !(await isUnknownPath(error))
  }
}

/**
 * For what other clouds cannot do. Their "not found" is about the path; Vitrine's is about the thing, and is passed on.
 * @throws CommandError when the cloud has no such thing
 */
export const needsVitrine = async <T>(
  { signal }: Pick<Invocation, 'signal'>,
  service: ImageService,
  what: string,
  call: Promise<T>,
): Promise<T> => {
  try {
    return await call
  } catch (error) {
    if ((await isUnknownPath(error)) && !(await isVitrine(service, signal))) throw unsupported(what)
    throw error
  }
}

/** For lists that every Vitrine has: says so where they are not there. */
export async function* listNeedsVitrine<T>(what: string, things: AsyncIterable<T>): AsyncGenerator<T, undefined> {
  try {
    yield* things
  } catch (error) {
    throw (await isUnknownPath(error)) ? unsupported(what) : error
  }
}
