import assert from 'node:assert/strict'
import { it } from 'node:test'
import { feedPath, confirmPath as noticeConfirmPath, unsubscribePath } from '../notices/links.ts'
import { trackPath } from '../requests/ask.ts'
import { loggedPath } from './access-log.ts'
import { newSecret } from './secret.ts'

it('threat: secret links in the access log', () => {
  const secret = newSecret()
  const links = [trackPath, noticeConfirmPath, unsubscribePath, feedPath].map((pathOf) => pathOf(secret))
  for (const path of [...links, `/catalogue/requests/confirm/${secret}`]) {
    for (const sent of [path, `${path}/`, `${path}.json`, `${path}?a=b`, path.replace('catalogue/', 'catalogue/%')]) {
      assert.ok(!loggedPath(sent).includes(secret), sent)
      assert.match(loggedPath(sent), /^\/catalogue\/[%a-z/]+\.\.\.$/)
    }
  }
  assert.equal(loggedPath(`//Catalogue/requests/${secret}`), '//Catalogue/requests/...')
  for (const path of [
    `/links/${secret}`,
    `/links/${secret}/debian.raw`,
    `//Links/${secret}`,
    `/%6cinks/${secret}/%zz`,
  ]) {
    assert.ok(!loggedPath(`${path}?a=b`).includes(secret), path)
  }
  for (const path of [
    '/catalogue',
    '/catalogue/producers/acme/debian-13.json',
    '/catalogue/icons/0af',
    '/v2/images/x',
  ]) {
    assert.equal(loggedPath(`${path}?q=x`), path)
  }
})
