import { documentView, field, instant, prose, yesNo } from './columns.ts'

export const addressView = documentView([
  field('id', 'ID'),
  field('email', 'E-mail'),
  field('state', 'State'),
  field('mode', 'Mode'),
  field('kinds', 'Notices'),
])

export const webhookView = documentView(
  [
    field('id', 'ID'),
    field('url', 'URL'),
    yesNo('enabled', 'Enabled'),
    instant('failing_since', 'Failing'),
    field('kinds', 'Notices'),
  ],
  [instant('created_at', 'Created')],
)

/** Mails and calls of webhooks. */
export const deliveryView = documentView(
  [
    field('id', 'ID'),
    field('kind', 'By'),
    field('notice', 'Notice'),
    field('target', 'To'),
    field('state', 'State'),
    field('attempts', 'Tries'),
    prose('last_error', 'Last error'),
    instant('created_at', 'Queued'),
    instant('next_at', 'Next try'),
  ],
  [field('image_id', 'Image'), instant('finished_at', 'Finished')],
)
