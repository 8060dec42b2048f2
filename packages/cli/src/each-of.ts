import { InterruptedError, ToldError } from './command-error.ts'
import type { Invocation } from './context.ts'
import { tellError } from './tell-error.ts'

/**
 * Does the same to several things, one after the other. What fails is told and does not keep the others from their turn.
 * @returns what was done, and the failure to end with (the exit code of the first one) when there was any
 */
export const eachOf = async <T, R>(
  invocation: Invocation,
  things: readonly T[],
  act: (thing: T) => Promise<R>,
): Promise<{ done: R[]; failed: ToldError | undefined }> => {
  const done: R[] = []
  let failed: ToldError | undefined
  for (const thing of things) {
    try {
      done.push(await act(thing))
    } catch (error) {
      if (error instanceof InterruptedError || things.length === 1) throw error
      const exitCode = await tellError(invocation, error)
      failed ??= new ToldError(exitCode)
    }
  }
  return { done, failed }
}
