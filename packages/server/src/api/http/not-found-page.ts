import type { FastifyReply, FastifyRequest } from 'fastify'

/** Whether somebody looks at the answer in a browser, which asks for HTML before anything else. */
export function isForBrowser({ method, headers }: FastifyRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && /^text\/html\b/i.test(headers.accept ?? '')
}

/** A page of its own, which needs nothing that was built: what there is none of, and where to go from here. */
export function sendNotFoundPage(reply: FastifyReply, why: string, base: string): FastifyReply {
  const start = escapeHtml(base)
  reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'")
  reply.header('x-content-type-options', 'nosniff')
  return reply
    .code(404)
    .type('text/html; charset=utf-8')
    .send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Nothing here · Rollcall</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 34rem; margin: 15vh auto; padding: 0 1rem; overflow-wrap: anywhere }
</style>
<h1>Nothing here</h1>
<p>${escapeHtml(why)}.</p>
<p><a href="${start}/">The dashboard</a> has the sessions; <a href="${start}/docs">the reference</a> has every call of the API.</p>
</html>
`)
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
