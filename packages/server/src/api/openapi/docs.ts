import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { fastify } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { htmlType, type KeptBytes, keepBytes, sendKept } from '../http/kept-bytes.ts'
import { writePagePolicy } from '../http/page-policy.ts'
import { docsScriptMaxAgeSeconds } from '../limits.ts'

/** `/docs`: the OpenAPI document as a page, on which every call can be tried. */
export function docsRoutes({ config }: Pick<Context, 'config'>): FastifyPluginAsyncTypebox {
  const contentSecurityPolicy = writePagePolicy(config)
  let script: Promise<KeptBytes> | undefined

  return async (app) => {
    const page = {
      operationId: 'getDocs',
      tags: ['Server'],
      summary: 'This document as a page',
      description: 'For people: every call can be tried there.',
      produces: ['text/html'],
      response: { 200: Type.String({ description: 'The page.' }) },
    }
    app.get('/docs', { schema: page }, async (request, reply) =>
      reply
        .header('content-security-policy', contentSecurityPolicy)
        .type(htmlType)
        .send(writePage(request.url.split('?', 1)[0]?.endsWith('/') ? '../' : '')),
    )

    app.get('/docs/scalar.js', { schema: { hide: true } }, async (request, reply) => {
      script ??= loadScript().then(async (identity) =>
        keepBytes('text/javascript; charset=utf-8', { identity, gzip: await promisify(gzip)(identity) }),
      )
      reply.header('cache-control', `public, max-age=${docsScriptMaxAgeSeconds}`)
      return sendKept(request, reply, await script)
    })
  }
}

/** @param root the way from the page to the server's own root, which a proxy may have moved */
function writePage(root: string): string {
  const configuration = {
    url: `${root}openapi.json`,
    agent: { disabled: true },
    authentication: { preferredSecurityScheme: 'token' },
    hideClientButton: true,
    mcp: { disabled: true },
    persistAuth: false,
    showDeveloperTools: 'never',
    telemetry: false,
    withDefaultFonts: false,
  }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rollcall API</title>
<link rel="icon" href="data:,">
</head>
<body>
<noscript>This page takes JavaScript. The document itself does not: <a href="${root}openapi.json">openapi.json</a></noscript>
<script id="api-reference" type="application/json" data-configuration='${JSON.stringify(configuration)}'></script>
<script src="${root}docs/scalar.js"></script>
</body>
</html>
`
}

/** The package has its script in a route of its own alone, and takes half a second to load: not before somebody asks. */
async function loadScript(): Promise<Buffer> {
  const { default: scalar } = await import('@scalar/fastify-api-reference')
  const app = fastify()
  await app.register(scalar, { routePrefix: '/docs', configuration: { url: '/openapi.json' } })
  const { rawPayload } = await app.inject('/docs/js/scalar.js')
  return rawPayload
}
