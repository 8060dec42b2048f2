import { apiError } from '../api-error.ts'

// Outside of the Basic Multilingual Plane, half of a surrogate pair, or NUL: not every database of this field holds them.
const unstorable = /[\u{10000}-\u{10ffff}\ud800-\udfff\0]/u

/**
 * Checks a text that is to be stored.
 * @param name what it is, for the message
 * @throws ApiError `invalid_attribute`
 */
export const checkStorable = (name: string, text: string): void => {
  if (unstorable.test(text)) {
    throw apiError('invalid_attribute', {
      name,
      why: 'it holds a character that cannot be stored (U+0000 or above U+FFFF)',
    })
  }
}
