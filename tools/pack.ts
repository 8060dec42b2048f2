// Makes `dist/PACKAGE` for every package that is published: JavaScript with declarations, and a package.json that points
// at them. Run from source there is no build; this one is only for the registry.
// `--check` makes it in a folder of its own, checks it as the users of the packages would meet it, and removes it.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const packages = ['contract', 'sdk', 'server', 'cli']
/** Packages that programs import; the others are run. */
const imported = ['contract', 'sdk', 'server']

/** Runs a tool of the workspace; what it says is shown only if it fails. */
const run = (command: string, ...args: string[]): void => {
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules', '.bin', command), args, {
    cwd: root,
    encoding: 'utf8',
  })
  if (status === 0) return
  console.error(`${command} ${args.join(' ')}\n${stdout}${stderr}`)
  process.exitCode = 1
}

const compiled = (source: string): { types: string; default: string } => ({
  types: source.replace(/\.ts$/, '.d.ts'),
  default: source.replace(/\.ts$/, '.js'),
})

const prepare = (name: string, dist: string): void => {
  const from = join(root, 'packages', name)
  const to = join(dist, name)
  const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  const exports = Object.fromEntries(
    Object.entries<string>(manifest.exports ?? {}).map(([path, source]) => [path, compiled(source)]),
  )
  const published = {
    ...manifest,
    ...(manifest.exports === undefined ? {} : { exports }),
    engines: { node: name === 'sdk' || name === 'contract' ? '>=20' : '>=24' },
    files: ['src', 'bin'],
  }
  // What is read as it is, such as styles and definitions: the compiler leaves it behind.
  cpSync(join(from, 'src'), join(to, 'src'), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || ['.css', '.json'].includes(extname(path)),
  })
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  cpSync(join(root, 'LICENSE'), join(to, 'LICENSE'))
  if (existsSync(join(from, 'README.md'))) cpSync(join(from, 'README.md'), join(to, 'README.md'))
  if (existsSync(join(from, 'bin'))) {
    const bin = readFileSync(join(from, 'bin', 'vitrine.js'), 'utf8')
    cpSync(join(from, 'bin'), join(to, 'bin'), { recursive: true })
    writeFileSync(join(to, 'bin', 'vitrine.js'), bin.replaceAll('/src/main.ts', '/src/main.js'), { mode: 0o755 })
  }
}

const check = process.argv.includes('--check')
const dist = check ? mkdtempSync(join(tmpdir(), 'vitrine-dist-')) : join(root, 'dist')
try {
  if (!check) rmSync(dist, { recursive: true, force: true })
  run('tsc', '-p', 'tsconfig.publish.json', '--outDir', dist)
  for (const name of packages) prepare(name, dist)
  if (check) {
    symlinkSync(join(root, 'node_modules'), join(dist, 'node_modules'))
    for (const name of packages) run('publint', 'run', join(dist, name), '--strict')
    for (const name of imported) run('attw', '--pack', join(dist, name), '--profile', 'esm-only', '--quiet')
  }
} finally {
  if (check) rmSync(dist, { recursive: true, force: true })
}
