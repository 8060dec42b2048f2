import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../src/context.ts'
import { run } from '../src/run.ts'
import { type MailServer, startMailServer } from './mailbox.ts'
import { memoryContext } from './memory-context.ts'

/** One command line that ended. */
export interface Ended {
  exitCode: number
  out: string
  talk: string
}

/** A service with a producer and a consumer, a mail server, and the command. */
export interface Demo {
  url: string
  folder: string
  mail: MailServer
  /** The environment of somebody with an account. */
  account(cloud: string): Record<string, string>
  /** Runs a command line as `producer`, as `consumer`, or for undefined without any account. */
  as(cloud: string | undefined, words: readonly string[], given?: Partial<Context>): Promise<Ended>
  /** What a command that has to succeed shows with `-f json`. */
  json<T>(cloud: string | undefined, ...words: string[]): Promise<T>
  /** The first address with this in its path in the newest mail to a mailbox, once there are so many mails to it. */
  linkTo(mailbox: string, path: string, count: number): Promise<string>
  close(): Promise<void>
}

const timeoutMs = 60_000
const pollMs = 20

/** Waits until a function finds something. */
export const until = async <T>(find: () => T | undefined, what: string): Promise<T> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = find()
    if (found !== undefined) return found
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

/** @param settings further variables of the service; `FOLDER` in them is the folder of the demonstration */
export const startDemo = async (settings: Readonly<Record<string, string>> = {}): Promise<Demo> => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-sharing-'))
  const own = Object.entries(settings).map(([name, value]) => [name, value.replaceAll('FOLDER', folder)])
  const data = join(folder, 'data')
  const mail = await startMailServer()
  const stop = new AbortController()
  const service = memoryContext({
    environment: { VITRINE_SMTP_URL: mail.url, VITRINE_LOG_LEVEL: 'silent', ...Object.fromEntries(own) },
    signal: stop.signal,
  })
  const ended = run(['serve', '--demo', '--listen', '127.0.0.1:0', '--data', data], service)
  const failed = ended.then(() => assert.fail(`The service ended at once: ${service.talk.text()}`))
  failed.catch(() => {})
  const address = () => /^Vitrine listens on (http:\/\/127\.0\.0\.1:\d+)\n/.exec(service.out.text())?.[1]
  const url = await Promise.race([until(address, 'the service'), failed])

  const account = (cloud: string) => ({ OS_CLIENT_CONFIG_FILE: join(data, 'clouds.yaml'), OS_CLOUD: cloud })
  const as: Demo['as'] = async (cloud, words, given = {}) => {
    const context = memoryContext({ environment: cloud === undefined ? {} : account(cloud), ...given })
    const exitCode = await run(words, context)
    return { exitCode, out: context.out.text(), talk: context.talk.text() }
  }

  return {
    url,
    folder,
    mail,
    account,
    as,
    json: async (cloud, ...words) => {
      const { exitCode, out, talk } = await as(cloud, [...words, '-f', 'json'])
      assert.equal(exitCode, 0, `${words.join(' ')}: ${talk}`)
      return JSON.parse(out)
    },
    linkTo: async (mailbox, path, count) => {
      const text = await mail.textTo(mailbox, count)
      const link = text.match(/https?:\/\/\S+/g)?.find((found) => found.includes(path))
      assert.ok(link, `a link with ${path} in: ${text}`)
      return link
    },
    close: async () => {
      stop.abort()
      await ended
      await mail.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
