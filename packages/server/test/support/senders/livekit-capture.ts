import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Source } from '@rollcall/protocol'
import { at, type TrueStay } from '../truth.ts'
import type { LivekitRooms } from './livekit-rooms.ts'
import { deliver, livekitKey, signAsLivekit } from './source-client.ts'

// What a real LiveKit sent, beside what the clients themselves saw: fixtures/livekit/README.md.

export type Delivery = {
  /** When it came, in epoch milliseconds. */
  at: number
  /** What the receiver did with it: `pass`, or how it was kept away. */
  mode: string
  body: string
}

/** A line of what the clients and whoever ran them saw; `atMs` by the clock of whoever saw it. */
export type Sight = {
  atMs: number
  what: string
  id?: string
  ev?: string
  sid?: string
  sig?: string
  /** Who is inside, by LiveKit's own list. */
  r?: unknown[][]
}

export type Capture = { deliveries: Delivery[]; sights: Sight[] }

const folder = join(import.meta.dirname, '../../fixtures/livekit')

/** LiveKit takes somebody for gone when nothing came of them for so long, in milliseconds. */
const connectionTimeout = { fromMs: 19_000, toMs: 21_000 }

export async function readCapture(name: string): Promise<Capture> {
  const [deliveries, lines] = await Promise.all([readLines<Delivery>(name), readLines<Line>(`${name}.truth`)])
  const sights = lines.map((line) => ({ ...line, atMs: Date.parse(line.cat ?? line.now ?? line.iso) }))
  return { deliveries, sights: sights.toSorted((a, b) => a.atMs - b.atMs) }
}

/** Sends it as LiveKit did, signed anew, by the clock of that time. Gives the status. */
export async function deliverCaptured({ url }: Pick<Source, 'url'>, { at: atMs, body }: Delivery): Promise<number> {
  return (await deliver(url, body, await signAsLivekit(body, livekitKey, atMs))).status
}

/** A body, as far as it is looked at. */
export type CapturedEvent = {
  event: string
  id: string
  room: { sid: string; name: string; turnPassword?: string }
  participant?: { sid: string; identity: string; joinedAtMs: string; disconnectReason?: string }
}

export function readEvent({ body }: Pick<Delivery, 'body'>): CapturedEvent {
  return JSON.parse(body)
}

/**
 * What LiveKit's RoomService lists at a time, by all that it said until then. Where it was killed it has forgotten what was
 * before, but for those of `listedStill`, and does not answer until it says something again: then undefined is given.
 */
export function listInside(
  { deliveries }: Capture,
  atMs: number,
  { killedMs = 0, listedStill = [] }: { killedMs?: number; listedStill?: string[] } = {},
): LivekitRooms['rooms'] | undefined {
  const rooms: LivekitRooms['rooms'] = new Map()
  const said = deliveries.filter((one) => one.at <= atMs)
  const isKilled = killedMs > 0 && killedMs <= atMs
  if (isKilled && !said.some((one) => one.at > killedMs)) return undefined
  for (const one of said) {
    const { event, room, participant } = readEvent(one)
    const isForgotten = isKilled && one.at < killedMs && !listedStill.includes(participant?.identity ?? '')
    if (isForgotten) continue
    const { people } = rooms.get(room.name) ?? { people: [] }
    const others = people.filter(({ sid }) => sid !== participant?.sid)
    if (event === 'participant_joined' && participant !== undefined) {
      const { sid, identity, joinedAtMs } = participant
      others.push({ sid, identity, joinedAtMs: Number(joinedAtMs) })
    }
    rooms.set(room.name, { sid: room.sid, name: room.name, people: others })
    if (event === 'room_finished') rooms.delete(room.name)
  }
  return rooms
}

/** Every connection that a client had, from when it said that it was in to when it was out, by the client's own clock. */
export function readTruth(sights: Sight[]): TrueStay[] {
  const stays: TrueStay[] = []
  const inside = new Map<string, TrueStay>()
  /** Since when a client that is not connected tries to be again. */
  const reconnecting = new Map<string, Sight>()
  const leaving = new Map<string, number>()
  /** When a client was told to be cut off, as a test of its own. */
  const simulated = new Map<string, number>()
  let serverStartedMs = 0
  const enter = (id: string, start: TrueStay['start']) => {
    const stay = { id, start, end: at(Number.POSITIVE_INFINITY) }
    inside.set(id, stay)
    stays.push(stay)
  }
  const leave = (id: string, end: TrueStay['end']) => {
    const stay = inside.get(id)
    if (stay !== undefined) stay.end = end
    inside.delete(id)
  }

  for (const [n, sight] of sights.entries()) {
    const { what, id = '', atMs, sig } = sight
    if (what === 'livekit start') serverStartedMs = atMs
    if (what === 'simulate') simulated.set(id, atMs)
    if (what === 'delete' || (what === 'SIGKILL' && id === '')) for (const one of inside.keys()) leave(one, at(atMs))
    if (what === 'signal' && sig === 'SIGKILL' && !speaksAgain(sights.slice(n + 1), id)) {
      leave(id, { from: atMs + connectionTimeout.fromMs, to: atMs + connectionTimeout.toMs })
    }
    switch (what === 'client' || what === 'web' ? sight.ev : undefined) {
      case 'connected':
      case 'Connected':
        enter(id, at(atMs))
        break
      case 'e:reconnecting':
      case 'Reconnecting':
        reconnecting.set(id, sight)
        break
      case 'e:reconnected':
      case 'Reconnected': {
        const since = reconnecting.get(id)
        reconnecting.delete(id)
        const isResumed = inside.has(id) && (since === undefined || since.sid === sight.sid)
        if (isResumed) break
        const from = Math.max(since?.atMs ?? atMs, serverStartedMs)
        leave(id, { from: simulated.get(id) ?? since?.atMs ?? atMs, to: since?.atMs ?? atMs })
        enter(id, { from, to: atMs })
        break
      }
      case 'leaving':
        leaving.set(id, atMs)
        break
      case 'e:disconnected':
      case 'Disconnected':
      case 'left':
        leave(id, { from: leaving.get(id) ?? atMs, to: atMs })
        leaving.delete(id)
        break
    }
  }
  return stays
}

/** Whether another connection of theirs, and not the one that was killed, is the one that is inside. */
function speaksAgain(later: Sight[], id: string): boolean {
  return later.find((sight) => sight.id === id && sight.what === 'client')?.ev === 'leaving'
}

type Line = Omit<Sight, 'atMs'> & { iso: string; cat?: string; now?: string }

async function readLines<T>(name: string): Promise<T[]> {
  const text = await readFile(join(folder, `${name}.ndjson`), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}
