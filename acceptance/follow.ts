import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { CloudName } from './accounts.ts'
import type { Stage } from './stage.ts'
import { waitFor } from './wait.ts'

/** A command that prints until it is stopped. */
export interface Following extends AsyncDisposable {
  /** Waits for a line that no earlier call has waited for. */
  line(pattern: RegExp, timeoutMs: number): Promise<string>
}

/** Runs `vitrine` in the background; it ends with the block that holds it. */
export const follow = (stage: Pick<Stage, 'environment'>, cloud: CloudName, args: readonly string[]): Following => {
  const environment = { ...stage.environment, OS_CLOUD: cloud }
  const child = spawn('vitrine', args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  let printed = ''
  let said = ''
  let taken = 0
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8')
  })
  return {
    line: (pattern, timeoutMs) =>
      waitFor(
        `a line ${pattern}`,
        () => {
          const lines = printed.split('\n').slice(0, -1)
          const index = lines.findIndex((line, position) => position >= taken && pattern.test(line))
          if (index === -1) return undefined
          taken = index + 1
          return lines[index]
        },
        timeoutMs,
      ).catch((error: unknown) => {
        throw new Error(`vitrine ${args.join(' ')} printed: ${printed}${said}`, { cause: error })
      }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await closed
    },
  }
}
