import type { TokenClaims } from '@rollcall/protocol'
import { signToken } from '../packages/server/src/api/auth/token.ts'
import { type Kind, madeAt } from './kinds.ts'
import type { samples } from './samples.ts'

/** A media server that is known to the server under test, and how it proves to be itself. */
export type KnownSource = { id: string; type: keyof typeof samples; authorization: string }

/** What there is on the server, for requests to be about. */
export type World = {
  url: string
  wsUrl: string
  /** `Authorization` headers by what they may do. */
  tokens: { good: string; others: string[] }
  ids: { [kind in Kind]: string[] }
  sources: KnownSource[]
  /** Where webhooks may be sent. */
  hookUrl: string
}

export type Key = { apiKey: string; secret: string }

const hourMs = 3_600_000
/** Ids that answers told of, of each kind; those of the beginning are kept beside them. */
const learntMax = 100

/** Fills a server with rooms, sessions of all kinds, people, media servers and endpoints for webhooks. */
export async function makeWorld(url: string, key: Key, hookUrl: string): Promise<World> {
  const sign = (claims: Partial<TokenClaims> = {}) =>
    signToken(key, { roles: ['crawler', 'rtc'], ...claims }, { now: Date.now(), lifetimeMs: 24 * hourMs })
  const good = await sign()

  async function call<Body = { id: string }>(method: string, path: string, body?: object): Promise<Body> {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: good, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Body
  }

  const hook = await call('POST', '/v2/webhooks', { endPoint: hookUrl, events: ['*'] })
  const delivery = await call('POST', `/v2/webhooks/${hook.id}/test`)
  const roomIds: string[] = []
  for (const customRoomId of ['daily', 'weekly', 'Räume / 部屋', 'x'.repeat(256)]) {
    const { id, roomId } = await call<{ id: string; roomId: string }>('POST', '/v2/rooms', { customRoomId })
    roomIds.push(roomId, customRoomId, id)
    await call('POST', '/v2/events', { events: tellOf(roomId) })
  }
  const sessions = await call<{ data: { id: string }[]; pageInfo: { nextCursor: string } }>(
    'GET',
    '/v2/sessions?perPage=10',
  )
  const schedule = await call('POST', '/v2/schedules', {
    ...{ name: 'Daily', roomIds: ['daily'], start: '2026-01-05T09:00', durationMinutes: 60, timeZone: 'Europe/Berlin' },
    ...{ rrule: 'FREQ=DAILY', roster: [{ participantId: 'person 1', name: 'Person 1' }] },
  })
  const invite = await call('POST', '/v2/rooms/daily/invites', { name: 'Person 1' })
  const user = await call<{ userId: string }>('POST', '/v2/users', { name: 'viewer', role: 'viewer' })
  const sources: KnownSource[] = []
  for (const [type, settings, authorization] of [
    ['generic', { secret: 'of the PBX' }, 'Bearer of the PBX'],
    ['jitsi', { secret: 'of Prosody' }, 'Bearer of Prosody'],
    ['janus', { user: 'janus', password: 'of Janus' }, `Basic ${btoa('janus:of Janus')}`],
    ['livekit', { apiKey: 'a', secret: 'of LiveKit' }, 'eyJ'],
    ['bigbluebutton', { secret: 'of BigBlueButton' }, 'Bearer none'],
    ['videosdk', { publicKeyUrl: 'http://127.0.0.1:9/' }, 'none'],
  ] as const) {
    const { id } = await call('POST', '/v2/sources', { type, name: type, ...settings })
    sources.push({ id, type, authorization })
  }
  return {
    url,
    wsUrl: `${url.replace(/^http/, 'ws')}/v2/rtc`,
    tokens: {
      good,
      others: [
        await sign({ roles: ['crawler'], roomId: roomIds[0] ?? '' }),
        await sign({ roles: ['rtc'] }),
        await sign({ roles: ['crawler'], permissions: ['ask_join'] }),
        `Bearer ${await sign({ roles: ['crawler'] })}`,
        await sign({ apikey: 'unknown' }),
        'bad',
        'Bearer',
        `${good}x`,
      ],
    },
    ids: {
      rooms: roomIds,
      sessions: sessions.data.map(({ id }) => id),
      participants: ['person 1', 'person 2', 'person 3'],
      sources: sources.map(({ id }) => id),
      webhooks: [hook.id],
      deliveries: [delivery.id],
      schedules: [schedule.id],
      invites: [invite.id],
      users: [user.userId],
      shares: ['none yet'],
      cursors: [sessions.pageInfo.nextCursor],
    },
    sources,
    hookUrl,
  }
}

/** Five sessions of a room, a day apart, of which the last still runs. */
function tellOf(roomId: string): object[] {
  return [5, 4, 3, 2, 1].flatMap((day) => {
    const startAt = Date.now() - day * 24 * hourMs
    const about = (type: string, at: number, more: object = {}) => ({
      id: `${roomId} ${day} ${type} ${JSON.stringify(more)}`,
      type,
      at,
      roomId,
      sessionKey: `day ${day}`,
      ...more,
    })
    const people = [1, 2, 3].map((n) => ({ participantId: `person ${n}`, connectionId: `c${n}`, name: `Person ${n}` }))
    return [
      about('session-started', startAt),
      ...people.map((person, n) => about('participant-joined', startAt + n * 1000, person)),
      ...(day > 1 ? [about('session-ended', startAt + hourMs)] : []),
    ]
  })
}

/** Keeps what an answer tells of, in place of what was learnt longest ago. */
export function learn({ ids }: World, path: string, body: unknown): void {
  const { id, userId, shareId, roomId, pageInfo, data } = (body ?? {}) as { [name: string]: unknown }
  keep(ids.rooms, roomId)
  keep(ids.cursors, (pageInfo as { nextCursor?: unknown } | undefined)?.nextCursor)
  for (const [start, kind] of Object.entries(madeAt)) {
    if (path.startsWith(start)) keep(ids[kind], kind === 'users' ? userId : kind === 'shares' ? shareId : id)
  }
  if (path.includes('/deliveries') && Array.isArray(data)) for (const one of data) keep(ids.deliveries, one?.id)
}

const learnt = new WeakMap<string[], { own: number; next: number }>()

function keep(known: string[], id: unknown): void {
  if (typeof id !== 'string' || known.includes(id)) return
  const place = learnt.get(known) ?? { own: known.length, next: 0 }
  learnt.set(known, place)
  known[place.own + place.next] = id
  place.next = (place.next + 1) % learntMax
}
