/** One row of a table: cells by the name of their column. A column that is not there is a mistake in the table. */
export interface Row {
  text(column: string): string
  /** The cell as a status code. */
  status(column: string): number
  /** Every column but the first, in order. */
  columns: string[]
}

const cellsOf = (line: string): string[] => line.split('|').map((cell) => cell.trim())

/**
 * Reads a table as people write it: one line a row, cells between bars, the first line names the columns.
 * A rectangle is demanded, so that a slip of the pen fails at once.
 */
export const table = (text: string): Row[] => {
  const [head, ...lines] = text.split('\n').filter((line) => line.trim() !== '')
  if (head === undefined) throw new Error('a table needs a first line with the names of its columns')
  const columns = cellsOf(head)
  return lines.map((line) => {
    const cells = cellsOf(line)
    if (cells.length !== columns.length)
      throw new Error(`this row has ${cells.length} of ${columns.length} cells: ${line}`)
    const textAt = (column: string): string => {
      const cell = cells[columns.indexOf(column)]
      if (cell === undefined) throw new Error(`the table has no column ${column}`)
      return cell
    }
    const status = (column: string): number => {
      const cell = textAt(column)
      if (!/^[1-5]\d\d$/.test(cell)) throw new Error(`${cell} is not a status code: ${line}`)
      return Number(cell)
    }
    return { text: textAt, status, columns: columns.slice(1) }
  })
}
