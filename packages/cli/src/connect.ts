import type {
  ImageService,
  NamedId,
  OpenStack,
  RequestTrace,
  ResponseTrace,
  Session,
  TransportOptions,
} from '@vitrine/sdk'
import { CommandError } from './command-error.ts'
import type { Invocation } from './context.ts'
import { ExitCode } from './exit-codes.ts'
import { untilAborted } from './interrupt.ts'
import { printable } from './text.ts'
import { version } from './version.ts'

export interface Connection {
  cloud: OpenStack
  service: ImageService
  session: Session
}

const debugHooks = ({ talk }: Invocation): TransportOptions => {
  const line = (text: string) => talk.stream.write(`${printable(text)}\n`)
  return {
    onRequest: ({ method, url, headers, attempt }: RequestTrace) => {
      line(`> ${method} ${url}${attempt > 1 ? ` (attempt ${attempt})` : ''}`)
      for (const [name, value] of Object.entries(headers)) line(`>   ${name}: ${value}`)
    },
    onResponse: ({ status, requestId, durationMs, error }: ResponseTrace) => {
      const outcome = status === undefined ? `no answer: ${error instanceof Error ? error.message : error}` : status
      line(`< ${outcome}  ${requestId ?? ''}  ${Math.round(durationMs)} ms`)
    },
  }
}

/** How requests are sent and told of, whoever is asked. */
export const transportOptions = (invocation: Invocation): TransportOptions => ({
  userAgent: `vitrine/${version}`,
  ...(invocation.fetch === undefined ? {} : { fetch: invocation.fetch }),
  ...(invocation.settings.debug === true ? debugHooks(invocation) : {}),
})

const openCloud = async (invocation: Invocation): Promise<OpenStack> => {
  const { environment, settings } = invocation
  const options = transportOptions(invocation)
  const cloud = settings.cloud ?? (environment.OS_CLOUD || undefined)
  // An openrc file speaks for itself; clouds.yaml is asked when a cloud is named, or when there is nothing else.
  if (cloud === undefined && environment.OS_AUTH_URL) {
    const { fromEnvironment } = await import('@vitrine/sdk')
    const region = settings.region === undefined ? {} : { OS_REGION_NAME: settings.region }
    return fromEnvironment({ ...environment, ...region }, options)
  }
  const { fromClouds } = await import('@vitrine/sdk/node')
  return fromClouds(cloud, { ...options, env: environment, region: settings.region })
}

/** Opens the cloud that the options and the environment name, and authenticates there. */
export const connect = async (invocation: Invocation): Promise<Connection> => {
  const cloud = await openCloud(invocation)
  const session = await untilAborted(cloud.authenticate(), invocation.signal)
  return { cloud, service: cloud.imageService(), session }
}

/** The project that the command speaks for. */
export const projectOf = ({ session }: Connection): NamedId => {
  if (session.project !== undefined) return session.project
  throw new CommandError(
    ExitCode.denied,
    'The credentials are not for a project, and images belong to projects.',
    'Name one: OS_PROJECT_NAME, or project_name in clouds.yaml.',
  )
}
