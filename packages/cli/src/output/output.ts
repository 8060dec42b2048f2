import type { JsonObject, JsonValue } from '@vitrine/sdk'
import { bold, type Invocation, say, write } from '../context.ts'
import { printable } from '../text.ts'
import { formatRelative } from '../units.ts'
import { chooseColumns } from './choose.ts'
import { csvLine } from './csv.ts'
import type { OutputOptions } from './formats.ts'
import { toJson, toYaml } from './serialise.ts'
import { tableLines } from './table.ts'
import { type Column, documentColumn, own, plainText, readableText, type View } from './view.ts'

type Things<T> = Iterable<T> | AsyncIterable<T>

const relative = (value: JsonValue, nowMs: number): string | undefined => {
  const date = new Date(typeof value === 'string' ? value : Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : formatRelative(date, nowMs)
}

const textOf = <T>(column: Column<T>, thing: T): string => column.text?.(thing) ?? readableText(column.value(thing))

const relativeOf = <T>(column: Column<T>, thing: T, nowMs: number): string | undefined =>
  column.instant === true ? relative(column.value(thing), nowMs) : undefined

/** A cell of a list. */
const cellOf = <T>(column: Column<T>, thing: T, nowMs: number): string =>
  column.row?.(thing) ?? relativeOf(column, thing, nowMs) ?? textOf(column, thing)

/** The value of one attribute: where a list says `3 h ago`, there is room for the instant too. */
const lineOf = <T>(column: Column<T>, thing: T, nowMs: number): string => {
  const text = textOf(column, thing)
  const fromNow = relativeOf(column, thing, nowMs)
  return fromNow === undefined ? text : `${text} (${fromNow})`
}

/** A thing with these columns alone. */
export const picked = <T>(columns: readonly Column<T>[], thing: T): JsonObject =>
  Object.fromEntries(columns.map((column): [string, JsonValue] => [column.key, column.value(thing)]))

/** Columns of which nothing listed has a value under their name are likely misspelt; only seen at the end. */
const createTypoWatch = <T>(view: View<T>, columns: readonly Column<T>[]) => {
  const known = new Set([...view.columns, ...(view.more ?? [])].map(({ key }) => key))
  const unseen = new Set(columns.map(({ key }) => key).filter((key) => !known.has(key)))
  return {
    see: (thing: T) => {
      if (unseen.size === 0) return
      const document = view.document(thing)
      for (const key of unseen) if (own(document, key) !== undefined) unseen.delete(key)
    },
    tell: async (invocation: Invocation) => {
      for (const key of unseen) await say(invocation, `Nothing listed has the attribute ${printable(key)}.`)
    },
  }
}

/** A thing as a line of bare values. */
export const valueLine = <T>(columns: readonly Column<T>[], thing: T): string =>
  `${columns.map((column) => printable(plainText(column.value(thing)))).join('\t')}\n`

const indented = (text: string): string => text.replaceAll(/^/gm, '  ')

/** The pieces of the text as they become known: of a table at the end, of the other formats one by one. */
async function* listText<T>(
  invocation: Invocation,
  view: View<T>,
  columns: readonly Column<T>[],
  things: Things<T>,
  { format, column }: OutputOptions,
): AsyncGenerator<string, undefined> {
  const plain = (thing: T) => (column === undefined ? view.document(thing) : picked(columns, thing))
  if (format === 'table') {
    const rows: string[][] = []
    const nowMs = invocation.now()
    for await (const thing of things) rows.push(columns.map((each) => cellOf(each, thing, nowMs)))
    if (rows.length === 0) return
    const titles = columns.map(({ title }) => title)
    yield `${tableLines(titles, rows, (line) => bold(invocation.out, line)).join('\n')}\n`
    return
  }
  if (format === 'csv') yield csvLine(columns.map(({ key }) => key))
  let count = 0
  for await (const thing of things) {
    if (format === 'csv') yield csvLine(columns.map((each) => each.value(thing)))
    if (format === 'value') yield valueLine(columns, thing)
    if (format === 'yaml') yield await toYaml([plain(thing)])
    if (format === 'json') yield `${count === 0 ? '[' : ','}\n${indented(toJson(plain(thing)))}`
    count++
  }
  if (format === 'yaml' && count === 0) yield '[]\n'
  if (format === 'json') yield count === 0 ? '[]\n' : '\n]\n'
}

const chunkLength = 65_536

/**
 * Shows a list. What comes page by page is written page by page, except in a table, whose widths must be known first.
 * @returns how many there were
 */
export const writeList = async <T>(
  invocation: Invocation,
  view: View<T>,
  things: Things<T>,
  options: OutputOptions,
): Promise<number> => {
  const columns = options.column === undefined ? view.columns : chooseColumns(view, options.column)
  const typos = createTypoWatch(view, columns)
  let count = 0
  async function* watched() {
    for await (const thing of things) {
      count++
      typos.see(thing)
      yield thing
    }
  }
  let text = ''
  for await (const piece of listText(invocation, view, columns, watched(), options)) {
    text += piece
    if (text.length < chunkLength) continue
    await write(invocation.out, text)
    text = ''
  }
  if (text !== '') await write(invocation.out, text)
  if (count > 0) await typos.tell(invocation)
  return count
}

/** Attributes of one thing: those asked for, else all of its document, the known ones in the view's words. */
const recordColumns = <T>(view: View<T>, thing: T, wanted: readonly string[] | undefined): Column<T>[] => {
  if (wanted !== undefined) return chooseColumns(view, wanted)
  const known = [...view.columns, ...(view.more ?? [])]
  return Object.keys(view.document(thing)).map(
    (key) => known.find((column) => column.key === key) ?? documentColumn(view, key),
  )
}

/** Shows one thing: a table has a line for each attribute, `value` as well. */
export const writeRecord = async <T>(
  invocation: Invocation,
  view: View<T>,
  thing: T,
  { format, column }: OutputOptions,
): Promise<void> => {
  const columns = recordColumns(view, thing, column)
  const typos = createTypoWatch(view, columns)
  typos.see(thing)
  const plain = picked(columns, thing)
  if (format === 'json') await write(invocation.out, `${toJson(plain)}\n`)
  else if (format === 'yaml') await write(invocation.out, await toYaml(plain))
  else if (format === 'value') {
    await write(invocation.out, columns.map((each) => `${printable(plainText(each.value(thing)))}\n`).join(''))
  } else if (format === 'csv') {
    const lines = [columns.map(({ key }) => key), columns.map((each) => each.value(thing))].map(csvLine)
    await write(invocation.out, lines.join(''))
  } else {
    const nowMs = invocation.now()
    const rows = columns.map((each) => [each.key, lineOf(each, thing, nowMs)])
    const lines = tableLines(['Field', 'Value'], rows, (line) => bold(invocation.out, line))
    await write(invocation.out, `${lines.join('\n')}\n`)
  }
  await typos.tell(invocation)
}
