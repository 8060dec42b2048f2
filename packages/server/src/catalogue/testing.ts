import assert from 'node:assert/strict'
import type { ListingDocument } from '@vitrine/contract'
import type { TestService } from '../testing/test-service.ts'

/** An image of a project, active unless it is said to be without bytes. */
export const makeImage = async (
  service: TestService,
  token: string,
  { bytes = true, ...body }: Record<string, unknown> = {},
): Promise<string> => {
  const made = await service.call('POST', '/v2/images', token, {
    name: 'secret-name',
    visibility: 'shared',
    disk_format: 'raw',
    container_format: 'bare',
    ...body,
  })
  assert.equal(made.statusCode, 201, made.body)
  const { id } = made.json<{ id: string }>()
  if (bytes !== true) return id
  const sent = await service.call('PUT', `/v2/images/${id}/file`, token, Buffer.from(`bytes of ${id}`), {
    'content-type': 'application/octet-stream',
  })
  assert.equal(sent.statusCode, 204, sent.body)
  return id
}

export const makeProducer = async (
  service: TestService,
  token: string,
  handle: string,
  name: string = handle,
): Promise<void> => {
  const made = await service.call('PUT', '/v2/producer', token, { handle, name })
  assert.equal(made.statusCode, 201, made.body)
}

export const publish = async (
  service: TestService,
  token: string,
  imageId: string,
  body: Record<string, unknown> = {},
): Promise<ListingDocument> => {
  const made = await service.call('POST', '/v2/listings', token, { image_id: imageId, title: 'Debian 13', ...body })
  assert.equal(made.statusCode, 201, made.body)
  return made.json<ListingDocument>()
}

/** The paths of what a search finds, in order. */
export const foundPaths = async (service: TestService, query = ''): Promise<string[]> => {
  const found = await service.call('GET', `/catalogue.json${query}`)
  assert.equal(found.statusCode, 200, found.body)
  return found.json<{ listings: ListingDocument[] }>().listings.map(({ path }) => path)
}

// Of pictures, the beginnings: that is all that is looked at.

export const pngIcon = (width: number, height: number): Buffer => {
  const icon = Buffer.alloc(45)
  icon.write('\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR', 'latin1')
  icon.writeUInt32BE(width, 16)
  icon.writeUInt32BE(height, 20)
  return icon
}

export const jpegIcon = (width: number, height: number): Buffer => {
  const icon = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc0001108000000000301', 'hex')
  icon.writeUInt16BE(height, 25)
  icon.writeUInt16BE(width, 27)
  return icon
}

export const webpIcon = (kind: 'VP8 ' | 'VP8L' | 'VP8X', width: number, height: number): Buffer => {
  const icon = Buffer.alloc(40)
  icon.write(`RIFF\0\0\0\0WEBP${kind}`, 'latin1')
  if (kind === 'VP8X') {
    icon.writeUIntLE(width - 1, 24, 3)
    icon.writeUIntLE(height - 1, 27, 3)
  } else if (kind === 'VP8L') {
    icon.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 21)
  } else {
    icon.writeUInt16LE(width, 26)
    icon.writeUInt16LE(height, 28)
  }
  return icon
}
