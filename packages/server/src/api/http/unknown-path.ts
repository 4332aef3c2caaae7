import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../../error.ts'
import { pathOf } from './request-log.ts'
import type { RouteTable } from './route-table.ts'

/** What VideoSDK's hosted service does and Rollcall does not, by the paths of its API. */
const others: { [start: string]: string } = {
  '/v2/recordings': 'record media',
  '/v2/hls': 'stream over HLS',
  '/v2/livestreams': 'stream over RTMP',
  '/v2/transcodings': 'transcode recordings',
  '/v2/sip': 'connect telephones',
  '/v2/batch-calls': 'call telephones',
  '/v2/agent': 'run agents',
  '/v2/connectors': 'connect other services',
  '/v2/whip': 'take media over WHIP',
  '/v2/whep': 'serve media over WHEP',
  '/v2/ingest/sessions': 'take media over sockets',
  '/v2/resource': 'hold resources ready',
  '/v2/alertRules': 'watch for alerts',
  '/v2/incidents': 'watch for incidents',
  '/v2/hlsstreams': 'stream over HLS',
  '/v2/combinestreams': 'combine streams',
  '/v1/meeting-recordings': 'record media',
  '/v1/livestreams': 'stream over RTMP',
  '/v1/files': 'store files',
  '/v1/encoder': 'encode files',
  '/ai/v1/realtime-transcriptions': 'transcribe speech',
  '/ai/v1/post-transcriptions': 'transcribe recordings',
  '/ai/v1/cloud': 'run agents',
}

/** A path that begins so, with slashes repeated or not: one look at each request, and at its first step but once. */
const pathOfOthers = new RegExp(`^(${groupByFirstStep(Object.keys(others)).join('|')})(?:[/?]|$)`)

const hostedRoomPath = '/v2/rtc'

/**
 * Refuses what VideoSDK's API has and Rollcall does not. The status is 405, with no method allowed: VideoSDK's clients take
 * 404 for a room that was not found, and call again after a 5xx.
 */
export function refuseOthers(request: FastifyRequest, reply: FastifyReply): void {
  const [, start] = pathOfOthers.exec(request.url) ?? []
  if (start === undefined) return
  reply.header('allow', '')
  throw new Refusal(
    'NOT_SUPPORTED',
    `Rollcall does not ${others[tidy(start)]}: it keeps the record of who was in which room, and of VideoSDK's API it has the rooms and sessions (GET /openapi.json lists all calls)`,
  )
}

/** Why there is no such path, or nothing to be had there by that method. */
export function refuseUnknown({ method, url }: FastifyRequest, reply: FastifyReply, routes: RouteTable): Refusal {
  const path = tidy(pathOf(url))
  if (path === hostedRoomPath && (method === 'GET' || method === 'HEAD')) {
    reply.header('upgrade', 'websocket')
    return new Refusal('UPGRADE_REQUIRED', 'GET /v2/rtc is a WebSocket: it takes a request with Upgrade: websocket')
  }
  if (lacksPrefix(path, routes)) return refuseWithoutPrefix(method, path)
  const allowed = path === hostedRoomPath ? ['GET', 'HEAD'] : routes.methodsAt(path)
  if (allowed.length === 0)
    return new Refusal('NOT_FOUND', `There is no ${method} ${pathOf(url)}${hintFor(method, path, routes)}`)
  reply.header('allow', allowed.join(', '))
  return new Refusal('METHOD_NOT_ALLOWED', `There is no ${method} ${pathOf(url)}: it takes ${allowed.join(' or ')}`)
}

/** The path of a call of the API, but for its `/v2`. */
export function lacksPrefix(path: string, routes: RouteTable): boolean {
  return path === '/rtc' || (path.length > 1 && routes.methodsAt(`/v2${path}`).length > 0)
}

export function refuseWithoutPrefix(method: string, path: string): Refusal {
  return new Refusal('NOT_FOUND', `There is no ${method} ${path}: the API is under /v2, as in ${method} /v2${path}`)
}

/** What takes the place of a call of the API's first version, or where all calls are. */
function hintFor(method: string, path: string, routes: RouteTable): string {
  const list = 'GET /openapi.json lists all calls'
  if (!path.startsWith('/v1/')) return `: ${list}`
  const today = path.replace('/v1', '/v2')
  const same = routes.methodsAt(today).length > 0
  return `: the API is under /v2, ${same ? `as in ${method} ${today}` : `and ${list}`}`
}

/** Without a slash at its end, or a repeated one. */
function tidy(path: string): string {
  return path.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '')
}

/** A pattern for each first step of these paths, of all that begin with it. */
function groupByFirstStep(paths: string[]): string[] {
  const steps = paths.map((path) => path.slice(1).split('/'))
  return [...Map.groupBy(steps, ([first]) => first)].map(([first, ofFirst]) => {
    const rests = ofFirst.map(([, ...rest]) => rest.join('/+'))
    return `/+${first}/+(?:${rests.join('|')})`
  })
}
