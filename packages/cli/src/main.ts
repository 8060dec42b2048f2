import { processContext, write } from './context.ts'
import { watchSignals } from './interrupt.ts'
import { run } from './run.ts'

// A reader that goes away (`| head`) is told by an event besides the failed write; unheard, it would end in a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
process.stderr.on('error', () => {})

const context = processContext(watchSignals())
const exitCode = await run(process.argv.slice(2), context)
await Promise.allSettled([write(context.out, ''), write(context.talk, '')])
// Said in so many words, because a refused or interrupted upload can leave an open standard input or connection behind,
// and waiting for their end would be waiting for nothing.
process.exit(exitCode)
