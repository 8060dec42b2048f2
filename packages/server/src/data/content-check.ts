/** The judgement over the bytes of an upload. `why` completes "the bytes do not match: ...". */
export type ContentVerdict =
  | {
      readonly accepted: true
      readonly virtualSizeBytes: number | null
      /** What the bytes are encrypted with by themselves, as far as they show it. */
      readonly encryptedContent: 'luks' | null
    }
  | {
      readonly accepted: false
      readonly why: string
      /** Set when they are what they should be, but state a larger disk than is allowed. */
      readonly limit?: 'virtual_size'
    }

/** What an upload asks of an inspector. It sees every byte once, in order, and keeps none of the memory. */
export interface ContentCheck {
  push(bytes: Uint8Array): void
  /** The reason, as soon as it is certain that the bytes will be refused whatever follows. */
  refusal(): string | undefined
  /** To be called once, after the last byte. */
  finish(): ContentVerdict
}
