import { describe, it } from 'node:test'
import { readCorpus } from './corpus.ts'
import { examine } from './oracle.ts'
import { bake } from './recipe.ts'

describe('inputs that were found by fuzzing', () => {
  for (const [index, recipe] of readCorpus().entries()) {
    it(`${index + 1}, of ${recipe.seed}: breaks no rule`, () => examine(bake(recipe), [509, 65_536]))
  }
})
