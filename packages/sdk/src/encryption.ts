import type { CanBootDocument, EncryptionDocument } from '@vitrine/contract'
import type { KeyState } from '@vitrine/contract/words'
import { flag, listOf, orNull, record, type Shape, text, wireBody, word } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import { projectId } from './member.ts'

const readEncryption = record('encryption', {
  image_id: text,
  /** `none`; `sealed`: by the service, which opens it for whoever holds the key; `client`: by whoever uploaded it. */
  kind: word<EncryptionDocument['kind']>(),
  /** Null if there is no key, or if it is not known. */
  key_id: orNull(text),
  /** Project that can let others use the key, if the service knows the key. */
  key_project: orNull(text),
  /** Whether the own project can use the key. */
  key_state: word<KeyState>(),
  /** What the bytes turned out to be, if that is encrypted. */
  content: orNull(text),
} satisfies Shape<EncryptionDocument>)
/** How an image is encrypted. */
export type Encryption = ReturnType<typeof readEncryption>

export interface EncryptOptions {
  /** Id of a key of the own project. Default: its default key, which is made if there is none. */
  keyId?: string | undefined
}

const encryptionPath = (imageId: string): string[] => ['images', imageId, 'encryption']

export const getEncryption = async (api: ImageApi, imageId: string, options: CallOptions): Promise<Encryption> =>
  readEncryption(await api.call('GET', encryptionPath(imageId), options))

export const encrypt = async (
  api: ImageApi,
  imageId: string,
  { keyId }: EncryptOptions,
  options: CallOptions,
): Promise<Encryption> =>
  readEncryption(await api.call('PUT', encryptionPath(imageId), { ...options, json: wireBody({ keyId }) }))

export const cancelEncryption = async (api: ImageApi, imageId: string, options: CallOptions): Promise<void> => {
  await api.call('DELETE', encryptionPath(imageId), options)
}

type WireReason = CanBootDocument['reasons'][number]

const answer = {
  can_boot: flag,
  reasons: listOf(
    record('reason', {
      /** Name of the rule. */
      rule: word<WireReason['rule']>(),
      effect: word<WireReason['effect']>(),
      /** The rule as a sentence, with the facts that it found. */
      text,
      /** What to do about it. */
      next: orNull(text),
    } satisfies Shape<WireReason>),
  ),
}

export const readBootAnswer = record('answer whether it can boot', answer)
/** Whether a project could boot an image, and why, or why not. */
export type BootAnswer = ReturnType<typeof readBootAnswer>

const readCanBoot = record('answer whether it can boot', {
  image_id: text,
  project_id: text,
  ...answer,
} satisfies Shape<CanBootDocument>)
/** The same with what was asked about. */
export type CanBoot = ReturnType<typeof readCanBoot>

export interface CanBootQuestion {
  /** Default: the own project. The owner of an image may ask about every project. */
  project?: string | number | undefined
  /** Disk and memory of the server that is to be. Left out: these are not looked at. */
  diskGib?: number | undefined
  ramMib?: number | undefined
  /** As if the image were shared with the project already. */
  ifShared?: boolean | undefined
}

export const canBoot = async (
  api: ImageApi,
  imageId: string,
  { project, diskGib, ramMib, ifShared }: CanBootQuestion,
  options: CallOptions,
): Promise<CanBoot> => {
  const query = {
    project: project === undefined ? undefined : projectId(project),
    disk_gib: diskGib,
    ram_mib: ramMib,
    if_shared: ifShared,
  }
  return readCanBoot(await api.call('GET', ['images', imageId, 'can-boot'], { ...options, query }))
}

export type CopyAttributes = {
  /** Default: that of the image. */
  name?: string | undefined
  /** Whether the copy is encrypted, under a key of the own project. Default: if the image is. */
  encrypt?: boolean | undefined
  /** Id of a key of the own project. Default: its default key. */
  keyId?: string | undefined
}

export interface CopyOptions extends CallOptions {
  /** Come back when the copy is done. Default: at once, while it is `saving`. */
  wait?: boolean | undefined
}
