import assert from 'node:assert/strict'
import type { CloudName } from './accounts.ts'
import type { Finished } from './process.ts'
import type { Stage } from './stage.ts'

/** The `vitrine` command as one user. */
export type Vitrine = (...args: string[]) => Promise<Finished>

/**
 * The command of this checkout, without npx around it.
 * @param user a cloud of clouds.yaml, or the environment of a user
 */
export const vitrineAs =
  (stage: Pick<Stage, 'run'>, user: CloudName | NodeJS.ProcessEnv): Vitrine =>
  (...args) =>
    stage.run('vitrine', args, { environment: typeof user === 'string' ? { OS_CLOUD: user } : user })

/** It must succeed. */
export const succeeds = async (vitrine: Vitrine, ...args: string[]): Promise<Finished> => {
  const finished = await vitrine(...args)
  assert.equal(finished.exitCode, 0, `vitrine ${args.join(' ')}: ${finished.stderr}`)
  return finished
}

/** It must fail with this exit code. @returns what it says */
export const fails = async (exitCode: number, vitrine: Vitrine, ...args: string[]): Promise<string> => {
  const finished = await vitrine(...args)
  assert.equal(finished.exitCode, exitCode, `vitrine ${args.join(' ')}: ${finished.stdout}${finished.stderr}`)
  return finished.stderr
}

export const textsIn = (parsed: unknown): Record<string, string> => {
  assert.ok(typeof parsed === 'object' && parsed !== null)
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value),
    ]),
  )
}

/** What `-f json` prints of a list: objects, each value as text. */
export const objectsIn = (printed: string): Record<string, string>[] => {
  const parsed: unknown = JSON.parse(printed)
  assert.ok(Array.isArray(parsed))
  return parsed.map((entry: unknown) => textsIn(entry))
}

export const jsonOf = async (vitrine: Vitrine, ...args: string[]): Promise<string> =>
  (await succeeds(vitrine, ...args, '-f', 'json')).stdout

/** The rows of a list. */
export const rowsOf = async (vitrine: Vitrine, ...args: string[]): Promise<Record<string, string>[]> =>
  objectsIn(await jsonOf(vitrine, ...args))

/** The attributes of one thing. */
export const shownBy = async (vitrine: Vitrine, ...args: string[]): Promise<Record<string, string>> =>
  textsIn(JSON.parse(await jsonOf(vitrine, ...args)))
