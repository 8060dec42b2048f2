/** The first line of a page that nobody edits. */
export const note = '<!-- Written by docs/generate.ts from the code. Do not edit: run `node docs/generate.ts`. -->'

/** A cell of a Markdown table: a bar would end it, and `<` would begin a tag. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

export const code = (text: string): string => `\`${text}\``

/** A table with its columns in line, as the formatter of the repository leaves it. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [head, ...rows].map((row) => row.map(cell))
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  const [first, ...others] = cells.map((row) => line(row.map((text, column) => text.padEnd(widths[column] ?? 0))))
  return [first, line(widths.map((width) => '-'.repeat(width))), ...others].join('\n')
}
