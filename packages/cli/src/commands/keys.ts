import type { Key } from '@vitrine/sdk'
import { confirm } from '../confirm.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { listNeedsVitrine, needsVitrine } from '../extension.ts'
import { findKey, keyLabel, keysAre } from '../find-key.ts'
import { keyEventView, keyView } from '../key-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { upTo } from '../up-to.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

export interface KeyCreateOptions extends OutputOptions {
  default?: boolean
  /** `--never-grant` */
  neverGrant?: boolean
  /** Id of a secret of a Barbican. */
  secret?: string
}

export const createKey = async (
  invocation: Invocation,
  name: string | undefined,
  { default: isDefault, neverGrant, secret, ...options }: KeyCreateOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const attributes = { name, default: isDefault, grantable: neverGrant === true ? false : undefined }
  const made =
    secret === undefined ? service.createKey(attributes, { signal }) : service.adoptKey(secret, attributes, { signal })
  const key = await needsVitrine(invocation, service, keysAre, made)
  await writeRecord(invocation, keyView, wireDocument(key), options)
}

export const listKeys = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const keys = listNeedsVitrine(keysAre, service.listKeys({ signal: invocation.signal }))
  const count = await writeList(invocation, keyView, wireDocuments(keys), options)
  if (count === 0)
    await say(invocation, 'There are no keys. The first encrypted image makes one, or: vitrine key create')
}

export const showKey = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  await writeRecord(invocation, keyView, wireDocument(await findKey(invocation, service, reference)), options)
}

export interface KeyLogOptions extends OutputOptions {
  limit: number
}

/** Every use and change of a key, newest first. */
export const showKeyLog = async (invocation: Invocation, reference: string, options: KeyLogOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const key = await findKey(invocation, service, reference)
  const events = upTo(key.listEvents({ signal: invocation.signal }), options.limit)
  const count = await writeList(invocation, keyEventView, wireDocuments(events.things), options)
  if (count === 0) await say(invocation, 'Nothing is on record.')
  else if (events.more()) await say(invocation, `Only the last ${options.limit} are listed; --limit lists more.`)
}

/** Does something to a key, asks before that if there is a question, and says what came of it. */
const act = async (
  invocation: Invocation,
  reference: string,
  yes: boolean | undefined,
  question: (key: Key) => string | undefined,
  change: (key: Key) => Promise<unknown>,
  said: (key: Key) => string,
): Promise<void> => {
  const { service } = await connect(invocation)
  const key = await findKey(invocation, service, reference)
  const asked = question(key)
  if (asked !== undefined) await confirm(invocation, asked, yes)
  await change(key)
  await say(invocation, said(key))
}

const noQuestion = (): undefined => undefined

const imageCount = ({ images }: Key): string => (images === 1 ? '1 image' : `${images} images`)

export const enableKey = (invocation: Invocation, reference: string): Promise<void> =>
  act(
    invocation,
    reference,
    true,
    noQuestion,
    (key) => key.enable(invocation),
    (key) => `The key ${keyLabel(key)} is enabled.`,
  )

export const disableKey = (invocation: Invocation, reference: string, { yes }: { yes?: boolean }): Promise<void> =>
  act(
    invocation,
    reference,
    yes,
    (key) => `Disable the key ${keyLabel(key)}? Nobody can read the ${imageCount(key)} under it until it is enabled.`,
    (key) => key.disable(invocation),
    (key) => `The key ${keyLabel(key)} is disabled. To undo it: vitrine key enable ${key.id}`,
  )

export const makeKeyDefault = (invocation: Invocation, reference: string): Promise<void> =>
  act(
    invocation,
    reference,
    true,
    noQuestion,
    (key) => key.makeDefault(invocation),
    (key) => `Images are encrypted with ${keyLabel(key)} from now on when no key is named.`,
  )

export const neverGrantKey = (invocation: Invocation, reference: string, { yes }: { yes?: boolean }): Promise<void> =>
  act(
    invocation,
    reference,
    yes,
    (key) => `Never let another project use ${keyLabel(key)}? This cannot be undone.`,
    (key) => key.neverGrant(invocation),
    (key) => `No other project can ever be let use ${keyLabel(key)}. Images under it can be shared as copies only.`,
  )

export interface KeyDeleteOptions {
  forgetDataKeys?: boolean
  yes?: boolean
}

export const deleteKey = (
  invocation: Invocation,
  reference: string,
  { forgetDataKeys, yes }: KeyDeleteOptions,
): Promise<void> =>
  act(
    invocation,
    reference,
    yes,
    (key) => {
      const loss = forgetDataKeys === true ? ' What was encrypted with data keys of it is lost.' : ''
      return `Delete the key ${keyLabel(key)}?${loss}`
    },
    (key) => key.delete({ forgetDataKeys, signal: invocation.signal }),
    (key) => `Deleted the key ${keyLabel(key)}.`,
  )

export interface KeyRotateOptions extends OutputOptions {
  wait?: boolean
}

/** Makes a new version of a key; who may use the key notices nothing. */
export const rotateKey = async (
  invocation: Invocation,
  reference: string,
  { wait, ...options }: KeyRotateOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const key = await findKey(invocation, service, reference)
  await key.rotate({ wait, signal })
  await writeRecord(invocation, keyView, wireDocument(key), options)
  await say(
    invocation,
    key.rotating
      ? `Data keys are being wrapped anew; everything works meanwhile. How it stands: vitrine key show ${key.id}`
      : 'Everything is wrapped by the new version.',
  )
}
