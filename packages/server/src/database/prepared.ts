import { type Compilable, type CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Reader } from './database.ts'

/** Stands in a compiled query for a value that is not known yet. */
class Placeholder {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/**
 * A query whose SQL is made once and then only given its values: for the few queries on the path of every request,
 * where making the SQL costs more than running it.
 */
export const prepared = <Values extends Record<string, unknown>, Row>(
  build: (
    db: Reader,
    value: <Name extends keyof Values & string>(name: Name) => RawBuilder<Values[Name]>,
  ) => Compilable<Row>,
): ((db: Reader, values: Values) => Promise<Row[]>) => {
  const byAdapter = new WeakMap<object, CompiledQuery<Row>>()

  return async (db, values) => {
    const { adapter } = db.getExecutor()
    let compiled = byAdapter.get(adapter)
    if (compiled === undefined) {
      compiled = build(db, (name) => sql`${new Placeholder(name)}`).compile()
      byAdapter.set(adapter, compiled)
    }
    const parameters = compiled.parameters.map((one) => (one instanceof Placeholder ? values[one.name] : one))
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters })
    return rows
  }
}
