/**
 * Fuzzes the inspector, guided by the code that an input reaches: `npm run fuzz -- --seconds 300`. Inputs that reach
 * something new are kept in corpus.jsonl, as recipes, and run with the tests from then on. The first input that breaks a
 * rule ends the run and is printed.
 */
import { parseArgs } from 'node:util'
import { readCorpus, writeCorpus } from './corpus.ts'
import { watchCoverage } from './coverage.ts'
import { type Chance, chanceFrom, mutate } from './mutate.ts'
import { examine } from './oracle.ts'
import { bake, type Recipe } from './recipe.ts'
import { seeds } from './seeds.ts'

// Asking V8 takes longer than an input, so it is asked about many at once.
const batchSize = 32

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
})
const seed = Number(values.seed)
const chance: Chance = chanceFrom(seed)
const coverage = await watchCoverage('/server/src/inspect/')

const run = (recipe: Recipe): void => {
  try {
    examine(bake(recipe), [1 + chance.below(600), 1 + chance.below(100_000)])
  } catch (error) {
    console.error(`This input breaks a rule; keep it as a line of corpus.jsonl:\n${JSON.stringify(recipe)}`)
    throw error
  }
}

const reachesMore = async (recipe: Recipe): Promise<boolean> => {
  run(recipe)
  return coverage.fresh(await coverage.look()) > 0
}

/** Leaves out the steps without which it still reaches what nothing else does. */
const shortened = async (recipe: Recipe): Promise<Recipe> => {
  let best = recipe
  for (const step of recipe.steps) {
    const shorter = { ...best, steps: best.steps.filter((other) => other !== step) }
    if (await reachesMore(shorter)) best = shorter
  }
  return best
}

const kept = readCorpus()
const corpus: Recipe[] = [...[...seeds.keys()].map((name) => ({ seed: name, steps: [] })), ...kept]
for (const recipe of corpus) run(recipe)
coverage.learn(await coverage.look())
say(`Seed ${seed}: ${corpus.length} inputs to start with reach ${coverage.reached()} characters of source.`)

const end = performance.now() + Number(values.seconds) * 1000
let runs = 0
while (performance.now() < end) {
  const batch = Array.from({ length: batchSize }, () => mutate(chance, corpus))
  for (const recipe of batch) run(recipe)
  runs += batch.length
  if (coverage.fresh(await coverage.look()) === 0) continue
  for (const recipe of batch) {
    if (!(await reachesMore(recipe))) continue
    const short = await shortened(recipe)
    run(short)
    coverage.learn(await coverage.look())
    corpus.push(short)
    kept.push(short)
    writeCorpus(kept)
    say(`${coverage.reached()} characters with ${JSON.stringify(short).slice(0, 160)}`)
  }
}
await coverage.close()
say(`${runs} inputs broke no rule; ${kept.length} are kept, and reach ${coverage.reached()} characters of source.`)
