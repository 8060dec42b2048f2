import type { JsonObject } from '@vitrine/sdk'
import { type DocumentColumn, documentView, field, instant, prose, yesNo } from './columns.ts'
import { own, type View } from './output/view.ts'
import { formatBytes } from './units.ts'

const storeColumns = [
  field('id', 'ID'),
  yesNo('is_default', 'Default'),
  yesNo('is_read_only', 'Read-only'),
  field('description', 'Description'),
]

export const storeView: View<JsonObject> = documentView(storeColumns)

/** The same with what only administrators learn. */
export const storeDetailView: View<JsonObject> = documentView([
  ...storeColumns,
  field('type', 'Type'),
  field('weight', 'Weight'),
  field('properties', 'Properties'),
])

const taskColumns = [
  field('id', 'ID'),
  field('type', 'Type'),
  field('status', 'Status'),
  instant('created_at', 'Created'),
  instant('updated_at', 'Updated'),
]

const moreOfTask = [
  field('image_id', 'Image'),
  field('owner', 'By project'),
  field('user_id', 'By user'),
  field('request_id', 'Request'),
  instant('expires_at', 'Kept until'),
  field('input', 'Input'),
  field('result', 'Result'),
]

export const taskView: View<JsonObject> = documentView([...taskColumns, prose('message', 'Message', 60)], moreOfTask)

/** One task with everything about it. */
export const taskDetailView: View<JsonObject> = documentView([
  ...taskColumns,
  field('message', 'Message'),
  ...moreOfTask,
])

const mebibyte = 1024 * 1024

/** Sizes are counted in MiB on the wire. */
const amount = (key: string, title: string): DocumentColumn => ({
  ...field(key, title),
  text: (document) => {
    const value = own(document, key)
    if (typeof value !== 'number') return ''
    if (key === 'limit' && value < 0) return 'none'
    const isSize = /^image_(?:size|stage)/.test(String(own(document, 'name')))
    return isSize ? formatBytes(value * mebibyte) : String(value)
  },
})

export const usageView: View<JsonObject> = documentView([
  field('name', 'What'),
  amount('usage', 'Used'),
  amount('limit', 'Limit'),
])
