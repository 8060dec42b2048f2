import { type ErrorCode, errorTable } from '@vitrine/contract'
import { type Limits, LimitsSchema } from '../packages/server/src/config.ts'
import { code, table } from './markdown.ts'

/** What happens beyond each limit that can be set: an error of the table, or words. */
const beyond: Readonly<Record<keyof Limits, ErrorCode | { readonly words: string }>> = {
  page_size: { words: 'the page ends, with `next`; `limit` asks for another size' },
  page_size_max: { words: 'a larger `limit` is lowered' },
  members_per_image: 'member_quota',
  properties_per_image: 'property_quota',
  property_characters_per_image: 'property_size_quota',
  tags_per_image: 'tag_quota',
  images_per_project: 'image_quota',
  image_size_bytes: 'image_too_large',
  virtual_size_bytes: 'virtual_size_too_large',
  project_storage_bytes: 'storage_quota',
  project_staged_bytes: 'stage_quota',
  uploads_per_project: 'uploading_quota',
  listings_per_project: 'resource_quota',
  invitations_per_project: 'resource_quota',
  notice_addresses_per_project: 'resource_quota',
  webhooks_per_project: 'resource_quota',
  keys_per_project: 'resource_quota',
  links_per_project: 'resource_quota',
  link_seconds_max: 'invalid_attribute',
  rules_per_project: 'resource_quota',
  metadef_namespaces: 'metadef_quota',
  metadef_resource_types: 'metadef_quota',
  metadef_parts_per_namespace: 'metadef_quota',
  metadef_characters_per_namespace: 'metadef_quota',
  requests_per_email_day: 'too_many_requests',
  requests_per_network_hour: 'too_many_requests',
  requests_per_listing_hour: 'too_many_requests',
  new_shares_per_project_hour: { words: 'no mail; the shares are made' },
  notice_mails_per_pair_day: { words: 'the rest come in one mail a day' },
  upload_idle_seconds: 'request_timeout',
  upload_resumable_hours: 'upload_expired',
}

const outcome = (what: ErrorCode | { readonly words: string }): string =>
  typeof what === 'string' ? `${errorTable[what].status} ${code(what)}` : what.words

const begin = '<!-- limits: written by docs/generate.ts -->'
const end = '<!-- end of limits -->'

const isLimit = (key: string): key is keyof Limits => key in beyond

const limitsTable = (): string =>
  table(
    ['limit', 'default', 'what it is', 'beyond it'],
    Object.entries(LimitsSchema.properties).map(([key, schema]) => {
      const byDefault = 'default' in schema ? String(schema.default) : ''
      const description = 'description' in schema ? String(schema.description) : ''
      return [
        code(key),
        byDefault === '-1' ? 'unlimited' : byDefault,
        description,
        isLimit(key) ? outcome(beyond[key]) : '',
      ]
    }),
  )

/** The page of limits with its table of those that can be set as the code has them. */
export const withLimits = (page: string): string => {
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`limits.md has no place between ${begin} and ${end}`)
  return `${before}${begin}\n\n${limitsTable()}\n\n${end}${after}`
}
