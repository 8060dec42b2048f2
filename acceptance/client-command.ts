import assert from 'node:assert/strict'
import type { Finished } from './process.ts'
import type { Stage } from './stage.ts'
import { tableProperties, tableRows } from './text-table.ts'

/** What a person has: a terminal to type into. Without one, these clients take their input for the bytes of an image. */
const atTerminal = [
  'import os, pty, sys',
  'terminal, keyboard = pty.openpty()',
  'os.set_inheritable(terminal, True)',
  'os.dup2(keyboard, 0)',
  'os.execvp(sys.argv[1], sys.argv[1:])',
].join('\n')

/** The Python of the distribution, which the clients themselves run on; another one may stand before it on the PATH. */
export const python = '/usr/bin/python3'

/** A command as one user, that remembers which of its subcommands were tried. */
export class ClientCommand {
  readonly #stage: Pick<Stage, 'run'>
  readonly #name: string
  readonly #environment: NodeJS.ProcessEnv
  readonly #used: Set<string>

  constructor(
    stage: Pick<Stage, 'run'>,
    name: 'openstack' | 'glance',
    environment: NodeJS.ProcessEnv,
    used: Set<string> = new Set(),
  ) {
    this.#stage = stage
    this.#name = name
    this.#environment = environment
    this.#used = used
  }

  /** Runs it to whatever end. */
  try(...args: string[]): Promise<Finished> {
    this.#used.add(args.join(' '))
    return this.#stage.run(python, ['-c', atTerminal, this.#name, ...args], { environment: this.#environment })
  }

  /** What it prints; it must succeed and have nothing to complain of. */
  async prints(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(...args)
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' }, `${this.#name} ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** The document that it prints in answer to `-f json`. */
  async json(...args: string[]): Promise<unknown> {
    return JSON.parse(await this.prints(...args, '-f', 'json'))
  }

  async rows(...args: string[]): Promise<Record<string, string>[]> {
    return tableRows(await this.prints(...args))
  }

  async properties(...args: string[]): Promise<Record<string, string>> {
    return tableProperties(await this.prints(...args))
  }

  /** It must do its work without a word. */
  async silently(...args: string[]): Promise<void> {
    assert.equal((await this.prints(...args)).trim(), '', `${this.#name} ${args.join(' ')} prints nothing`)
  }

  /** It must fail, and say this in words. */
  async refuses(why: RegExp, ...args: string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await this.try(...args)
    assert.equal(exitCode, 1, `${this.#name} ${args.join(' ')}: ${stdout}${stderr}`)
    assert.match(stderr, why)
    assert.doesNotMatch(stderr, /Traceback|<html|<p>/i)
  }
}

/** The subcommands of a list that no call has begun with. */
export const untried = (subcommands: readonly string[], used: ReadonlySet<string>): string[] =>
  subcommands.filter((name) => ![...used].some((call) => call === name || call.startsWith(`${name} `)))
