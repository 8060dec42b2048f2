import assert from 'node:assert/strict'
import type { CloudName } from './accounts.ts'
import type { Finished } from './process.ts'
import type { Stage } from './stage.ts'
import type { Consumer, Producer } from './story.ts'
import { tableProperties, tableRows } from './text-table.ts'

/** The `openstack` command as one user. */
export class OpenStackCommand {
  readonly #stage: Pick<Stage, 'run'>
  readonly #environment: NodeJS.ProcessEnv

  constructor(stage: Pick<Stage, 'run'>, cloud: CloudName | NodeJS.ProcessEnv) {
    this.#stage = stage
    this.#environment = typeof cloud === 'string' ? { OS_CLOUD: cloud } : cloud
  }

  /** Runs it to whatever end. */
  try(...args: string[]): Promise<Finished> {
    return this.#stage.run('openstack', args, { environment: this.#environment })
  }

  /** What it prints; it must succeed and have nothing to complain of. */
  async prints(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(...args)
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' }, `openstack ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  async rows(...args: string[]): Promise<Record<string, string>[]> {
    // An empty list is printed as an empty line, without a head.
    const printed = await this.prints(...args)
    return printed.trim() === '' ? [] : tableRows(printed)
  }

  async properties(...args: string[]): Promise<Record<string, string>> {
    return tableProperties(await this.prints(...args))
  }

  /** It must do its work without a word. */
  async silently(...args: string[]): Promise<void> {
    assert.equal((await this.prints(...args)).trim(), '', `openstack ${args.join(' ')} prints nothing`)
  }

  /** It must fail, and say this. */
  async refuses(why: RegExp, ...args: string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await this.try(...args)
    assert.equal(exitCode, 1, `openstack ${args.join(' ')}: ${stdout}`)
    assert.match(stderr, why)
    assert.doesNotMatch(stderr, /Traceback|<html|<p>/i)
  }
}

/** Texts like `a='b', os_hash_value='...'` by name. */
export const propertiesIn = (text: string): Record<string, string> =>
  Object.fromEntries(Array.from(text.matchAll(/([^\s=,]+)='([^']*)'/g), ([, name = '', value = '']) => [name, value]))

export const openStackProducer = (command: OpenStackCommand): Producer => ({
  create: async (name, disk) => {
    const created = await command.properties(
      ...['image', 'create', name, '--file', disk.path, '--disk-format', 'qcow2', '--container-format', 'bare'],
    )
    assert.equal(created.name, name)
    assert.equal(created.visibility, 'shared')
    return created.id ?? ''
  },
  share: async (imageId, projectId) => {
    const member = await command.properties('image', 'add', 'project', imageId, projectId)
    assert.equal(member.image_id, imageId)
    assert.equal(member.member_id, projectId)
    assert.equal(member.status, 'pending')
    assert.equal(member.updated_at, member.created_at)
  },
  unshare: (imageId, projectId) => command.silently('image', 'remove', 'project', imageId, projectId),
  members: async (imageId) => {
    const rows = await command.rows('image', 'member', 'list', imageId)
    for (const row of rows) assert.equal(row['Image ID'], imageId)
    return Object.fromEntries(rows.map((row) => [row['Member ID'] ?? '', row.Status ?? '']))
  },
  delete: (imageId) => command.silently('image', 'delete', imageId),
})

export const openStackConsumer = (command: OpenStackCommand): Consumer => ({
  show: async (imageId) => {
    const shown = await command.properties('image', 'show', imageId)
    const { os_hash_algo: algorithm, os_hash_value: sha512 = '' } = propertiesIn(shown.properties ?? '')
    assert.equal(algorithm, 'sha512')
    const { id = '', name = '', status = '', visibility = '', size = '', virtual_size: virtualSize = '' } = shown
    return { id, name, status, visibility, sizeBytes: size, virtualSizeBytes: virtualSize, sha512 }
  },
  findsNothing: (imageId) =>
    command.refuses(new RegExp(`^No Image found for ${imageId}\\s*$`), 'image', 'show', imageId),
  listedIds: async () => (await command.rows('image', 'list')).map((row) => row.ID ?? ''),
  pendingIds: async () =>
    (await command.rows('image', 'list', '--shared', '--member-status', 'pending')).map((row) => row.ID ?? ''),
  save: (imageId, path) => command.silently('image', 'save', '--file', path, imageId),
  answer: (imageId, status) => {
    const option = { accepted: '--accept', rejected: '--reject', pending: '--pending' }[status]
    return command.silently('image', 'set', option, imageId)
  },
})
