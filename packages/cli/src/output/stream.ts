import { type Invocation, write } from '../context.ts'
import { padEnd, printable } from '../text.ts'
import { chooseColumns } from './choose.ts'
import { csvLine } from './csv.ts'
import type { OutputOptions } from './formats.ts'
import { picked, valueLine } from './output.ts'
import { toJsonLine, toYaml } from './serialise.ts'
import { type Column, plainText, type View } from './view.ts'

/** Room for a cell: widths of what comes later are not known, so a wider one pushes the rest of its line. */
const cellWidth = 20

const tableLine = <T>(columns: readonly Column<T>[], thing: T): string =>
  columns
    .map((column) => padEnd(printable(column.text?.(thing) ?? plainText(column.value(thing))) || '-', cellWidth))
    .join('  ')
    .trimEnd()

/**
 * Shows things as they come, each at once and on a line of its own (in yaml on several). json is one document a line, so
 * that a script need not wait for an end that may never come. Times are told as they are: `3 s ago` would age on screen.
 */
export const writeStream = async <T>(
  invocation: Invocation,
  view: View<T>,
  things: AsyncIterable<T>,
  { format, column }: OutputOptions,
): Promise<void> => {
  const columns = column === undefined ? view.columns : chooseColumns(view, column)
  const plain = (thing: T) => (column === undefined ? view.document(thing) : picked(columns, thing))
  if (format === 'csv') await write(invocation.out, csvLine(columns.map(({ key }) => key)))
  for await (const thing of things) {
    if (format === 'json') await write(invocation.out, `${toJsonLine(plain(thing))}\n`)
    else if (format === 'yaml') await write(invocation.out, await toYaml([plain(thing)]))
    else if (format === 'csv') await write(invocation.out, csvLine(columns.map((each) => each.value(thing))))
    else if (format === 'value') await write(invocation.out, valueLine(columns, thing))
    else await write(invocation.out, `${tableLine(columns, thing)}\n`)
  }
}
