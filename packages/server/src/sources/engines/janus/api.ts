import { randomUUID } from 'node:crypto'
import type { Json, Snapshot, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type Ask, type FetchedRoom, type MediaServer, MediaServerRefusal } from '../media-server.ts'
import { isMapped, toId, toName } from '../reported.ts'
import { parseExactJson, toExactNumber } from './json.ts'

// Janus's HTTP API: a client opens a session, attaches a handle of the video rooms in it, and sends requests to the handle.

const Id = Type.Union([Type.String({ minLength: 1 }), Type.Integer()])
type Id = Type.Static<typeof Id>
const Participant = Type.Object({ id: Id, display: Type.Optional(Type.String()) })
const checkCreated = Compile(Type.Object({ data: Type.Object({ id: Id }) }))
const checkRooms = Compile(
  Type.Object({ list: Type.Array(Type.Object({ room: Id, num_participants: Type.Integer() })) }),
)
const checkParticipants = Compile(Type.Object({ participants: Type.Array(Participant) }))

type Settings = SourceSettings['janus']
type Answer = { [name: string]: Json }

/** Error codes of the video rooms for a room or participant that does not exist, and for an id of the wrong form. */
const errors = { noSuchRoom: 426, noSuchPerson: 428, wrongId: 430 }
/** Error code of the API for a missing or wrong secret. */
const unauthorized = 403

export const janusApi: MediaServer<Settings> = {
  isReachable: ({ url }) => url !== undefined,

  async fetchRooms(ask, settings, listRunning) {
    const reporter = await findReporter(ask, settings)
    const running = new Set(await listRunning(reporter))
    return withVideoroom(ask, settings, async (request) => {
      const { answer, at } = await request({ request: 'list' })
      if (!checkRooms.Check(answer)) throw unreadable('list')
      const rooms: FetchedRoom[] = []
      for (const { room, num_participants } of answer.list) {
        const name = toId(String(room))
        const isRunning = running.delete(name)
        if (num_participants > 0) rooms.push({ roomName: name, ...(await listParticipants(request, [room])) })
        else if (isRunning) rooms.push({ roomName: name, at, participants: [] })
      }
      // Private rooms are not in the list.
      for (const name of running) rooms.push({ roomName: name, ...(await listParticipants(request, idsOf(name))) })
      return { ...(reporter !== undefined && { reporter }), at, rooms }
    })
  },

  async end(ask, settings, { reporter, roomNames, inside, isRetry }) {
    requireNames(roomNames)
    await requireReporter(ask, settings, reporter)
    await withVideoroom(ask, settings, async (request) => {
      for (const room of roomNames.flatMap(idsOf)) {
        if (isRetry) {
          const { participants } = await listParticipants(request, [room])
          const isSame = participants.some(({ participantId }) =>
            inside.some((one) => one.participantId === participantId),
          )
          if (!isSame) continue
        }
        const { answer } = await request({ request: 'destroy', room, ...secretOf(settings), permanent: false })
        if (answer !== undefined) return
      }
    })
  },

  // Each join has an id of its own in Janus: a retry cannot remove somebody who came back.
  async remove(ask, settings, { reporter, roomNames, participantId }) {
    requireNames(roomNames, participantId)
    await requireReporter(ask, settings, reporter)
    await withVideoroom(ask, settings, async (request) => {
      for (const room of roomNames.flatMap(idsOf)) {
        for (const id of idsOf(participantId)) {
          const { answer } = await request({ request: 'kick', room, id, ...secretOf(settings) })
          if (answer !== undefined) return
        }
      }
    })
  },
}

/** Janus would answer that there is no such room or participant, as it does where all is done. */
function requireNames([roomName = '']: string[], participantId = ''): void {
  if (isMapped(roomName)) throw new MediaServerRefusal('what Janus calls the room cannot be stored, and is not known')
  if (isMapped(participantId)) {
    throw new MediaServerRefusal('what Janus calls the participant cannot be stored, and is not known')
  }
}

/** The name of the Janus at the address, as its events give it. */
async function findReporter(ask: Ask, settings: Settings): Promise<string | undefined> {
  const { status, body } = await ask(`${baseOf(settings)}/info`)
  const info = parseAnswer(body)
  if (info?.janus !== 'server_info') throw new Error(`its API is answered ${status}, and not by Janus`)
  const name = info['server-name']
  return typeof name === 'string' && name !== '' ? toId(name) : undefined
}

