import type { AccessRequestReceipt } from '@vitrine/sdk'
import { documentView, instant } from '../columns.ts'
import { usageError } from '../command-error.ts'
import { connect, transportOptions } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import { openCatalogue, parseListing } from '../open-catalogue.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { checkProjects, isUsualId } from '../project-id.ts'
import { printable } from '../text.ts'
import { wireDocument } from '../wire.ts'

export interface RequestOptions extends OutputOptions {
  email?: string
  project?: string
  message?: string
  url?: string
  anyId?: boolean
}

const view = documentView([instant('created_at', 'Made'), instant('decided_at', 'Decided')])

/** The same with what has to be there. It is not left to the parser, which would ask for it for `request show`, too. */
type Asking = RequestOptions & { email: string }

/** Without an account: who asks has to name the project, and nobody can check it. */
const askAnonymously = async (
  invocation: Invocation,
  reference: string,
  options: Asking,
): Promise<AccessRequestReceipt> => {
  const { handle, slug, url } = parseListing(reference)
  const { project, email, message } = options
  if (project === undefined) {
    throw usageError('Without an account the project has to be named.', 'Give its id: --project ID.')
  }
  if (project.includes('@')) throw usageError('Without an account the project has to be named by its id.')
  checkProjects([project], options.anyId === true)
  const { catalogue } = await openCatalogue(invocation, options.url ?? url)
  return catalogue.requestAccess(handle, slug, { project, email, message }, { signal: invocation.signal })
}

const askSignedIn = async (
  invocation: Invocation,
  reference: string,
  { project, email, message }: Asking,
): Promise<AccessRequestReceipt> => {
  const { handle, slug } = parseListing(reference)
  const { signal } = invocation
  const { cloud, service } = await connect(invocation)
  const id =
    project === undefined || isUsualId(project) ? project : (await cloud.resolveProject(project, { signal })).id
  const asked = service.requestAccess({ listing: `${handle}/${slug}`, project: id, email, message }, { signal })
  return needsVitrine(invocation, service, 'The catalogue is', asked)
}

/** Asks a producer for access to a listed image: for a project of the user, or, with an address, without any account. */
export const requestAccess = async (
  invocation: Invocation,
  reference: string,
  options: RequestOptions,
): Promise<void> => {
  const { email } = options
  if (email === undefined) throw usageError('Nobody could be answered.', 'Name a mailbox: --email ADDRESS')
  const isAnonymous = options.url !== undefined || parseListing(reference).url !== undefined
  const receipt = await (isAnonymous ? askAnonymously : askSignedIn)(invocation, reference, { ...options, email })
  await writeRecord(invocation, view, wireDocument(receipt), options)
  await say(invocation, `${printable(receipt.message)} How it stands: vitrine request show ${printable(receipt.track)}`)
}

/** How a request stands, by the secret address of its page. */
export const showRequest = async (invocation: Invocation, track: string, options: OutputOptions): Promise<void> => {
  const { Catalogue } = await import('@vitrine/sdk')
  const base = track.replace(/\/requests\/.*$/, '')
  if (!URL.canParse(track))
    throw usageError('This is not the address of a request.', 'It is in the answer to the request.')
  const catalogue = new Catalogue(base, transportOptions(invocation))
  const status = await catalogue.getRequest(track, { signal: invocation.signal })
  await writeRecord(invocation, view, wireDocument(status), options)
}
