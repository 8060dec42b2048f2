import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findOne, type Kind } from './find-one.ts'

interface Thing {
  id: string
  slug: string
}

const kind: Kind<Thing> = {
  name: 'listing',
  list: 'vitrine listings',
  id: ({ id }) => id,
  names: ({ slug }) => [slug],
  describe: ({ slug }) => slug,
}

async function* things(): AsyncGenerator<Thing, undefined> {
  yield { id: 'abcd1111', slug: 'one' }
  yield { id: 'abcd2222', slug: 'two\u001b[2J' }
  yield { id: 'abcd', slug: 'three' }
  yield { id: 'ef567890', slug: 'four' }
}
const find = async (reference: string) => (await findOne(things(), reference, kind)).slug

test('a whole id comes before beginnings of others, and another name is as good', async () => {
  assert.equal(await find('abcd'), 'three')
  assert.equal(await find('one'), 'one')
  assert.equal(await find('EF56'), 'four')
})

test('what several could be meant by is never guessed, and cannot steer the terminal', async () => {
  await assert.rejects(findOne(things(), 'abc', kind), { exitCode: 3 })
  async function* two() {
    for await (const thing of things()) if (thing.slug !== 'three') yield thing
  }
  await assert.rejects(findOne(two(), 'abcd', kind), {
    exitCode: 5,
    next: /abcd1111 {2}one\n {2}abcd2222 {2}two\\u\{1b\}/,
  })
})

test('a name that several have is not guessed either', async () => {
  const labelled = { ...kind, names: undefined, label: ({ id }: Thing) => (id === 'ef567890' ? 'own' : 'same') }
  assert.equal((await findOne(things(), 'own', labelled)).id, 'ef567890')
  await assert.rejects(findOne(things(), 'same', labelled), { exitCode: 5, message: /^3 answer to same;/ })
  async function* confusing() {
    yield* things()
    yield { id: '99999999', slug: 'named like the beginning of an id' }
  }
  const likeAnId = { ...labelled, label: ({ id }: Thing) => (id === '99999999' ? 'ef56' : null) }
  await assert.rejects(findOne(confusing(), 'ef56', likeAnId), { exitCode: 5 })
})

test('none is told as not found', async () => {
  await assert.rejects(find('zzzz'), { exitCode: 3, next: 'See: vitrine listings' })
  await assert.rejects(find(''), { exitCode: 2 })
})
