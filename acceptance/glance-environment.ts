import { type CloudName, passwordOf } from './accounts.ts'
import type { Stage } from './stage.ts'

/** What the `glance` command needs to know of a user; it does not read clouds.yaml. */
export const glanceEnvironment = async (
  stage: Pick<Stage, 'service' | 'data'>,
  name: CloudName,
): Promise<NodeJS.ProcessEnv> => ({
  OS_AUTH_URL: `${stage.service.url}/identity/v3`,
  OS_USERNAME: name,
  OS_PASSWORD: await passwordOf(stage.data, name),
  OS_PROJECT_NAME: name,
  OS_USER_DOMAIN_ID: 'default',
  OS_PROJECT_DOMAIN_ID: 'default',
  OS_IDENTITY_API_VERSION: '3',
})
