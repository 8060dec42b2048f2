import type { Image, ImageEvent } from '@vitrine/sdk'
import { type Column, plainText, type View } from './output/view.ts'
import { formatBytes, formatInstant } from './units.ts'

const attribute = (key: string, title: string): Column<Image> => ({
  key,
  title,
  value: (image) => image.get(key) ?? null,
})

const bytes = (key: string, title: string): Column<Image> => ({
  ...attribute(key, title),
  text: (image) => {
    const size = image.get(key)
    return typeof size === 'number' ? formatBytes(size) : ''
  },
})

const shownDigest = 12

/** `sha512:0123456789ab` of `sha512:0123...`; empty when there is no digest. */
export const shortHash = (hash: string): string => {
  const [algorithm, digest] = hash.split(':')
  return digest === undefined ? '' : `${algorithm}:${digest.slice(0, shownDigest)}`
}

/** Enough of the digest to compare by eye; all of it with `-f json` or `-f value`. */
const hashColumn: Column<Image> = {
  key: 'hash',
  title: 'Hash',
  value: (image) =>
    image.osHashValue === null ? image.checksum && `md5:${image.checksum}` : `${image.osHashAlgo}:${image.osHashValue}`,
  text: (image) => shortHash(plainText(hashColumn.value(image))),
}

const document = (image: Image) => ({ ...image.data })

/** Images as rows of a list. */
export const imageListView: View<Image> = {
  columns: [
    attribute('id', 'ID'),
    attribute('name', 'Name'),
    attribute('status', 'Status'),
    attribute('visibility', 'Visibility'),
    bytes('size', 'Size'),
    attribute('owner', 'Owner'),
  ],
  more: [
    attribute('disk_format', 'Format'),
    attribute('container_format', 'Container'),
    attribute('created_at', 'Created'),
    attribute('updated_at', 'Updated'),
    attribute('tags', 'Tags'),
    bytes('virtual_size', 'Virtual size'),
    hashColumn,
  ],
  document,
  open: true,
}

/** One image with everything it has. */
export const imageView: View<Image> = {
  ...imageListView,
  columns: imageListView.columns.map((column) =>
    column.key === 'size'
      ? { ...column, text: (image) => (image.size === null ? '' : `${formatBytes(image.size)} (${image.size} bytes)`) }
      : column,
  ),
}

export const eventView: View<ImageEvent> = {
  columns: [
    { key: 'created_at', title: 'Time', value: (event) => formatInstant(event.createdAt), instant: true },
    { key: 'type', title: 'Event', value: (event) => event.type },
    { key: 'project_id', title: 'By project', value: (event) => event.projectId ?? null },
    { key: 'member_id', title: 'Member', value: (event) => event.memberId ?? null },
    { key: 'detail', title: 'Detail', value: (event) => event.detail, text: (event) => detailText(event) },
  ],
  more: [
    { key: 'id', title: 'ID', value: (event) => event.id },
    { key: 'user_id', title: 'By user', value: (event) => event.userId ?? null },
    { key: 'request_id', title: 'Request', value: (event) => event.requestId ?? null },
  ],
  document: (event) => ({
    id: event.id,
    type: event.type,
    image_id: event.imageId,
    member_id: event.memberId ?? null,
    project_id: event.projectId ?? null,
    user_id: event.userId ?? null,
    request_id: event.requestId ?? null,
    created_at: formatInstant(event.createdAt),
    detail: event.detail,
  }),
}

const longestDetail = 40

/** Digests are cut as in the inbox; whole with the other formats. */
const detailText = ({ detail }: ImageEvent): string =>
  Object.entries(detail)
    .map(([name, value]) => {
      const text = plainText(value)
      return `${name}=${text.length > longestDetail ? `${text.slice(0, shownDigest)}...` : text}`
    })
    .join(' ')
