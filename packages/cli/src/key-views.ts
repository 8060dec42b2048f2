import type { JsonObject } from '@vitrine/sdk'
import { documentView, field, instant, yesNo } from './columns.ts'
import type { View } from './output/view.ts'

export const keyView: View<JsonObject> = documentView(
  [
    field('id', 'ID'),
    field('name', 'Name'),
    field('status', 'Status'),
    yesNo('default', 'Default'),
    yesNo('grantable', 'Grantable'),
    field('version', 'Version'),
    field('images', 'Images'),
    instant('created_at', 'Created'),
  ],
  [
    field('project_id', 'Project'),
    yesNo('adopted', 'Adopted'),
    yesNo('rotating', 'Rotating'),
    instant('updated_at', 'Updated'),
  ],
)

/** The projects that may use a key. */
export const grantView: View<JsonObject> = documentView(
  [field('project_id', 'Project'), field('shares', 'Shares'), instant('created_at', 'Since')],
  [field('key_id', 'Key'), field('granted_by_user', 'Granted by')],
)

/** What was done with a key. */
export const keyEventView: View<JsonObject> = documentView(
  [
    instant('created_at', 'Time'),
    field('type', 'Use'),
    field('outcome', 'Outcome'),
    field('project_id', 'By project'),
    field('image_id', 'Image'),
    field('grantee_id', 'For project'),
  ],
  [
    field('id', 'ID'),
    field('key_id', 'Key'),
    field('version', 'Version'),
    field('user_id', 'By user'),
    field('request_id', 'Request'),
  ],
)
