import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig } from '../config.ts'
import { type FilterSettings, readFilter, refusal } from './filter.ts'
import { openImportSource } from './settings.ts'

const byDefault = { import_schemes_allowed: 'http,https', import_ports_allowed: '80,443' }

const passes = (url: string, settings: Partial<FilterSettings> = {}): boolean =>
  refusal(url, [], readFilter({ ...byDefault, ...settings })) === undefined

const rows: readonly (readonly [url: string, settings: Partial<FilterSettings>, passes: boolean])[] = [
  ['http://example.org/', {}, true],
  ['https://example.org/', {}, true],
  ['http://example.org:80/', {}, true],
  ['http://example.org:443/', {}, true],
  ['https://example.org:80/', {}, true],
  ['http://example.org:8080/', {}, false],
  ['http://example.org:22/', {}, false],
  ['http://example.org:0/', {}, false],
  ['file:///etc/passwd', {}, false],
  ['ftp://example.org/', {}, false],
  ['ftp://example.org/', { import_schemes_allowed: 'any' }, false],
  ['http://example.org/', { import_schemes_allowed: 'https' }, false],
  ['http://example.org/', { import_schemes_allowed: 'any', import_schemes_denied: 'http' }, false],
  ['https://example.org/', { import_schemes_allowed: 'any', import_schemes_denied: 'http' }, true],
  ['http://example.org/', { import_schemes_denied: 'http' }, true],
  ['http://example.org:8080/', { import_ports_allowed: '8080, 8443' }, true],
  ['http://example.org/', { import_ports_allowed: '8080' }, false],
  ['http://example.org:22/', { import_ports_allowed: 'any' }, true],
  ['http://example.org:22/', { import_ports_allowed: 'any', import_ports_denied: '22' }, false],
  ['http://example.org:443/', { import_ports_denied: '443' }, true],
  ['http://example.org/', { import_hosts_allowed: 'images.example.org' }, false],
  ['http://IMAGES.example.org./', { import_hosts_allowed: 'images.example.org' }, true],
  ['http://example.org/', { import_hosts_denied: 'Example.org.' }, false],
  ['http://a.example.org/', { import_hosts_denied: 'example.org' }, true],
  ['http://a.b.example.org/', { import_hosts_denied: '*.example.org' }, false],
  ['http://badexample.org/', { import_hosts_denied: '*.example.org' }, true],
  ['http://example.org/', { import_hosts_allowed: 'example.org', import_hosts_denied: 'example.org' }, true],
  ['http://bücher.example/', { import_hosts_denied: 'xn--bcher-kva.example' }, false],
  ['http://93.184.216.34/', { import_hosts_denied: '93.184.216.34' }, false],
  ['http://1572395042/', { import_hosts_denied: '93.184.216.34' }, false],
  ['http://[::ffff:5db8:d822]/', { import_hosts_denied: '93.184.216.34' }, false],
  ['http://[64:ff9b::5db8:d822]/', { import_hosts_denied: '93.184.216.34' }, false],
  ['http://93.184.216.34/', { import_hosts_denied: '::ffff:93.184.216.34' }, false],
  ['http://[2606:2800:220:1:0:0:0:1]/', { import_hosts_denied: '2606:2800:220:1::1' }, false],
  [`http://example.org/${'a'.repeat(10_000)}`, {}, false],
]

describe('the filter of addresses that images are imported from', () => {
  for (const [url, settings, expected] of rows) {
    const given = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
    it(`${expected ? 'lets' : 'stops'} ${url.slice(0, 60)} ${given.join(' ')}`, () =>
      assert.equal(passes(url, settings), expected))
  }

  it('OSSA-2025-001: refuses every scheme but http and https, and an operator cannot allow one', () => {
    for (const scheme of [
      'file',
      'filesystem',
      'swift',
      's3',
      'rbd',
      'cinder',
      'gopher',
      'dict',
      'data',
      'javascript',
    ]) {
      assert.equal(passes(`${scheme}://example.org/x`, { import_schemes_allowed: 'any' }), false)
      assert.throws(() => readFilter({ ...byDefault, import_schemes_allowed: scheme }), /import_schemes_allowed/)
    }
  })

  it('is read from the settings, which must make sense', async () => {
    const config = await loadConfig({ environment: {} })
    const { outbound, filter } = openImportSource(config)
    assert.equal(outbound.refusalOf('http://example.org/', filter), undefined)
    assert.match(outbound.refusalOf('http://example.org:8080/', filter) ?? '', /port 8080/)
    for (const wrong of [
      { import_ports_allowed: '80,http' },
      { import_ports_denied: '65536' },
      { import_hosts_allowed: 'http://example.org' },
      { import_hosts_denied: 'example.org:80' },
      { import_hosts_denied: 'user@example.org' },
      { import_hosts_denied: 'exa mple.org' },
      { import_allow: '10.0.0.0/8, inside' },
    ]) {
      const [setting = ''] = Object.keys(wrong)
      assert.throws(() => openImportSource({ ...config, ...wrong }), new RegExp(`^ConfigError: ${setting}: `))
    }
  })
})
