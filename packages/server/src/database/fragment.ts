import { CompiledQuery } from 'kysely'
import type { Reader } from './database.ts'
import { isPostgres } from './dialect.ts'

/**
 * A piece of SQL with its values. For the one query whose shape differs with every request, the list of images: making
 * it with Kysely's own builder took several times as long as running it.
 */
class Fragment {
  /** Each `?` stands for a value. */
  readonly text: string
  readonly values: readonly unknown[]

  constructor(text: string, values: readonly unknown[]) {
    this.text = text
    this.values = values
  }
}

export type { Fragment }

/** `fragment\`a = ${value} and ${other}\``: values become parameters, fragments are put in as they are. */
export const fragment = (texts: readonly string[], ...parts: readonly unknown[]): Fragment => {
  let text = texts[0] ?? ''
  const values: unknown[] = []
  parts.forEach((part, index) => {
    if (part instanceof Fragment) {
      text += part.text
      for (const value of part.values) values.push(value)
    } else {
      text += '?'
      values.push(part)
    }
    text += texts[index + 1] ?? ''
  })
  return new Fragment(text, values)
}

/** Fragments with a text of ours between them. */
export const joined = (fragments: readonly Fragment[], between: string): Fragment =>
  new Fragment(
    fragments.map(({ text }) => text).join(between),
    fragments.flatMap(({ values }) => values),
  )

/** Values as a list of parameters. */
export const parameters = (values: readonly unknown[]): Fragment =>
  new Fragment(values.map(() => '?').join(', '), values)

export const runFragment = async <Row>(db: Reader, { text, values }: Fragment): Promise<Row[]> => {
  let number = 0
  const numbered = isPostgres(db)
    ? text.replaceAll('?', () => {
        number += 1
        return `$${number}`
      })
    : text
  const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(numbered, [...values]))
  return rows
}
