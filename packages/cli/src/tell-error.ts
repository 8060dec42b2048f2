import { type Invocation, red, say } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { explain } from './explain.ts'

/** Says what went wrong, as `vitrine: ...`. */
export const tellError = async (invocation: Invocation, error: unknown): Promise<ExitCode> => {
  const { exitCode, lines } = await explain(error)
  const [first = '', ...rest] = lines
  await say(invocation, [`${red(invocation.talk, 'vitrine:')} ${first}`, ...rest].join('\n'))
  if (invocation.settings.debug === true && error instanceof Error && error.stack !== undefined) {
    await say(invocation, error.stack)
  }
  return exitCode
}
