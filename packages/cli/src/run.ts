import { CommanderError } from 'commander'
import { ToldError } from './command-error.ts'
import { type Context, write } from './context.ts'
import { ExitCode } from './exit-codes.ts'
import { createProgram } from './program.ts'
import { tellError } from './tell-error.ts'

/** The reader of a pipe has gone (`| head`): nobody is left to tell anything, and nothing is wrong. */
export const isClosedPipe = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE'

const exitCodeOf = async (context: Context, error: unknown, debug: boolean): Promise<number> => {
  // Commander has written its text already: help, the version, or what is wrong with the command line.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
  if (error instanceof ToldError) return error.exitCode
  if (isClosedPipe(error)) return ExitCode.ok
  return tellError({ ...context, settings: { debug } }, error)
}

/**
 * Runs one command line.
 * @param words without the names of node and of the script
 * @returns the exit code; nothing is thrown
 */
export const run = async (words: readonly string[], context: Context): Promise<number> => {
  const program = createProgram(context)
  try {
    if (words[0] === '__complete') {
      const { completions } = await import('./commands/completion.ts')
      const found = completions(program, words.slice(1))
      await write(context.out, found.map((word) => `${word}\n`).join(''))
    } else {
      await program.parseAsync(words, { from: 'user' })
    }
    return ExitCode.ok
  } catch (error) {
    return exitCodeOf(context, error, program.opts<{ debug?: boolean }>().debug === true)
  }
}
