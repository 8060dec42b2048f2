import type { AddressInfo } from 'node:net'
import { assemble } from './assemble.ts'
import { ConfigError, loadConfig, unknownVariables } from './config.ts'

export interface StartOptions {
  /** `HOST:PORT`; port 0 takes a free one. */
  readonly listen?: string | undefined
  /** Folder of everything that the service keeps. */
  readonly data?: string | undefined
  /** Make accounts and a clouds.yaml to try the service with. */
  readonly demo?: boolean | undefined
  /** A YAML file of settings. */
  readonly configPath?: string | undefined
  readonly environment: NodeJS.ProcessEnv
}

/** A service that takes requests. */
export interface RunningServer {
  /** Where it is reached, without a slash at the end. */
  readonly url: string
  /** Folder of everything that the service keeps. */
  readonly data: string
  close(): Promise<void>
}

const splitListen = (listen: string): { host: string; port: number } => {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(listen)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new ConfigError(`listen must be HOST:PORT, not ${listen}`)
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}

const urlOf = ({ address, family, port }: AddressInfo): string => {
  const host =
    address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '[::1]' : family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}

/**
 * Starts the service: settings, database, stores, accounts, then the port.
 * @throws ConfigError when a setting cannot be used; the error of Node when the port cannot
 */
export const startServer = async (options: StartOptions): Promise<RunningServer> => {
  const { listen, data, demo, configPath, environment } = options
  const config = await loadConfig({ environment, configPath, options: { listen, data, demo } })
  const { host, port } = splitListen(config.listen)
  const { app, announce, close } = await assemble(config)
  for (const name of unknownVariables(environment)) app.log.warn(`the variable ${name} is no setting of Vitrine`)
  try {
    await app.listen({ host, port })
    const [bound] = app.addresses()
    if (bound === undefined || typeof bound === 'string') throw new Error('the service listens on no address')
    const url = config.public_url ?? urlOf(bound)
    await announce(url)
    return { url, data: config.data, close }
  } catch (error) {
    await close()
    throw error
  }
}
