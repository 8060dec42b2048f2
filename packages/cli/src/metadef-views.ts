import type { JsonObject } from '@vitrine/sdk'
import { documentView, field, instant, prose, yesNo } from './columns.ts'
import { own, type View } from './output/view.ts'

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

/** The columns of a property are all that every one has; the other words of its schema are shown with json, yaml and `-c`. */
export const propertyView: View<JsonObject> = documentView(
  [field('name', 'Name'), field('title', 'Title'), field('type', 'Type'), prose('description', 'Description')],
  [field('enum', 'Values'), field('default', 'Default')],
)

export const objectView: View<JsonObject> = documentView(
  [
    field('name', 'Name'),
    {
      ...field('properties', 'Properties'),
      text: (object) => Object.keys(own(object, 'properties') ?? {}).join(', '),
    },
    field('required', 'Required'),
    prose('description', 'Description'),
  ],
  [instant('created_at', 'Created'), instant('updated_at', 'Updated')],
)

export const tagView: View<JsonObject> = documentView(
  [field('name', 'Name')],
  [instant('created_at', 'Created'), instant('updated_at', 'Updated')],
)

export const associationView: View<JsonObject> = documentView(
  [field('name', 'Resource type'), field('prefix', 'Prefix'), field('properties_target', 'Target')],
  [instant('created_at', 'Since')],
)
