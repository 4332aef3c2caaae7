import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RoomServiceClient } from 'livekit-server-sdk'
import type { ReconcileLimits } from '../../src/sources/reconciling/limits.ts'
import { addSource, listSeen } from '../support/senders/source-client.ts'
import { send, startServer, type TestServer } from '../support/start-server.ts'
import type { RecordedStay } from '../support/truth.ts'
import { createLivekitServer, type LivekitServer, livekitKey } from './livekit-server.ts'
import { createPeople, type People } from './people.ts'

/** A Rollcall that one LiveKit reports to. */
export type Rollcall = {
  /** What it learns from: webhooks alone, or by asking LiveKit too. */
  by: 'webhooks' | 'webhooks and looks'
  server: TestServer
  /** Its answer to what LiveKit sends, in place of its own; undefined: its own. */
  gate: { fault: number | 'reset' | undefined }
  /** Webhooks that it took, by their event. */
  taken: string[]
}

/** One LiveKit, and two records of it, each by its own way of learning. */
export type World = {
  livekit: LivekitServer
  roomService: RoomServiceClient
  people: People
  rollcalls: Rollcall[]
  stop(): Promise<void>
}

/** LiveKit is asked so often, that a test need not last for minutes. */
export const lookEveryMs = 2000
const looks: ReconcileLimits = {
  intervalMs: lookEveryMs,
  settleMs: 500,
  renewMs: 300_000,
  gapMs: 120_000,
  concurrentMax: 20,
}

export async function createWorld(program: string, redisPort?: number): Promise<World> {
  await using started = new AsyncDisposableStack()
  const gates: Gate[] = []
  for (const by of ['webhooks', 'webhooks and looks'] as const) {
    const server = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }, { reconcileLimits: looks })
    started.defer(() => server.stop())
    const gate = await openGate({ by, server, gate: { fault: undefined }, taken: [] })
    started.defer(gate.close)
    gates.push(gate)
  }
  const webhookUrls = gates.map(({ url }) => url)
  const livekit = await createLivekitServer(program, { webhookUrls, redisPort })
  started.defer(() => livekit.remove())
  for (const gate of gates) {
    const isAsked = gate.rollcall.by !== 'webhooks'
    const settings = { ...livekitKey, ...(isAsked && { url: livekit.url }) }
    gate.to = (await addSource(gate.rollcall.server, 'livekit', settings)).url
  }
  await livekit.start()
  const people = createPeople(livekit.url)
  started.defer(() => people.stop())
  const parts = started.move()
  return {
    livekit,
    roomService: new RoomServiceClient(livekit.url, livekitKey.apiKey, livekitKey.secret),
    people,
    rollcalls: gates.map(({ rollcall }) => rollcall),
    stop: () => parts.disposeAsync(),
  }
}

/** Each entry of each timelog of a room, whichever session it is of. */
export async function listStays({ server }: Rollcall, room: string): Promise<RecordedStay[]> {
  const sessions = (await listSeen(server)).filter((session) => session.room === room)
  const people = sessions.flatMap((session) => session.people)
  return people.flatMap(({ id, timelog }) => timelog.map((entry) => ({ id, ...entry }) as RecordedStay))
}

type Gate = {
  rollcall: Rollcall
  /** Where LiveKit sends, and where that goes on to. */
  url: string
  to: string
  close: () => void
}

/** Stands before a Rollcall, so that it can be away for LiveKit while it is there for who reads. */
async function openGate(rollcall: Rollcall): Promise<Gate> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { fault } = rollcall.gate
    if (fault === 'reset') return request.socket.destroy()
    if (fault !== undefined) return response.writeHead(fault).end()
    const { authorization = '', 'content-type': type = '' } = request.headers
    const { status } = await send(gate.to, 'POST', { authorization, 'content-type': type }, body)
    if (status === 200) rollcall.taken.push((JSON.parse(body) as { event: string }).event)
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const gate: Gate = {
    rollcall,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    to: '',
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return gate
}
