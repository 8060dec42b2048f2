import { styleText } from 'node:util'

interface Quantity {
  readonly value: number
  readonly unit: string
}

/** One line of the report. */
export interface Row {
  readonly name: string
  readonly ours: Quantity | null
  /** What ours is held against, measured in the same run; null where the target is a number of its own. */
  readonly floor: (Quantity & { readonly what: string }) | null
  readonly ratio: number | null
  /** For people; null when the row is for information only. */
  readonly target: string | null
  /** Null when there is no target, or it could not be measured. */
  readonly met: boolean | null
  readonly notes: readonly string[]
}

const digits = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(Math.abs(value) >= 10 ? 1 : 2)

const shown = (quantity: Quantity | null): string =>
  quantity === null ? '-' : `${digits(quantity.value)} ${quantity.unit}`

const verdict = ({ met, target }: Row): string =>
  met === null ? (target === null ? '' : 'not measured') : met ? 'yes' : 'NO'

const header = ['benchmark', 'ours', 'floor', 'ratio', 'target', 'met']

const cells = (row: Row): string[] => [
  row.name,
  shown(row.ours),
  row.floor === null ? '-' : `${shown(row.floor)} (${row.floor.what})`,
  row.ratio === null ? '-' : row.ratio.toFixed(2),
  row.target ?? 'for information',
  verdict(row),
]

/** The rows as a table, and below it their notes. */
export const renderRows = (rows: readonly Row[]): string => {
  const table = [header, ...rows.map(cells)]
  const widths = header.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)))
  const lines = table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  const [head = '', ...others] = lines
  const notes = rows.flatMap(({ name, notes: own }) => own.map((note) => `  ${name}: ${note}`))
  const color = others.map((line, index) => (rows[index]?.met === false ? styleText('red', line) : line))
  return [head, rule, ...color, ...(notes.length > 0 ? ['', 'Notes', ...notes] : [])].join('\n')
}
