import { AnonymousRequestSchema } from '@vitrine/contract'
import { Compile } from 'typebox/compile'
import { html, type Markup } from '../http/markup.ts'

/** What somebody typed into the form, as it came. */
export interface Typed {
  readonly project: string
  readonly email: string
  readonly message: string
}

export const nothingTyped: Typed = { project: '', email: '', message: '' }

type Field = keyof Typed

const { properties } = AnonymousRequestSchema
const checks = {
  project: Compile(properties.project),
  email: Compile(properties.email),
  message: Compile(properties.message),
}

const sentences: Readonly<Record<Field, string>> = {
  project: 'This is not the id of a project: it has 1 to 255 characters, without slashes or blanks at either end.',
  email: 'This is not an address of a mailbox, such as name@example.com.',
  message: 'The message is longer than 2000 characters, or holds characters that cannot be shown.',
}

/** What is wrong with what was typed, by field. */
export type Wrong = Partial<Record<Field, string>>

export const wrongIn = (typed: Typed): Wrong => {
  const wrong: Wrong = {}
  for (const field of ['project', 'email', 'message'] as const) {
    if (!checks[field].Check(typed[field]) || !typed[field].isWellFormed()) wrong[field] = sentences[field]
  }
  return wrong
}

/** The fields of a form that was sent; blanks around ids are nobody's intent. */
export const typedFrom = (body: Buffer): Typed => {
  const sent = new URLSearchParams(body.toString('utf8'))
  return {
    project: (sent.get('project') ?? '').trim(),
    email: (sent.get('email') ?? '').trim(),
    message: (sent.get('message') ?? '').replaceAll('\r\n', '\n').trim(),
  }
}

const described = (field: Field, wrong: Wrong): Markup => {
  const ids = [`${field}-hint`, ...(wrong[field] === undefined ? [] : [`${field}-wrong`])]
  return html` aria-describedby="${ids.join(' ')}"${wrong[field] !== undefined && html` aria-invalid="true"`}`
}

const complaint = (field: Field, wrong: Wrong): Markup =>
  html`${wrong[field] !== undefined && html`<p class="note" id="${field}-wrong">${wrong[field]}</p>`}`

/**
 * The form by which anyone asks for access.
 * @param action path of the listing's page, with `/requests`
 * @param terms address of the terms that whoever asks agrees to, if there are any
 * @param typed what the fields hold
 */
export const requestForm = (
  action: string,
  terms: string | null,
  typed: Typed = nothingTyped,
  wrong: Wrong = {},
): Markup =>
  html`<form method="post" action="${action}">
<div class="field"><label for="project">Project ID</label>
<p class="hint" id="project-hint">The project that wants the image. Find its ID with <code>openstack project list</code> or <code>vitrine whoami</code>.</p>
<input id="project" name="project" value="${typed.project}" required maxlength="255" autocomplete="off" autocapitalize="none" spellcheck="false"${described('project', wrong)}>
${complaint('project', wrong)}</div>
<div class="field"><label for="email">Your e-mail address</label>
<p class="hint" id="email-hint">The producer sees it and the answer goes there.</p>
<input id="email" name="email" type="email" value="${typed.email}" required maxlength="254" autocomplete="email"${described('email', wrong)}>
${complaint('email', wrong)}</div>
<div class="field"><label for="message">Message to the producer (optional)</label>
<p class="hint" id="message-hint">Who you are and what you want the image for. Plain text.</p>
<textarea id="message" name="message" rows="4" maxlength="2000" autocomplete="off"${described('message', wrong)}>${typed.message}</textarea>
${complaint('message', wrong)}</div>
${terms !== null && html`<p>By asking you agree to the <a href="${terms}">terms</a> of the producer.</p>`}
<button>Ask for access</button>
</form>`
