import type { FastifyInstance } from 'fastify'

/** Which methods the server takes at a path, for what comes with another method or without its prefix. */
export type RouteTable = {
  /** In upper case; none where the server has no such path. */
  methodsAt(path: string): string[]
}

/** Of the routes that are registered from here on. */
export function createRouteTable(app: FastifyInstance): RouteTable {
  const routes: { pattern: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ method, url }) => {
    // CORS answers OPTIONS at every path.
    if (method === 'OPTIONS') return
    const steps = url.split('/').map((step) => (step.startsWith(':') ? '[^/]+' : step.replaceAll('.', '\\.')))
    // Repeated slashes and one at the end change no path.
    routes.push({ pattern: new RegExp(`^${steps.join('/+')}/*$`), methods: [method].flat().flatMap(withHead) })
  })
  return {
    methodsAt(path) {
      const methods = routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods)
      return [...new Set(methods)].sort()
    },
  }
}

/** What takes GET takes HEAD. */
function withHead(method: string): string[] {
  return method === 'GET' ? ['GET', 'HEAD'] : [method]
}
