import type { AccessRequest, ImageService, RequestState } from '@vitrine/sdk'
import { requestView } from '../catalogue-views.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { listNeedsVitrine } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { findOne, type Kind } from '../find-one.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { printable } from '../text.ts'
import { resolveWhen, type When } from '../when.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

const what = 'Asking for access is'

const requestKind: Kind<AccessRequest> = {
  name: 'request',
  list: 'vitrine requests',
  id: ({ id }) => id,
  describe: ({ project, email }) => `${project}  ${email}`,
}

/** A whole id may be of one that does not wait any more: the service then says what became of it. */
const wholeId = /^[0-9a-f-]{32,36}$/i

const findRequest = (service: ImageService, reference: string, signal: AbortSignal): Promise<AccessRequest> =>
  wholeId.test(reference)
    ? service.getAccessRequest(reference.toLowerCase(), { signal })
    : findOne(
        listNeedsVitrine(what, service.listAccessRequests({ state: 'waiting' }, { signal })),
        reference,
        requestKind,
      )

export interface RequestsOptions extends OutputOptions {
  state: RequestState
  image?: string
}

/** Requests for the project's images, oldest first. */
export const listRequests = async (invocation: Invocation, options: RequestsOptions): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const { service } = connection
  const prefer = ownedBy(projectOf(connection).id)
  const image =
    options.image === undefined ? undefined : (await findImage(service, options.image, { signal, prefer })).id
  const requests = service.listAccessRequests({ state: options.state, image }, { signal })
  const count = await writeList(invocation, requestView, wireDocuments(listNeedsVitrine(what, requests)), options)
  if (count === 0) await say(invocation, `No request is ${options.state}.`)
  else if (options.state === 'waiting') {
    await say(invocation, 'To answer: vitrine approve ID, or vitrine deny ID --reason TEXT')
  }
}

/** Answers requests, one after the other; what fails is told and keeps none of the others from its turn. */
const decide = async (
  invocation: Invocation,
  references: readonly string[],
  options: OutputOptions,
  act: (request: AccessRequest) => Promise<unknown>,
  said: (request: AccessRequest) => string,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const { done, failed } = await eachOf(invocation, references, async (reference) => {
    const request = await findRequest(service, reference, signal)
    await act(request)
    await say(invocation, said(request))
    return wireDocument(request)
  })
  if (options.format !== 'table' || options.column !== undefined)
    await writeList(invocation, requestView, done, options)
  if (failed !== undefined) throw failed
}

export interface ApproveOptions extends OutputOptions {
  message?: string
  until?: When
  grant?: boolean
}

export const approveRequests = (
  invocation: Invocation,
  references: readonly string[],
  options: ApproveOptions,
): Promise<void> => {
  const { message, grant } = options
  const attributes = { message, grant, endsAt: resolveWhen(options.until, invocation.now(), '--until') }
  return decide(
    invocation,
    references,
    options,
    (request) => request.approve(attributes, { signal: invocation.signal }),
    ({ project, email }) => `Shared with ${printable(project)}; ${printable(email)} is told.`,
  )
}

export const denyRequests = (
  invocation: Invocation,
  references: readonly string[],
  options: OutputOptions & { reason: string },
): Promise<void> =>
  decide(
    invocation,
    references,
    options,
    (request) => request.deny(options.reason, { signal: invocation.signal }),
    ({ project, email }) => `Denied to ${printable(project)}; ${printable(email)} is told why.`,
  )
