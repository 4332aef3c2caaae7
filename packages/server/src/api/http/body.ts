import { Refusal } from '../../error.ts'
import { readForm } from './form.ts'

/**
 * Reads a request's body, whatever its sender calls it: JSON, a form, or nothing. `curl -d '{…}'` calls JSON a form, and
 * `fetch` calls it plain text; no body at all, of any type, is an empty object.
 */
export function parseBody(contentType: string | undefined, text: string): unknown {
  if (text.trim() === '') return {}
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  const saysJson = type === 'application/json' || type.endsWith('+json')
  if (type === 'application/x-www-form-urlencoded' && !/^\s*\{/.test(text)) return readForm(text)
  try {
    return JSON.parse(text)
  } catch (error) {
    if (saysJson) throw new Refusal('BAD_REQUEST', `The body is not JSON: ${(error as SyntaxError).message}`)
    throw new Refusal(
      'UNSUPPORTED_MEDIA_TYPE',
      `A body of type ${type || '(none)'} is not understood: it takes application/json or application/x-www-form-urlencoded`,
    )
  }
}
