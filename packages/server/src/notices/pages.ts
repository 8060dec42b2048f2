import type { Page } from '../catalogue/page.ts'
import { html, type Markup } from '../http/markup.ts'
import type { Subscription } from './addresses.ts'

/** The pages that mails link to. Each shows a button: opening a link changes nothing, since scanners of mail open them all. */

const button = (path: string, label: string, extra?: Markup): Markup =>
  html`<form method="post" action="${path}">${extra}<button>${label}</button></form>`

const page = (title: string, main: Markup): Page => ({
  title,
  main: html`<div class="word"><h1>${title}</h1>${main}</div>`,
  isPublic: false,
})

export const confirmPage = (path: string, email: string, projectId: string): Page =>
  page(
    'Confirm your address',
    html`<p class="lead">Notices of the project <code>${projectId}</code> are to be sent to ${email}.</p>${button(path, 'Confirm')}<p>If you do not want them, leave this page.</p>`,
  )

export const confirmedPage = (email: string): Page =>
  page(
    'Your address is confirmed',
    html`<p class="lead">Notices will be sent to ${email}. Every one of them holds a link that ends them.</p>`,
  )

export const unsubscribePage = (path: string, found: Subscription): Page =>
  page(
    'No more mails?',
    html`<p class="lead">${found.kind === 'address' ? html`Notices of the project <code>${found.row.project_id}</code> would no longer be sent to ${found.row.email}.` : html`Mails about requests for access would no longer be sent to ${found.email}.`}</p>${button(path, 'No more mails')}`,
  )

export const unsubscribedPage = (path: string, found: Subscription): Page =>
  page(
    'No more mails',
    found.kind === 'address'
      ? html`<p class="lead">No more notices of the project <code>${found.row.project_id}</code> go to ${found.row.email}.</p><p>A user of the project can add the address again; then it is asked for its consent first.</p>`
      : html`<p class="lead">No more mails about requests for access go to ${found.email}.</p>${button(path, 'Send them again', html`<input type="hidden" name="undo" value="1">`)}`,
  )

export const resubscribedPage = (found: Subscription): Page =>
  page(
    'Mails come again',
    html`<p class="lead">${found.kind === 'mailbox' ? html`Mails about requests for access go to ${found.email} again.` : html`Ask a user of the project to add the address again.`}</p>`,
  )
