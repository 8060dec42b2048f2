import { join } from 'node:path'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { parse, stringify } from 'yaml'
import { newSecret } from '../http/secret.ts'
import { defaultDomain, region } from './domain.ts'
import { createSecretFile, readIfThere, replaceSecretFile } from './secret-file.ts'

const CloudsSchema = Type.Object({
  clouds: Type.Record(
    Type.String(),
    Type.Object({ auth: Type.Optional(Type.Object({ password: Type.Optional(Type.String()) })) }),
  ),
})
const checkClouds = Compile(CloudsSchema)

export interface CloudAccount {
  /** Of the user, of the user's project, and of the cloud in the file. */
  readonly name: string
  readonly password: string
}

export const cloudsPath = (dataPath: string): string => join(dataPath, 'clouds.yaml')

const cloudFor = ({ name, password }: CloudAccount, authUrl: string) => ({
  auth: {
    auth_url: authUrl,
    username: name,
    password,
    project_name: name,
    user_domain_id: defaultDomain.id,
    project_domain_id: defaultDomain.id,
  },
  region_name: region,
  interface: 'public',
  identity_api_version: 3,
  image_api_version: 2,
})

const readClouds = async (path: string) => {
  const text = await readIfThere(path)
  if (text === undefined) return {}
  const document: unknown = parse(text)
  if (!checkClouds.Check(document)) throw new Error(`${path} is not a clouds.yaml; move it away to have a new one made`)
  return document.clouds
}

const render = (clouds: object): string =>
  `# Accounts of the demonstration, for OS_CLIENT_CONFIG_FILE. The passwords are kept only here.\n${stringify({ clouds }, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' })}`

/** Passwords that clouds.yaml has for these accounts, by name. */
export const readPasswords = async (
  dataPath: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const clouds = await readClouds(cloudsPath(dataPath))
  return new Map(
    names.flatMap((name) => {
      const password = clouds[name]?.auth?.password
      return password === undefined ? [] : [[name, password] as const]
    }),
  )
}

/** Writes the clouds of these accounts, with the URL where they are now. Others in the file stay. */
export const writeClouds = async (
  dataPath: string,
  accounts: readonly CloudAccount[],
  authUrl: string,
): Promise<void> => {
  const path = cloudsPath(dataPath)
  const ours = Object.fromEntries(accounts.map((account) => [account.name, cloudFor(account, authUrl)]))
  await replaceSecretFile(path, render({ ...(await readClouds(path)), ...ours }))
}

/**
 * Passwords of the demonstration's accounts: those of clouds.yaml, and new ones, durably written there, for accounts that
 * it does not have.
 * @param authUrl for new entries, until the right one is known
 */
export const ensurePasswords = async (
  dataPath: string,
  names: readonly string[],
  authUrl: string,
): Promise<ReadonlyMap<string, string>> => {
  const made = names.map((name) => ({ name, password: newSecret() }))
  const clouds = Object.fromEntries(made.map((account) => [account.name, cloudFor(account, authUrl)]))
  await createSecretFile(cloudsPath(dataPath), render(clouds))
  const known = await readPasswords(dataPath, names)
  const missing = made.filter(({ name }) => !known.has(name))
  if (missing.length === 0) return known
  await writeClouds(dataPath, missing, authUrl)
  return readPasswords(dataPath, names)
}
