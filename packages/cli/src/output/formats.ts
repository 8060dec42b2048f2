export const formats = ['table', 'json', 'yaml', 'value', 'csv'] as const
export type Format = (typeof formats)[number]

/** `-f` and `-c`. */
export interface OutputOptions {
  format: Format
  column?: string[] | undefined
}
