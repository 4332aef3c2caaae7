/** The address of a server, without a slash at the end. Throws a `TypeError` for what is not one. */
export function parseBaseUrl(url: unknown): string {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new TypeError(
      `url=${String(url)} is not understood: it takes an http or https address, such as https://rooms.example.org`,
    )
  }
  return (parsed.origin + parsed.pathname).replace(/\/+$/, '')
}
