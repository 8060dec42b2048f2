import assert from 'node:assert/strict'

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

const bodyOf = (printed: string): { header: string[]; rows: string[][] } => {
  const [header, ...rows] = printed
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map(cellsOf)
  assert.ok(header, `there is a table in: ${printed}`)
  return { header, rows }
}

/** The rows of a table drawn with `+`, `-` and `|`, by the names in its head. */
export const tableRows = (printed: string): Record<string, string>[] => {
  const { header, rows } = bodyOf(printed)
  return rows.map((cells) => Object.fromEntries(header.map((name, index) => [name, cells[index] ?? ''])))
}

/** The same for a table of two columns, name and value; long values go on in rows without a name. */
export const tableProperties = (printed: string): Record<string, string> => {
  const found: Record<string, string> = {}
  let last = ''
  for (const [name = '', value = ''] of bodyOf(printed).rows) {
    if (name !== '') last = name
    found[last] = (found[last] ?? '') + value
  }
  return found
}
