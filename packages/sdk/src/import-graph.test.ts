import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** Modules that a file imports when it runs; types are gone by then. */
const imports = (file: string): string[] =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\s+(?!type\b)[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'/gm,
    ),
  ]
    .map(([, from, dynamic]) => from ?? dynamic ?? '')
    .filter((name) => name !== '')

/** Every file that a module needs, and everything it imports from outside of this package. */
const graph = (entry: string) => {
  const files = new Set<string>()
  const outside = new Set<string>()
  const visit = (file: string) => {
    if (files.has(file)) return
    files.add(file)
    for (const name of imports(file)) {
      if (name.startsWith('.')) visit(resolve(dirname(file), name))
      else outside.add(name)
    }
  }
  visit(fileURLToPath(new URL(entry, import.meta.url)))
  return { files, outside }
}

test('the main entry needs nothing but the words of the contract and a parser, so it runs in a browser', () => {
  const { files, outside } = graph('./index.ts')
  assert.ok(files.size > 20)
  assert.deepEqual([...outside].sort(), ['@vitrine/contract/words', 'eventsource-parser'])
  for (const name of outside) {
    const needs = graph(import.meta.resolve(name))
    assert.deepEqual([...needs.outside], [], name)
  }
})

test('the main entry uses no global of Node', () => {
  for (const file of graph('./index.ts').files) {
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    assert.doesNotMatch(code, /\b(?:process|Buffer|setImmediate|__dirname)\b(?=[.([])/, file)
  }
})

test('the walk sees what the Node entry imports', () => {
  const { outside } = graph('./node/index.ts')
  assert.ok(outside.has('node:fs') && outside.has('yaml'))
})
