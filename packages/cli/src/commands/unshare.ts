import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { printable } from '../text.ts'
import type { DeleteOptions } from './image-delete.ts'

export const unshareImage = async (
  invocation: Invocation,
  reference: string,
  projects: readonly string[],
  options: DeleteOptions,
): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const name = printable(image.name ?? image.id)
  const who = projects.length === 1 ? `project ${printable(projects[0] ?? '')}` : `${projects.length} projects`
  await confirm(
    invocation,
    `Take ${name} (${image.id}) back from ${who}? It can no longer be used there, at once.`,
    options.yes,
  )
  const { failed } = await eachOf(invocation, projects, async (project) => {
    await image.deleteMember(project, { signal })
    await say(invocation, `${name} is no longer shared with ${printable(project)}.`)
  })
  if (failed !== undefined) throw failed
}
