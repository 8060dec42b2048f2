import { createInterface } from 'node:readline/promises'
import { CommandError } from './command-error.ts'
import type { Invocation } from './context.ts'
import { ExitCode } from './exit-codes.ts'

/**
 * Asks before something that cannot be undone; only where a person sits at a terminal, so that scripts never hang.
 * @throws CommandError unless the answer is yes
 */
export const confirm = async (invocation: Invocation, question: string, yes: boolean | undefined): Promise<void> => {
  const { stdin, stdinIsTerminal, talk, signal } = invocation
  if (yes === true || !stdinIsTerminal || !talk.isTerminal) return
  const dialogue = createInterface({ input: stdin, output: talk.stream, terminal: true })
  // The dialogue takes Ctrl-C from the terminal; it is to mean the same as everywhere else.
  dialogue.on('SIGINT', () => process.emit('SIGINT', 'SIGINT'))
  try {
    const answer = await dialogue.question(`${question} [y/N] `, { signal })
    if (!/^y(?:es)?$/i.test(answer.trim())) throw new CommandError(ExitCode.error, 'Nothing was changed.')
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    dialogue.close()
  }
}
