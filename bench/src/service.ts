import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, startChild } from './child.ts'

/** The service under measurement, in a process of its own. */
export interface Service extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly pid: number
}

export interface ServiceOptions {
  /** The file that starts the service, called as `FILE serve --demo --listen ADDRESS --data FOLDER`. */
  readonly entry: string
  readonly data: string
  /** Its only core; null: any. */
  readonly core: number | null
  /** Folder for a profile of where its time goes, written when it ends. */
  readonly profiles: string | undefined
  /** Settings that are not at their defaults, as its file of settings has them. */
  readonly settings?: Settings | undefined
}

export type Settings = Readonly<Record<string, unknown>>

export const defaultEntry = join(import.meta.dirname, '../../packages/cli/bin/vitrine.js')

/** The service runs with its defaults, whatever is set around the benchmark. */
const plainEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITRINE_')))

/** Starts the service on a free port and waits until it takes requests. */
export const startService = async ({ entry, data, core, profiles, settings }: ServiceOptions): Promise<Service> => {
  await mkdir(data, { recursive: true })
  const settingsPath = join(data, '..', 'settings.yaml')
  // JSON is YAML too.
  if (settings !== undefined) await writeFile(settingsPath, JSON.stringify(settings))
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const given = settings === undefined ? [] : ['--config', settingsPath]
  const args = [...profiling, entry, 'serve', '--demo', '--listen', '127.0.0.1:0', '--data', data, ...given]
  const child: Child = startChild(process.execPath, args, {
    core,
    env: plainEnvironment(),
    logPath: join(data, '..', 'service.log'),
  })
  try {
    const [, url = ''] = await child.firstMatch(/listens on (http:\/\/\S+)/)
    return { url, port: Number(new URL(url).port), pid: child.pid, [Symbol.asyncDispose]: child[Symbol.asyncDispose] }
  } catch (error) {
    await child[Symbol.asyncDispose]()
    throw error
  }
}
