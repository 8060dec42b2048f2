import type { AccessRequestStatus, RequestState } from '@vitrine/contract'
import { dayMarkup } from '../catalogue/format.ts'
import type { Page } from '../catalogue/page.ts'
import { html, type Markup } from '../http/markup.ts'
import { requestForm, type Typed, type Wrong } from './form.ts'

/** The pages of a request. All are behind secret links, or hold what somebody typed: none is cached. */

/** The form again, with what is wrong and what was typed. */
export const formAgainPage = (
  listing: { readonly title: string; readonly path: string; readonly hasTerms: boolean },
  typed: Typed,
  problem: string,
  wrong: Wrong,
): Page => ({
  title: `Ask for ${listing.title}`,
  main: html`<h1>Ask for access</h1>
<p class="lead"><a href="${listing.path}"><bdi>${listing.title}</bdi></a></p>
<div class="note" role="alert"><p><strong>${problem}</strong></p></div>
<section class="ask" aria-label="Request">
${requestForm(`${listing.path}/requests`, listing.hasTerms ? `${listing.path}#terms` : null, typed, wrong)}
</section>`,
  isPublic: false,
})

const headings: Readonly<Record<RequestState, string>> = {
  unconfirmed: 'Please confirm your request',
  waiting: 'Your request is with the producer',
  approved: 'Your request was approved',
  denied: 'Your request was denied',
  closed: 'Your request was closed',
}

const explained = ({ state, email, image_id: imageId }: AccessRequestStatus): Markup => {
  switch (state) {
    case 'unconfirmed':
      return html`<p class="lead">A mail with a link goes to ${email}, unless one for the same request did within the last hour. The producer sees the request once you have confirmed it there, within two days.</p>
<p>No mail? Look among unwanted mail, and check the address.</p>`
    case 'waiting':
      return html`<p class="lead">The producer has been told and decides. The answer goes to ${email}.</p>`
    case 'approved':
      return html`<p class="lead">The image is shared with your project. Accept it to have it in your list; it can be used by its id at once.</p>
<pre><code>vitrine accept ${imageId}</code></pre>
<p>Or with the OpenStack client:</p>
<pre><code>openstack image set --accept ${imageId}</code></pre>`
    case 'denied':
      return html`<p class="lead">The producer does not share the image with your project.</p>`
    case 'closed':
      return html`<p class="lead">The image is no longer there, or the request was not needed any more.</p>`
  }
}

const facts = (status: AccessRequestStatus): Markup => html`<section class="facts" aria-label="The request"><dl>
<dt>Image</dt><dd>${status.listing.path === null ? html`<bdi>${status.listing.title}</bdi>` : html`<a href="${status.listing.path}"><bdi>${status.listing.title}</bdi></a>`}</dd>
<dt>Project</dt><dd><code><bdi>${status.project}</bdi></code></dd>
<dt>Asked</dt><dd>${dayMarkup(Date.parse(status.created_at))}</dd>
${status.decided_at !== null && html`<dt>Decided</dt><dd>${dayMarkup(Date.parse(status.decided_at))}</dd>`}
${status.image_id !== null && html`<dt>Image ID</dt><dd><code>${status.image_id}</code></dd>`}
</dl></section>`

/** How a request stands. */
export const statusPage = (status: AccessRequestStatus): Page => ({
  title: headings[status.state],
  main: html`<div class="word"><h1>${headings[status.state]}</h1>
${explained(status)}
${status.reason !== null && html`<h2>The producer wrote</h2><blockquote class="text"><p><bdi>${status.reason}</bdi></p></blockquote>`}
${facts(status)}
<p class="hint">Keep this address: it shows how the request stands. Whoever has it sees the same.</p></div>`,
  isPublic: false,
})

/** Asks whether the mailbox wants this, message and all: somebody else may have asked in its name. Only its button does anything: mail scanners follow links. */
export const confirmPage = (status: AccessRequestStatus, message: string | null, secret: string): Page => ({
  title: 'Confirm your request',
  main: html`<div class="word"><h1>Confirm your request</h1>
<p class="lead">Did you ask for access to <bdi>${status.listing.title}</bdi> for the project <code><bdi>${status.project}</bdi></code>?</p>
${message !== null && html`<p>The producer would read this message as yours:</p><blockquote class="text"><p><bdi>${message}</bdi></p></blockquote>`}
<form method="post" action="/catalogue/requests/confirm/${secret}"><button>Yes, send it to the producer</button></form>
<p class="hint">If not, close this page: without your confirmation nobody sees the request, and it is removed after two days.</p></div>`,
  isPublic: false,
})
