import type { JsonObject } from '@vitrine/sdk'
import { documentView, field, instant, prose, yesNo } from './columns.ts'
import type { View } from './output/view.ts'

export const namespaceView: View<JsonObject> = documentView(
  [
    field('namespace', 'Namespace'),
    field('display_name', 'Name'),
    field('visibility', 'Visibility'),
    yesNo('protected', 'Protected'),
    prose('description', 'Description'),
  ],
  [field('owner', 'Owner'), instant('created_at', 'Created'), instant('updated_at', 'Updated')],
)

export const resourceTypeView: View<JsonObject> = documentView([
  field('name', 'Name'),
  instant('created_at', 'Created'),
])
