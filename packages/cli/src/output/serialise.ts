import type { JsonValue } from '@vitrine/sdk'

/** Controls that JSON leaves as they are although terminals obey them. */
const obeyed = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

export const toJson = (value: JsonValue): string => JSON.stringify(value, null, 2).replace(obeyed, escaped)

/** The same without line breaks. */
export const toJsonLine = (value: JsonValue): string => JSON.stringify(value).replace(obeyed, escaped)

/** YAML 1.2. Texts with controls in them are quoted and escaped as in JSON, which YAML reads the same way. */
export const toYaml = async (value: JsonValue): Promise<string> => {
  const { Document, Scalar, visit } = await import('yaml')
  const document = new Document(value)
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === 'string' && /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u.test(node.value)) {
        node.type = Scalar.QUOTE_DOUBLE
      }
    },
  })
  return document.toString({ lineWidth: 0, doubleQuotedAsJSON: true }).replace(obeyed, escaped)
}