/** Several Janus may report as one source, each with rooms of its own. */
async function requireReporter(ask: Ask, settings: Settings, reporter: string | undefined): Promise<void> {
  const found = await findReporter(ask, settings)
  if (found !== reporter) {
    throw new MediaServerRefusal(`the session is on the Janus ${reporter}, and the address is that of ${found}`)
  }
}

function secretOf({ roomSecret }: Settings): { secret?: string } {
  return roomSecret === undefined ? {} : { secret: roomSecret }
}

/** Possible forms of an id there: a number or, where Janus is configured with `string_ids`, the text. */
function idsOf(id: string): Id[] {
  return /^\d{1,20}$/.test(id) ? [toExactNumber(id), id] : [id]
}

/** @param ids possible ids of the room: where no such room exists, nobody is inside */
async function listParticipants(
  request: Request,
  ids: Id[],
): Promise<{ at: number; participants: Snapshot['participants'] }> {
  let at = 0
  for (const room of ids) {
    const asked = await request({ request: 'listparticipants', room })
    at = asked.at
    if (asked.answer === undefined) continue
    if (!checkParticipants.Check(asked.answer)) throw unreadable('listparticipants')
    const participants = asked.answer.participants.map(({ id, display }) => ({
      participantId: toId(String(id)),
      ...toName(display),
    }))
    return { at, participants }
  }
  return { at, participants: [] }
}

/** `answer` is undefined where the room or participant does not exist. */
type Request = (body: object) => Promise<{ answer: Answer | undefined; at: number }>

/** Attaches a handle of the video rooms, and destroys its session afterwards, also where the work fails. */
async function withVideoroom<T>(ask: Ask, settings: Settings, work: (request: Request) => Promise<T>): Promise<T> {
  const base = baseOf(settings)
  const session = `${base}/${await create(base, { janus: 'create' })}`
  try {
    const handle = `${session}/${await create(session, { janus: 'attach', plugin: 'janus.plugin.videoroom' })}`
    return await work((body) => request(handle, body))
  } finally {
    // Janus drops an idle session by itself: a failed `destroy` costs nothing.
    await send(session, { janus: 'destroy' }).catch(() => undefined)
  }

  async function send(path: string, message: object): Promise<{ answer: Answer; at: number }> {
    const { apiSecret } = settings
    const asked = await ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...message,
        transaction: randomUUID(),
        ...(apiSecret !== undefined && { apisecret: apiSecret }),
      }),
    })
    const answer = parseAnswer(asked.body)
    if (answer === undefined || typeof answer.janus !== 'string') {
      throw new Error(`its API is answered ${asked.status}, and not by Janus`)
    }
    if (answer.janus !== 'error') return { answer, at: asked.at }
    const { code, reason } = (answer.error ?? {}) as Answer
    const said = `its API says ${code}: ${reason}`
    throw code === unauthorized ? new MediaServerRefusal(said) : new Error(said)
  }

  async function create(path: string, message: object): Promise<string> {
    const { answer } = await send(path, message)
    if (!checkCreated.Check(answer)) throw unreadable(JSON.stringify(message))
    return String(answer.data.id)
  }

  async function request(handle: string, body: object): ReturnType<Request> {
    const { answer, at } = await send(handle, { janus: 'message', body })
    const data = ((answer.plugindata ?? {}) as Answer).data as Answer | undefined
    if (data === undefined) throw unreadable(JSON.stringify(body))
    const { error_code: code, error } = data
    if (code === undefined) return { answer: data, at }
    if (Object.values(errors).some((known) => known === code)) return { answer: undefined, at }
    throw new MediaServerRefusal(`its video rooms say ${code}: ${error}`)
  }
}

function baseOf({ url = '' }: Settings): string {
  return url.replace(/\/+$/, '')
}

function parseAnswer(body: string): Answer | undefined {
  const answer = parseExactJson(body)
  return typeof answer === 'object' && answer !== null && !Array.isArray(answer) ? answer : undefined
}

function unreadable(request: string): Error {
  return new Error(`the answer to ${request} is none of Janus's`)
}
