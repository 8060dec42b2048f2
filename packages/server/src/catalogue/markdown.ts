import MarkdownIt from 'markdown-it'
import sanitize from 'sanitize-html'
import { type Markup, sanitised } from '../http/markup.ts'

/** Levels by which headings sink: the page has the first two. */
const headingShift = 2

const markdown = new MarkdownIt({ html: false, linkify: true, typographer: false, maxNesting: 20 }).disable('image')
// Words that only look like host names stay words.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false })

const shifted = (tag: string): string => `h${Math.min(6, Number(tag.slice(1)) + headingShift)}`

markdown.core.ruler.push('shift_headings', ({ tokens }) => {
  for (const token of tokens) {
    if (token.type === 'heading_open' || token.type === 'heading_close') token.tag = shifted(token.tag)
  }
})

const isWebLink = (address: string): boolean => /^(?:https?:\/\/|mailto:)/i.test(address)

/** What may stand in a text of a producer, whatever the parser made of it. */
const allowed: sanitize.IOptions = {
  allowedTags: [
    ...['p', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'pre', 'code', 'hr', 'br'],
    ...['em', 'strong', 's', 'a', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  allowedAttributes: { a: ['href', 'rel'], ol: ['start'] },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowProtocolRelative: false,
  disallowedTagsMode: 'escape',
  nestingLimit: 100,
  transformTags: {
    // A link leads to another place, not to a page of ours that it could be mistaken for.
    a: (tagName, { href = '' }) =>
      isWebLink(href) ? { tagName, attribs: { href, rel: 'nofollow noopener ugc' } } : { tagName: 's', attribs: {} },
  },
}

/**
 * Text of a producer as markup: no HTML of its own, no pictures, no scripts, headings below those of the page. Links say
 * that nobody vouches for them.
 */
export const renderMarkdown = (text: string): Markup => sanitised(sanitize(markdown.render(text), allowed))
