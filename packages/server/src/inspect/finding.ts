/** What bytes can turn out to be. `gpt`, `mbr` and `luks` are what raw disks hold; `qcow` is the first version of it. */
export type ContentFormat = 'qcow2' | 'vmdk' | 'vhd' | 'vhdx' | 'vdi' | 'iso' | 'gpt' | 'mbr' | 'luks' | 'qed' | 'qcow'

/** One format that the bytes carry the marks of. */
export interface Match {
  readonly format: ContentFormat
  /** The size of the disk that a guest would see, where the format states one. */
  readonly virtualSizeBytes: number | null
  /** Why the image must not be used, as a clause about "they", the bytes. */
  readonly unsafe: string | null
}

export interface Finding {
  readonly sizeBytes: number
  /** Empty for bytes without marks; several for bytes that can be taken for more than one thing. */
  readonly matches: readonly Match[]
}

export const safe = (format: ContentFormat, virtualSizeBytes: number | null): Match => ({
  format,
  virtualSizeBytes,
  unsafe: null,
})

export const unsafe = (format: ContentFormat, why: string): Match => ({ format, virtualSizeBytes: null, unsafe: why })

/** A match whose size comes from a header, and may be nonsense there. */
export const sized = (format: ContentFormat, virtualSizeBytes: bigint): Match =>
  virtualSizeBytes <= Number.MAX_SAFE_INTEGER
    ? safe(format, Number(virtualSizeBytes))
    : unsafe(format, `their ${format} header states an impossible size`)
