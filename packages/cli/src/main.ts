import { processContext } from './context.ts'
import { ExitCode } from './exit-codes.ts'
import { watchSignals } from './interrupt.ts'
import { run } from './run.ts'

// A reader that goes away (`| head`) is told by an event besides the failed write; unheard, it would end in a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
process.stderr.on('error', () => {})

const signal = watchSignals()
const exitCode = await run(process.argv.slice(2), processContext(signal))
// What was interrupted may leave a request behind that is not worth waiting for.
if (exitCode === ExitCode.interrupted || exitCode === ExitCode.terminated) process.exit(exitCode)
process.exitCode = exitCode
