import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schemaDocuments } from '@vitrine/contract'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { type JsonValue, parseJson } from './json.ts'
import { Schema } from './schema.ts'

const schemaOf = (name: string) => new Schema(parseJson(JSON.stringify(schemaDocuments[name])))
const image = schemaOf('image')

test('a schema tells of its properties, links and custom properties', () => {
  assert.equal(image.name, 'image')
  assert.equal(image.propertyExists('visibility'), true)
  assert.equal(image.propertyExists('constructor'), false)
  assert.deepEqual(image.getProperty('name')?.types, ['null', 'string'])
  assert.equal(image.getProperty('status')?.readOnly, true)
  assert.equal(image.getProperty('os_distro')?.isBase, false)
  assert.equal(image.getProperty('name')?.isBase, true)
  assert.equal(image.getProperty('tags')?.items?.maxLength, 255)
  assert.deepEqual(image.links[1], { rel: 'enclosure', href: '{file}' })
  assert.deepEqual(schemaOf('member').getProperty('status')?.enum, ['pending', 'accepted', 'rejected'])
})

test('the operation is remove for nothing, replace for what is there, else add', () => {
  assert.equal(image.decideOperationType('hw_disk_bus', 'scsi', false), 'add')
  assert.equal(image.decideOperationType('hw_disk_bus', 'scsi', true), 'replace')
  for (const value of [null, false, '']) assert.equal(image.decideOperationType('hw_disk_bus', value, true), 'remove')
  assert.equal(image.decideOperationType('os_distro', null, true), 'remove')
  assert.equal(image.decideOperationType('os_distro', 'debian', false), 'add')
  assert.equal(image.decideOperationType('protected', false, true), 'replace')
  assert.equal(image.decideOperationType('name', null, true), 'replace')
})

const wrong: [name: string, value: JsonValue][] = [
  ['name', 5],
  ['name', 'x'.repeat(256)],
  ['visibility', 'everyone'],
  ['visibility', null],
  ['min_disk', 1.5],
  ['min_disk', '1'],
  ['protected', 'true'],
  ['tags', 'a'],
  ['tags', [1]],
  ['id', 'not-a-uuid'],
  ['disk_format', 'floppy'],
]

for (const [name, value] of wrong) {
  test(`a schema refuses ${name} ${JSON.stringify(value).slice(0, 20)}`, () => {
    assert.throws(() => image.getProperty(name)?.validate(value), InvalidArgumentError)
  })
}

test('a schema lets through what fits', () => {
  const right: [string, JsonValue][] = [
    ['name', null],
    ['name', '\u{1F427}'.repeat(255)],
    ['min_disk', 3],
    ['tags', ['a', 'b']],
    ['disk_format', null],
    ['visibility', 'community'],
  ]
  for (const [name, value] of right) image.getProperty(name)?.validate(value)
})

test('custom properties follow additionalProperties', () => {
  image.validateAdditionalProperty('hw_disk_bus', 'scsi')
  assert.throws(() => image.validateAdditionalProperty('hw_disk_bus', 5), /hw_disk_bus must be string/)
  const closed = new Schema({ name: 'closed', properties: {}, additionalProperties: false })
  assert.throws(() => closed.validateAdditionalProperty('x', 'y'), InvalidArgumentError)
  const open = new Schema({ name: 'open', properties: {} })
  open.validateAdditionalProperty('x', 5)
})

test('a document that is no schema is refused', () => {
  for (const value of [undefined, null, 'text', [], {}, { properties: 'no' }]) {
    assert.throws(() => new Schema(value), UnexpectedResponseError)
  }
})

test('a pattern that this platform cannot read is left to the service', () => {
  new Schema({ name: 'x', properties: { y: { type: 'string', pattern: '(' } } }).getProperty('y')?.validate('z')
})
