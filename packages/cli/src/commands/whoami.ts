import type { Session } from '@vitrine/sdk'
import { connect } from '../connect.ts'
import type { Invocation } from '../context.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import type { View } from '../output/view.ts'
import { formatInstant } from '../units.ts'

interface Identity {
  session: Session
  endpoint: string
}

const identityView: View<Identity> = {
  columns: [],
  document: ({ session: { project, user, roles, expiresAt }, endpoint }) => ({
    project_id: project?.id ?? null,
    project_name: project?.name ?? null,
    user_id: user?.id ?? null,
    user_name: user?.name ?? null,
    roles: [...roles],
    expires_at: formatInstant(expiresAt),
    image_endpoint: endpoint,
  }),
  open: true,
}

/** The project and user that commands speak for. */
export const showIdentity = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service, session } = await connect(invocation)
  await writeRecord(invocation, identityView, { session, endpoint: await service.endpoint() }, options)
}
