import { usageError } from '../command-error.ts'
import { type Column, documentColumn, type View } from './view.ts'

const folded = (name: string): string => name.toLowerCase().replaceAll(/[\s-]/g, '_')

/**
 * The columns that were asked for, in that order; by key or by heading, in any case.
 * @throws CommandError (usage) for a column that things of this kind never have
 */
export const chooseColumns = <T>(view: View<T>, wanted: readonly string[]): Column<T>[] =>
  wanted.map((name) => {
    const known = [...view.columns, ...(view.more ?? [])]
    const match = known.find(({ key, title }) => folded(key) === folded(name) || folded(title) === folded(name))
    if (match !== undefined) return match
    if (view.open === true) return documentColumn(view, name)
    throw usageError(`There is no column ${name}.`, `There are: ${known.map(({ key }) => key).join(', ')}.`)
  })
