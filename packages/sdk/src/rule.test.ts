import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scripted } from '../test/fake-fetch.ts'
import { asJson, ruleDocument } from '../test/sharing-documents.ts'
import { parseJson } from './json.ts'

test('rules are made, listed and deleted', async () => {
  const { images, requests } = scripted(
    {},
    {
      status: 201,
      json: asJson(ruleDocument({ kind: 'accept', listing: 'debian-13', mode: 'audit', producer: 'acme' })),
    },
    { json: { rules: [asJson(ruleDocument())] } },
    { status: 204 },
  )
  const made = await images.createRule({ kind: 'accept', producer: '@acme', listing: 'debian-13', mode: 'audit' })
  assert.deepEqual([made.kind, made.producer, made.listing, made.mode], ['accept', 'acme', 'debian-13', 'audit'])
  const [rule] = await images.listRules().toArray()
  assert.deepEqual([rule?.kind, rule?.producerId, rule?.reported], ['block', 'spammer', 4])
  await rule?.delete()
  assert.deepEqual(
    requests.map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)]),
    [
      ['POST', '/v2/rules', { kind: 'accept', producer: '@acme', listing: 'debian-13', mode: 'audit' }],
      ['GET', '/v2/rules', ''],
      ['DELETE', '/v2/rules/rule1', ''],
    ],
  )
})

test('the settings of the project are read and set', async () => {
  const { images, requests } = scripted({}, { json: { usage: 'counted' } }, { json: { usage: 'nothing' } })
  assert.deepEqual(await images.getProjectSettings(), { usage: 'counted' })
  assert.deepEqual(await images.setProjectSettings({ usage: 'nothing' }), { usage: 'nothing' })
  assert.deepEqual(
    requests.map(({ method, path, body }) => [method, path, body]),
    [
      ['GET', '/v2/project-settings', ''],
      ['PATCH', '/v2/project-settings', '{"usage":"nothing"}'],
    ],
  )
})
