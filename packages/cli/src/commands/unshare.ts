import type { Image, ImageService } from '@vitrine/sdk'
import { CommandError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { ExitCode, exitCodeForStatus } from '../exit-codes.ts'
import { needsVitrine } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { imageLabel } from '../image-label.ts'
import { isProjectName } from '../project-id.ts'
import { printable } from '../text.ts'
import type { DeleteOptions } from './image-delete.ts'

/** Ends the share of the project of a name, or its invitation. */
const takeBackByName = async (
  service: ImageService,
  image: Image,
  name: string,
  signal: AbortSignal,
): Promise<void> => {
  const ended = service.unshareMany({ images: [image.id], projects: [name] }, { signal })
  const { results } = await needsVitrine({ signal }, service, 'Taking back by the name of a project is', ended)
  const [first] = results
  if (first?.error) throw new CommandError(exitCodeForStatus(first.error.status), first.error.message)
  if (first?.result === 'unchanged') {
    throw new CommandError(ExitCode.notFound, `${imageLabel(image)} is not shared with ${printable(name)}.`)
  }
}

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
    if (isProjectName(project)) await takeBackByName(connection.service, image, project, signal)
    else await image.deleteMember(project, { signal })
    await say(invocation, `${name} is no longer shared with ${printable(project)}.`)
  })
  if (failed !== undefined) throw failed
}
