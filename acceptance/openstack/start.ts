import { needCommands } from '../packages.ts'
import { temporaryFolder } from '../service.ts'
import { startBarbican } from './barbican.ts'
import { projectNames, startKeystone } from './keystone.ts'

/** Starts a Keystone and a Barbican, prints what Vitrine and clients need, and ends both with Ctrl-C. */
const missing = await needCommands('keystone-manage', 'barbican-manage', 'uwsgi_python3')
if (missing !== false) throw new Error(missing)
await using folder = await temporaryFolder()
await using keystone = await startKeystone(folder.path)
await using barbican = await startBarbican(folder.path, keystone)
await keystone.publish('key-manager', 'barbican', barbican.url)
const lines = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => `export ${name}='${value}'`)
process.stdout.write(
  [
    '# Vitrine',
    ...lines({ ...keystone.settings, ...barbican.settings }),
    ...projectNames.flatMap((name) => ['', `# ${name}`, ...lines(keystone.environment(name))]),
    '',
    '# Both run until this is interrupted.',
    '',
  ].join('\n'),
)
await new Promise<void>((resolve) => {
  const alive = setInterval(() => undefined, 60_000)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      clearInterval(alive)
      resolve()
    })
  }
})
