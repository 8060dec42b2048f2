import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageService, OpenStack } from '@vitrine/sdk'
import { fromClouds } from '@vitrine/sdk/node'

/** The clouds that a demonstration makes; user and project are named like the cloud. */
export type CloudName = 'admin' | 'producer' | 'consumer'

export const cloudsFile = (data: string): string => join(data, 'clouds.yaml')

/** A logged-in user. */
export interface Account {
  readonly cloud: OpenStack
  readonly projectId: string
  readonly token: string
  readonly images: ImageService
}

/** Logs in with what the service has left in its folder. */
export const logIn = async (data: string, name: CloudName): Promise<Account> => {
  const cloud = fromClouds(name, { env: { OS_CLIENT_CONFIG_FILE: cloudsFile(data) } })
  const { token, project } = await cloud.authenticate()
  assert.ok(project, `the token of ${name} has a project`)
  return { cloud, projectId: project.id, token, images: cloud.imageService() }
}

/** The password of a demonstration's user, for clients that cannot read clouds.yaml. */
export const passwordOf = async (data: string, name: CloudName): Promise<string> => {
  const text = await readFile(cloudsFile(data), 'utf8')
  const password = new RegExp(`^ {2}${name}:$[^]*?^ +password: "?([^"\\n]+)"?$`, 'm').exec(text)?.[1]
  assert.ok(password, `clouds.yaml has a password of ${name}`)
  return password
}
