import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { ExitCode } from '../src/exit-codes.ts'
import { type Demo, startDemo } from './demo.ts'

const space = 'Acme::Paint'

type Named = { name: string }

/** Commands of an administrator that must succeed. @returns what they say and show */
const adminOf = (demo: Demo) => async (words: string[], input?: string) => {
  const given = input === undefined ? {} : { stdin: Readable.from([input]) }
  const ended = await demo.as('admin', words, given)
  assert.equal(ended.exitCode, ExitCode.ok, `${words.join(' ')}: ${ended.talk}`)
  return ended
}

test('what is in a namespace is read and written piece by piece', async (t) => {
  const demo = await startDemo()
  t.after(() => demo.close())
  const admin = adminOf(demo)
  const shown = (...words: string[]) => demo.json<Record<string, unknown>>('consumer', 'md', ...words)
  const names = async (kind: string) =>
    (await demo.json<Named[]>('consumer', 'md', kind, 'list', space)).map(({ name }) => name).sort()
  await admin(['md', 'create', space, '--public'])

  await t.test('properties', async () => {
    await admin([
      'md',
      'property',
      'create',
      space,
      'colour',
      '--description',
      'Of the paint',
      '--schema',
      '{"maxLength":9}',
    ])
    assert.deepEqual(await shown('property', 'show', space, 'colour'), {
      name: 'colour',
      title: 'colour',
      type: 'string',
      description: 'Of the paint',
      maxLength: 9,
    })
    const words = ['md', 'property', 'set', space, 'colour', '--name', 'hue', '--title', 'Hue', '--schema', '-']
    await admin(words, '{"maxLength": null, "enum": ["red", "blue"]}')
    assert.deepEqual(await shown('property', 'show', space, 'hue'), {
      name: 'hue',
      title: 'Hue',
      type: 'string',
      description: 'Of the paint',
      enum: ['red', 'blue'],
    })
    await admin(['md', 'property', 'create', space, 'coats', '--type', 'integer'])
    const { out } = await admin(['md', 'property', 'list', space])
    assert.match(out, /^hue +Hue +string +Of the paint$/m)
    assert.match(out, /^coats +coats +integer/m)
  })

  await t.test('objects, with the names of properties and words as they are', async () => {
    const path = join(demo.folder, 'my properties.json')
    await writeFile(path, '{"maxCoats": {"title": "Coats", "type": "string", "maxLength": 3}}')
    await admin(['md', 'object', 'create', space, 'Wall', '--properties', path, '--required', 'maxCoats'])
    const properties = { maxCoats: { title: 'Coats', type: 'string', maxLength: 3 } }
    const made = await shown('object', 'show', space, 'Wall')
    assert.deepEqual([made.properties, made.required], [properties, ['maxCoats']])
    await admin(['md', 'object', 'set', space, 'Wall', '--name', 'Fence', '--description', 'Outside'])
    const changed = await shown('object', 'show', space, 'Fence')
    assert.deepEqual([changed.description, changed.properties, changed.required], ['Outside', properties, ['maxCoats']])
    assert.match((await admin(['md', 'object', 'list', space])).out, /^Fence +maxCoats +maxCoats +Outside$/m)
  })

  await t.test('tags', async () => {
    assert.match((await admin(['md', 'tag', 'create', space, 'matt', 'gloss'])).talk, /Made 2 tags\./)
    assert.match((await admin(['md', 'tag', 'create', space, 'chalk'])).talk, /Made the tag chalk\./)
    await admin(['md', 'tag', 'set', space, 'gloss', '--name', 'shiny'])
    assert.deepEqual(await names('tag'), ['chalk', 'matt', 'shiny'])
    const tag = await shown('tag', 'show', space, 'shiny')
    assert.deepEqual([tag.name, typeof tag.created_at], ['shiny', 'string'])
  })

  await t.test('resource types', async () => {
    await admin(['md', 'resource-type', 'add', space, 'OS::Glance::Image', '--prefix', 'acme_'])
    const { out } = await admin(['md', 'resource-type', 'list', space])
    assert.match(out, /^OS::Glance::Image +acme_/m)
    const prefixed = await shown('property', 'show', space, 'acme_hue', '--for', 'OS::Glance::Image')
    assert.equal(prefixed.title, 'Hue')
  })

  await t.test('what is wrong is told with the code that belongs to it', async () => {
    const cases: [number, string, string[]][] = [
      [ExitCode.notFound, 'consumer', ['md', 'tag', 'show', space, 'none']],
      [ExitCode.notFound, 'consumer', ['md', 'object', 'list', 'Acme::None']],
      [ExitCode.denied, 'consumer', ['md', 'tag', 'create', space, 'mine']],
      [ExitCode.conflict, 'admin', ['md', 'property', 'create', space, 'hue']],
      [ExitCode.usage, 'admin', ['md', 'property', 'set', space, 'hue']],
      [ExitCode.usage, 'admin', ['md', 'object', 'set', space, 'Fence']],
      [ExitCode.usage, 'admin', ['md', 'property', 'create', space, 'x', '--schema', '{"enum"']],
      [ExitCode.usage, 'admin', ['md', 'property', 'set', space, 'hue', '--schema', '{"title": null}']],
      [ExitCode.usage, 'admin', ['md', 'object', 'create', space, 'x', '--properties', '{"a": {"type": "colour"}}']],
      [ExitCode.usage, 'admin', ['md', 'object', 'create', space, 'x', '--properties', '{"a": 1}']],
    ]
    for (const [exitCode, cloud, words] of cases) {
      const ended = await demo.as(cloud, words)
      assert.equal(ended.exitCode, exitCode, `${words.join(' ')}: ${ended.talk}`)
    }
  })

  await t.test('parts are deleted; one that is not there does not keep the others', async () => {
    const ended = await demo.as('admin', ['md', 'tag', 'delete', space, 'none', 'matt', 'chalk', 'shiny'])
    assert.equal(ended.exitCode, ExitCode.notFound)
    assert.match(ended.talk, /Deleted the tag chalk\./)
    assert.deepEqual(await names('tag'), [])
    await admin(['md', 'resource-type', 'remove', space, 'OS::Glance::Image'])
    await admin(['md', 'object', 'delete', space, 'Fence', '-y'])
    await admin(['md', 'property', 'delete', space, 'hue', 'coats'])
    for (const kind of ['tag', 'resource-type', 'object', 'property']) {
      const { talk } = await admin(['md', kind, 'list', space])
      assert.match(talk, /There are no|It is for no/, kind)
    }
  })
})
