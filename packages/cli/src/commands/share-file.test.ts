import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseShareFile } from './share-file.ts'

const one = '0123456789abcdef0123456789abcdef'

test('every image of an entry is paired with every project, on its terms', async () => {
  const pairs = await parseShareFile(`
shares:
  - images: [debian, d164b5df]
    projects: [${one}, team@Default, 5821234]
    message: |
      Two
      lines.
    until: 2027-01-31
    grant: true
  - images: alpine
    projects: ${one}
`)
  assert.equal(pairs.length, 7)
  const terms = { message: 'Two\nlines.', endsAt: new Date('2027-01-31T00:00:00Z') }
  assert.deepEqual(pairs[0], { image: 'debian', project: one, terms, grant: true })
  assert.deepEqual(pairs[5], { image: 'd164b5df', project: '5821234', terms, grant: true })
  assert.deepEqual(pairs[6], {
    image: 'alpine',
    project: one,
    terms: { message: undefined, endsAt: undefined },
    grant: false,
  })
})

test('an id that looks like a number stays as it is written', async () => {
  const ids = ['0012', '12e4', '00000000000000000000000000000012', '12345678901234567890', 'true', '0x10']
  const pairs = await parseShareFile(`shares: [{images: a, projects: [${ids.join(', ')}], message: }]`)
  assert.deepEqual(
    pairs.map(({ project }) => project),
    ids,
  )
  assert.equal(pairs[0]?.terms.message, undefined)
})

test('what is wrong is named by its place, and nothing is guessed', async () => {
  const cases = [
    ['shares: {}', /list under "shares:"/],
    ['', /list under "shares:"/],
    ['share: []', /list under "shares:"/],
    ['shares: [x]', /shares\[0\]: it must have images and projects/],
    ['shares: [{images: [], projects: [1]}]', /shares\[0\]\.images: it must not be empty/],
    ['shares: [{images: a}]', /shares\[0\]\.projects/],
    ['shares: [{images: a, projects: 1, untill: 2027-01-31}]', /by the name untill/],
    ['shares: [{images: a, projects: 1, until: 30d}]', /shares\[0\]\.until: it must be a date/],
    ['shares: [{images: a, projects: 1, grant: yes}]', /shares\[0\]\.grant: it must be true or false/],
    ['shares: [{images: a, projects: ""}]', /shares\[0\]\.projects/],
    ['shares: [{images: {a: 1}, projects: 1}]', /shares\[0\]\.images/],
    ['shares: [', /cannot be read as YAML/],
    [`shares: [{images: a, projects: 1, "\\e[2J": 1}]`, /\\u\{1b\}\[2J/],
  ] as const
  for (const [text, expected] of cases) {
    await assert.rejects(parseShareFile(text), { exitCode: 2, message: expected }, text)
  }
})

test('a small file of aliases does not become a huge one', async () => {
  const line = (name: string, before: string) =>
    `${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`)}]\n`
  const bomb = `a: &a [x]\n${line('b', 'a')}${line('c', 'b')}${line('d', 'c')}${line('e', 'd')}shares: *e\n`
  await assert.rejects(parseShareFile(bomb), { exitCode: 2 })
})
