import { displayWidth, padEnd, printable } from '../text.ts'

const gap = '  '

/**
 * Lines of a table: columns as wide as their widest cell, without borders, nothing cut off.
 * @param heading is applied to the first line, after its widths are known
 */
export const tableLines = (
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  heading: (line: string) => string = (line) => line,
): string[] => {
  const cells = rows.map((row) => row.map((cell) => (cell === '' ? '-' : printable(cell))))
  const widths = titles.map((title, at) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[at] ?? ''))),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => padEnd(cell, widths[at] ?? 0))
      .join(gap)
      .trimEnd()
  return [heading(line(titles)), ...cells.map(line)]
}
