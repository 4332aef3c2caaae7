import { randomUUID } from 'node:crypto'
import type { Json, Snapshot, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type Ask, type MediaServer, MediaServerRefusal, type SeenRoom } from '../media-server.ts'
import { toId, toName } from '../told.ts'
import { parseExactJson, toExactNumber } from './json.ts'

// Janus's HTTP API: whoever asks has a session, in it a handle on the video rooms, and sends requests to that.

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

/** What the video rooms say of a room or person that is not there, and of an id that is none here. */
const errors = { noSuchRoom: 426, noSuchPerson: 428, wrongId: 430 }
/** What the API says where the secret is missing or wrong. */
const unauthorized = 403

export const janusApi: MediaServer<Settings> = {
  isReachable: ({ url }) => url !== undefined,

  async look(ask, settings, listRunning) {
    const reporter = await findReporter(ask, settings)
    const running = new Set(await listRunning(reporter))
    return withVideoroom(ask, settings, async (request) => {
      const { answer, at } = await request({ request: 'list' })
      if (!checkRooms.Check(answer)) throw unreadable('list')
      const rooms: SeenRoom[] = []
      for (const { room, num_participants } of answer.list) {
        const name = toId(String(room))
        const isRunning = running.delete(name)
        if (num_participants > 0) rooms.push({ room: name, ...(await listParticipants(request, [room])) })
        else if (isRunning) rooms.push({ room: name, at, participants: [] })
      }
      // Those that are private are not listed.
      for (const name of running) rooms.push({ room: name, ...(await listParticipants(request, idsOf(name))) })
      return { ...(reporter !== undefined && { reporter }), at, rooms }
    })
  },

  async end(ask, settings, { reporter, rooms, inside, isAgain }) {
    await requireReporter(ask, settings, reporter)
    await withVideoroom(ask, settings, async (request) => {
      for (const room of rooms.flatMap(idsOf)) {
        if (isAgain) {
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

  // Janus gives a number of its own to each join: whoever comes back is not mistaken for them.
  async remove(ask, settings, { reporter, rooms, participantId }) {
    await requireReporter(ask, settings, reporter)
    await withVideoroom(ask, settings, async (request) => {
      for (const room of rooms.flatMap(idsOf)) {
        for (const id of idsOf(participantId)) {
          const { answer } = await request({ request: 'kick', room, id, ...secretOf(settings) })
          if (answer !== undefined) return
        }
      }
    })
  },
}

/** The name that the Janus at the address gives itself in its events. */
async function findReporter(ask: Ask, settings: Settings): Promise<string | undefined> {
  const { status, body } = await ask(`${baseOf(settings)}/info`)
  const info = parseAnswer(body)
  if (info?.janus !== 'server_info') throw new Error(`its API is answered ${status}, and not by Janus`)
  const name = info['server-name']
  return typeof name === 'string' && name !== '' ? toId(name) : undefined
}

/** Several Janus may report as one source: their rooms are not the same. */
async function requireReporter(ask: Ask, settings: Settings, reporter: string | undefined): Promise<void> {
  const found = await findReporter(ask, settings)
  if (found !== reporter) {
    throw new MediaServerRefusal(`the session is on the Janus ${reporter}, and the address is that of ${found}`)
  }
}

function secretOf({ roomSecret }: Settings): { secret?: string } {
  return roomSecret === undefined ? {} : { secret: roomSecret }
}

/** What an id may have been there: a number or, where Janus is told to use texts, the text. */
function idsOf(id: string): Id[] {
  return /^\d{1,20}$/.test(id) ? [toExactNumber(id), id] : [id]
}

/** @param ids what the room may be called: where there is none of them, nobody is inside */
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

/** Gives no answer where what it is about is not there. */
type Request = (body: object) => Promise<{ answer: Answer | undefined; at: number }>

/** Opens a handle on the video rooms, and closes its session afterwards, whatever becomes of the work. */
async function withVideoroom<T>(ask: Ask, settings: Settings, work: (request: Request) => Promise<T>): Promise<T> {
  const base = baseOf(settings)
  const session = `${base}/${await create(base, { janus: 'create' })}`
  try {
    const handle = `${session}/${await create(session, { janus: 'attach', plugin: 'janus.plugin.videoroom' })}`
    return await work((body) => request(handle, body))
  } finally {
    // Janus drops by itself the session of whoever asks no more: that it is not closed harms nobody.
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
