import { randomUUID } from 'node:crypto'
import type { Json, Snapshot, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { checkOf } from '../../../runtime/check.ts'
import { type Ask, type FetchedRoom, type MediaServer, MediaServerRefusal } from '../media-server.ts'
import { isMapped, toId, toName } from '../reported.ts'
import { parseExactJson, toExactNumber } from './json.ts'
import { audiobridge, type Plugin, splitRoomName, toRoomName, videoroom } from './plugins.ts'

// Janus's HTTP API: a client opens a session, attaches a handle of a plugin in it, and sends requests to the handle.

const Id = Type.Union([Type.String({ minLength: 1 }), Type.Integer()])
type Id = Type.Static<typeof Id>
const Participant = Type.Object({
  id: Id,
  display: Type.Optional(Type.String()),
  dummy: Type.Optional(Type.Boolean()),
  remote: Type.Optional(Type.Boolean()),
})
const checkCreated = checkOf(Type.Object({ data: Type.Object({ id: Id }) }))
const checkRooms = checkOf(
  Type.Object({ list: Type.Array(Type.Object({ room: Id, num_participants: Type.Integer() })) }),
)
const checkParticipants = checkOf(Type.Object({ participants: Type.Array(Participant) }))

type Settings = SourceSettings['janus']
type Answer = { [name: string]: Json }

/** Error codes of the API: a missing or wrong secret, and a plugin that this Janus does not have. */
const errors = { unauthorized: 403, noSuchPlugin: 460 }

export const janusApi: MediaServer<Settings> = {
  isReachable: ({ url }) => url !== undefined,

  async fetchRooms(ask, settings, listRunning) {
    const reporter = await findReporter(ask, settings)
    const running = (await listRunning(reporter)).map(splitRoomName)
    return withSession(ask, settings, async (attach) => {
      const found = []
      for (const plugin of [videoroom, audiobridge]) {
        const request = await attach(plugin)
        const names = running.filter((one) => one.plugin === plugin).map(({ room }) => room)
        if (request !== undefined) found.push(await listRooms(request, plugin, names))
      }
      return {
        ...(reporter !== undefined && { reporter }),
        at: Math.min(...found.map(({ at }) => at)),
        rooms: found.flatMap(({ rooms }) => rooms),
      }
    })
  },

  async end(ask, settings, { reporter, roomNames, inside, isRetry }) {
    requireNames(roomNames)
    await requireReporter(ask, settings, reporter)
    await inRooms(ask, settings, roomNames, async (request, room) => {
      if (isRetry) {
        const { participants } = await listParticipants(request, [room])
        const isSame = participants.some(({ participantId }) =>
          inside.some((one) => one.participantId === participantId),
        )
        if (!isSame) return false
      }
      const { answer } = await request({ request: 'destroy', room, ...secretOf(settings), permanent: false })
      return answer !== undefined
    })
  },

  // Each join has an id of its own in Janus: a retry cannot remove somebody who came back.
  async remove(ask, settings, { reporter, roomNames, participantId }) {
    requireNames(roomNames, participantId)
    await requireReporter(ask, settings, reporter)
    await inRooms(ask, settings, roomNames, async (request, room) => {
      for (const id of idsOf(participantId)) {
        const { answer } = await request({ request: 'kick', room, id, ...secretOf(settings) })
        if (answer !== undefined) return true
      }
      return false
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

/** Those of a plugin's rooms that somebody is in; of the rooms `running` also those that nobody is in. */
async function listRooms(
  request: Request,
  plugin: Plugin,
  running: string[],
): Promise<{ at: number; rooms: FetchedRoom[] }> {
  const { answer, at } = await request({ request: 'list' })
  if (!checkRooms.Check(answer)) throw unreadable('list')
  const unlisted = new Set(running)
  const rooms: FetchedRoom[] = []
  for (const { room, num_participants } of answer.list) {
    const roomName = toRoomName(plugin, room)
    const isRunning = unlisted.delete(splitRoomName(roomName).room)
    const listed = num_participants > 0 ? await listParticipants(request, [room]) : { at, participants: [] }
    if (isRunning || listed.participants.length > 0) rooms.push({ roomName, ...listed })
  }
  // Private rooms are not in the list.
  for (const room of unlisted) {
    rooms.push({ roomName: toRoomName(plugin, room), ...(await listParticipants(request, idsOf(room))) })
  }
  return { at, rooms }
}

/** Tries the possible ids of rooms, until the work was done in one. */
async function inRooms(
  ask: Ask,
  settings: Settings,
  roomNames: string[],
  work: (request: Request, room: Id) => Promise<boolean>,
): Promise<void> {
  await withSession(ask, settings, async (attach) => {
    for (const { plugin, room } of roomNames.map(splitRoomName)) {
      const request = await attach(plugin)
      for (const id of request === undefined ? [] : idsOf(room)) if (await work(request as Request, id)) return
    }
  })
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
    // A dummy publisher is nobody; a remote one is somebody in a room of another Janus, and recorded there.
    const people = asked.answer.participants.filter(({ dummy, remote }) => dummy !== true && remote !== true)
    const participants = people.map(({ id, display }) => ({ participantId: toId(String(id)), ...toName(display) }))
    return { at, participants }
  }
  return { at, participants: [] }
}

/** `answer` is undefined where the room or participant does not exist. */
type Request = (body: object) => Promise<{ answer: Answer | undefined; at: number }>

/** Gives a handle of a plugin; undefined where this Janus does not have the plugin. */
type Attach = (plugin: Plugin) => Promise<Request | undefined>

/** Opens a session, and destroys it afterwards, also where the work fails. */
async function withSession<T>(ask: Ask, settings: Settings, work: (attach: Attach) => Promise<T>): Promise<T> {
  const base = baseOf(settings)
  const session = `${base}/${idIn(await send(base, { janus: 'create' }))}`
  try {
    return await work(async (plugin) => {
      const answered = await send(session, { janus: 'attach', plugin: plugin.name })
      if (codeOf(answered) === errors.noSuchPlugin && plugin !== videoroom) return undefined
      const handle = `${session}/${idIn(answered)}`
      return (body) => request(handle, plugin, body)
    })
  } finally {
    // Janus drops an idle session by itself: a failed `destroy` costs nothing.
    await send(session, { janus: 'destroy' }).catch(() => undefined)
  }

  async function send(path: string, message: object): Promise<Answered> {
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
    return { answer, at: asked.at }
  }

  async function request(handle: string, plugin: Plugin, body: object): ReturnType<Request> {
    const answered = await send(handle, { janus: 'message', body })
    refuseErrors(answered)
    const data = ((answered.answer.plugindata ?? {}) as Answer).data as Answer | undefined
    if (data === undefined) throw unreadable(JSON.stringify(body))
    const { error_code: code, error } = data
    if (code === undefined) return { answer: data, at: answered.at }
    if (plugin.absent.some((known) => known === code)) return { answer: undefined, at: answered.at }
    throw new MediaServerRefusal(`its rooms say ${code}: ${error}`)
  }
}

type Answered = { answer: Answer; at: number }

function codeOf({ answer }: Answered): Json | undefined {
  return answer.janus === 'error' ? (answer.error as Answer | undefined)?.code : undefined
}

function refuseErrors(answered: Answered): void {
  if (answered.answer.janus !== 'error') return
  const { code, reason } = (answered.answer.error ?? {}) as Answer
  const said = `its API says ${code}: ${reason}`
  throw code === errors.unauthorized ? new MediaServerRefusal(said) : new Error(said)
}

/** The id of what was made. */
function idIn(answered: Answered): string {
  refuseErrors(answered)
  if (!checkCreated.Check(answered.answer)) throw unreadable('create')
  return String(answered.answer.data.id)
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
