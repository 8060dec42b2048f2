import { createHmac, randomBytes } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, ConfigError, loadConfig } from '../../config.ts'
import { createSecretFile, replaceSecretFile } from '../../identity/secret-file.ts'
import { keyBytes } from '../wrapping.ts'

/** What the embedded key manager seals all keys with. */
export interface MasterKey {
  /** Tells one from another, and nothing of its bytes. */
  readonly id: string
  readonly bytes: Uint8Array
}

type Settings = Pick<Config, 'data' | 'master_key' | 'master_key_file' | 'master_key_previous'>

/** Where the current master key is kept, with words for people. */
export interface MasterKeySource {
  /** Undefined: it is a setting. */
  readonly path: string | undefined
  /** Whether it lies where everything else of the service lies, because nobody chose another place. */
  readonly isBesideData: boolean
  /** How a master key that nothing needs any more is taken away. */
  readonly howToForget: string
}

const label = 'vitrine master key'
const form = /^[A-Za-z0-9+/]{43}=$/
/** Further bits of the mode of a file than those of its owner. */
const othersMode = 0o077

const masterKeyOf = (text: string): MasterKey => {
  const bytes = Buffer.from(text, 'base64')
  return { id: createHmac('sha256', bytes).update(label).digest('hex').slice(0, 16), bytes }
}

const newMasterKeyText = (): string => randomBytes(keyBytes).toString('base64')

export const sourceOf = ({ data, master_key, master_key_file }: Settings): MasterKeySource => {
  if (master_key !== undefined) {
    return { path: undefined, isBesideData: false, howToForget: 'the setting master_key_previous can be removed' }
  }
  const path = master_key_file ?? join(data, 'master-key')
  return {
    path,
    isBesideData: master_key_file === undefined,
    howToForget: `all lines but the first of ${path}, and the setting master_key_previous, can be removed`,
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * The lines of a master key file, the current key first; undefined if there is no such file.
 * @throws ConfigError when others may read it, or when it holds anything else
 */
const readLines = async (path: string): Promise<[string, ...string[]] | undefined> => {
  const file = await openIfThere(path)
  if (file === undefined) return undefined
  try {
    const { mode } = await file.stat()
    if (process.platform !== 'win32' && (mode & othersMode) !== 0) {
      throw new ConfigError(
        `The master key in ${path} can be read by others than its owner. Run: chmod 600 ${path}; if somebody may have read it, also: vitrine master-key rotate`,
      )
    }
    const [first, ...rest] = (await file.readFile('utf8'))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
    if (first === undefined) throw new ConfigError(`The master key file ${path} is empty; put its content back`)
    if (![first, ...rest].every((line) => form.test(line))) {
      throw new ConfigError(`Every line of the master key file ${path} must be 32 bytes in base64`)
    }
    return [first, ...rest]
  } finally {
    await file.close()
  }
}

/** Makes the file of the first master key, unless another process was faster. */
export const makeMasterKeyFile = async (path: string): Promise<void> => {
  await createSecretFile(path, `${newMasterKeyText()}\n`)
}

/**
 * All master keys that the settings name, the current one first; undefined if there is none yet.
 * @throws ConfigError
 */
export const readMasterKeys = async (settings: Settings): Promise<[MasterKey, ...MasterKey[]] | undefined> => {
  const { path } = sourceOf(settings)
  const texts = path === undefined ? [settings.master_key ?? ''] : await readLines(path)
  const [current, ...others] = texts ?? []
  if (current === undefined) return undefined
  if (settings.master_key_previous !== undefined) others.push(settings.master_key_previous)
  return [masterKeyOf(current), ...others.map(masterKeyOf)]
}

/** The master keys that this process has come by. */
export interface MasterKeys {
  known(id: string): MasterKey | undefined
  /** Looks for one that is not known yet: another process may have begun to use a new line of the file. */
  find(id: string): Promise<MasterKey | undefined>
}

export const createMasterKeys = (settings: Settings, first: readonly MasterKey[]): MasterKeys => {
  const keys = new Map(first.map((key) => [key.id, key]))
  return {
    known: (id) => keys.get(id),
    find: async (id) => {
      if (!keys.has(id)) {
        for (const key of (await readMasterKeys(settings)) ?? []) if (!keys.has(key.id)) keys.set(key.id, key)
      }
      return keys.get(id)
    },
  }
}

/**
 * Puts a new master key before those of a file. The service seals everything anew under it when it starts next; until it
 * says so, the lines after the first are needed.
 * @throws ConfigError
 */
export const rotateMasterKeyFile = async (path: string): Promise<void> => {
  const turn = `${path}.rotating`
  if ((await readLines(path)) === undefined) {
    throw new ConfigError(`There is no master key at ${path} yet; the first start of the service makes it`)
  }
  // A rotation that had read the file before another replaced it would drop the key of that one.
  if (!(await createSecretFile(turn, ''))) {
    throw new ConfigError(`Another rotation is under way, or broke off. If none is, remove ${turn}`)
  }
  try {
    const lines = (await readLines(path)) ?? []
    await replaceSecretFile(path, `${[newMasterKeyText(), ...lines].join('\n')}\n`)
  } finally {
    await rm(turn, { force: true })
  }
}

/**
 * The same for the master key of a service, found by its settings.
 * @returns the path of the file
 * @throws ConfigError when it is no file
 */
export const rotateMasterKey = async (given: {
  readonly environment: NodeJS.ProcessEnv
  readonly configPath?: string | undefined
  readonly data?: string | undefined
}): Promise<string> => {
  const { environment, configPath, data } = given
  const { path } = sourceOf(await loadConfig({ environment, configPath, options: { data } }))
  if (path === undefined) {
    throw new ConfigError(
      'The master key is the setting master_key. Set master_key_previous to it, master_key to the output of `openssl rand -base64 32`, and restart the service',
    )
  }
  await rotateMasterKeyFile(path)
  return path
}
