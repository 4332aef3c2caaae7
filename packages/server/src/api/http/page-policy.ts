import type { Config } from '../../config.ts'

/**
 * The Content-Security-Policy of a page: nothing of it comes from another host, and nothing of it goes there. Only the
 * server's own public address may be called, where the page was opened under another, and sockets opened to the servers beside it.
 * @param servers addresses that a join may be sent on to
 * @param more what this page needs besides, by directive
 */
export function writePagePolicy(
  { publicUrl }: Pick<Config, 'publicUrl'>,
  servers: string[] = [],
  more: { [directive: string]: string } = {},
): string {
  const called = publicUrl === undefined ? [] : [new URL(publicUrl).origin]
  const sockets = servers.map((address) => new URL(address).origin.replace(/^http/, 'ws'))
  const directives = {
    'default-src': "'none'",
    'script-src': "'self'",
    // What draws the pages writes their colours into a style element.
    'style-src': "'self' 'unsafe-inline'",
    'img-src': "'self' data:",
    'font-src': "'self'",
    'connect-src': ["'self'", ...called, ...sockets].join(' '),
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    ...more,
  }
  return Object.entries(directives)
    .map(([directive, sources]) => `${directive} ${sources}`)
    .join('; ')
}
