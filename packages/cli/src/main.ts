import { processContext, write } from './context.ts'
import { ExitCode } from './exit-codes.ts'
import { watchSignals } from './interrupt.ts'
import { isClosedPipe, run } from './run.ts'
import { tellError } from './tell-error.ts'

// An output that fails is told by an event besides the failed write; unheard, it would end in a stack trace. Not every
// write waits for its end, that of the help does not: what nobody has heard by the end is told then.
let failure: Error | undefined
process.stdout.on('error', (error) => {
  failure ??= error
})
process.stderr.on('error', () => {})

const context = processContext(watchSignals())
const ended = await run(process.argv.slice(2), context)
await Promise.allSettled([write(context.out, ''), write(context.talk, '')])
const isUnheard = ended === ExitCode.ok && failure !== undefined && !isClosedPipe(failure)
const exitCode = isUnheard ? await tellError({ ...context, settings: {} }, failure) : ended
// Said in so many words, because a refused or interrupted upload can leave an open standard input or connection behind,
// and waiting for their end would be waiting for nothing.
process.exit(exitCode)
