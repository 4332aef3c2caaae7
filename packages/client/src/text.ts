/** The value, where it is a text of 1 to `maxLength` UTF-16 units. Throws a `TypeError` that names it where it is not. */
export function requireText(name: string, value: unknown, maxLength?: number): string {
  if (typeof value === 'string' && value !== '' && (maxLength === undefined || value.length <= maxLength)) return value
  // The value may be a secret: it is not repeated.
  const said = typeof value === 'string' ? `a text of ${value.length}` : typeof value
  const takes = maxLength === undefined ? 'a text that is not empty' : `a text of 1 to ${maxLength} characters`
  throw new TypeError(`${name} is ${said}: it takes ${takes}`)
}
