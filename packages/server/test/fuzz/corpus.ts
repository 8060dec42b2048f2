import { readFileSync, writeFileSync } from 'node:fs'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Recipe } from './recipe.ts'

const path = new URL('corpus.jsonl', import.meta.url)
const at = Type.Integer({ minimum: 0 })
const hex = Type.String({ pattern: '^([0-9a-f]{2})*$' })
const check = Compile(
  Type.Object({
    seed: Type.String(),
    steps: Type.Array(
      Type.Union([
        Type.Tuple([Type.Literal('set'), at, hex]),
        Type.Tuple([Type.Literal('insert'), at, hex]),
        Type.Tuple([Type.Literal('cut'), at, at]),
        Type.Tuple([Type.Literal('end'), at]),
        Type.Tuple([Type.Literal('sum')]),
      ]),
    ),
  }),
)

/** The recipes that runs before this one found worth keeping, one a line. */
export const readCorpus = (): Recipe[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => check.Parse(JSON.parse(line)))

export const writeCorpus = (recipes: readonly Recipe[]): void =>
  writeFileSync(path, recipes.map((recipe) => `${JSON.stringify(recipe)}\n`).join(''))
