import { connect } from 'node:tls'
import { BinaryReader, BinaryWriter, type IBinaryWriter, WireType } from '@bufbuild/protobuf'
import type { Reporter } from '@rollcall/client'

/** A Mumble server, and how its reporter signs in. `ca`: the server's certificate, which it made itself where nobody gave it one. */
export type MumbleServer = {
  host: string
  port?: number
  ca: string
  username: string
  password?: string
  /** Ends the connection. */
  signal?: AbortSignal
}

// Mumble's control channel (docs/dev/network-protocol in mumble-voip/mumble): messages of protobuf, each after its type and length.
const types = { version: 0, authenticate: 2, ping: 3, reject: 4, sync: 5, channelState: 7, userRemove: 8, userState: 9 }
/** 1.3.0: a version for each of the three bytes. */
const protocolVersion = 0x01_03_00
/** The server drops who says nothing for half a minute. */
const pingIntervalMs = 15_000
const snapshotIntervalMs = 60_000

/**
 * Reports who comes into the channels of a Mumble server and who goes, each channel a room, for as long as the connection lives.
 * What it finds at its start it tells by snapshots: it does not know since when they have been inside. Resolves when the
 * connection is closed: call it again then.
 */
export function reportMumble(server: MumbleServer, reporter: Reporter): Promise<void> {
  const { host, port = 64738, ca, username, password = '', signal } = server
  const channels = new Map<number, { name: string; parent: number | undefined }>()
  const users = new Map<number, { name: string; channel: number }>()
  let ownSession: number | undefined
  let waiting = Buffer.alloc(0)
  const timers: NodeJS.Timeout[] = []
  // A certificate that the server made itself names no host: that it is this one is enough.
  const socket = connect({ host, port, ca, checkServerIdentity: () => undefined })
  const say = (type: number, body: IBinaryWriter = new BinaryWriter()) => {
    const bytes = body.finish()
    const head = Buffer.alloc(6)
    head.writeUInt16BE(type)
    head.writeUInt32BE(bytes.length, 2)
    socket.write(Buffer.concat([head, bytes]))
  }
  const add = (event: Parameters<Reporter['add']>[0]) =>
    reporter.add(event).catch((error) => console.error(`${event.type} was not reported: ${error.message}`))

  socket.on('secureConnect', () => {
    say(types.version, new BinaryWriter().tag(1, WireType.Varint).uint32(protocolVersion))
    const who = new BinaryWriter().tag(1, WireType.LengthDelimited).string(username)
    say(types.authenticate, who.tag(2, WireType.LengthDelimited).string(password))
    timers.push(setInterval(() => say(types.ping), pingIntervalMs))
  })
  socket.on('data', (some) => {
    waiting = Buffer.concat([waiting, some])
    while (waiting.length >= 6 && waiting.length >= 6 + waiting.readUInt32BE(2)) {
      const end = 6 + waiting.readUInt32BE(2)
      hear(waiting.readUInt16BE(), waiting.subarray(6, end))
      waiting = waiting.subarray(end)
    }
  })
  signal?.addEventListener('abort', () => socket.destroy(), { once: true })
  socket.on('error', (error) => console.error(`Mumble is not reached: ${error.message}`))
  return new Promise((resolve) => {
    socket.on('close', () => {
      for (const timer of timers) clearInterval(timer)
      resolve()
    })
  })

  function hear(type: number, body: Uint8Array): void {
    if (type === types.reject) console.error(`Mumble does not let it in: ${readFields(body)[2]}`)
    if (type === types.channelState) {
      const [, id = 0, parent, name] = readFields(body)
      const known = channels.get(Number(id))
      channels.set(Number(id), {
        name: String(name ?? known?.name),
        parent: parent === undefined ? known?.parent : Number(parent),
      })
    }
    if (type === types.userState) noteUser(readFields(body))
    if (type === types.userRemove) place(Number(readFields(body)[1]), undefined)
    if (type === types.sync) {
      ownSession = Number(readFields(body)[1])
      users.delete(ownSession)
      tellAll()
      timers.push(setInterval(tellAll, snapshotIntervalMs))
    }
  }

  /** A change of anything tells what changed alone; whoever is new and in no channel by it is in the first. */
  function noteUser([, session, , name, , channel]: Field[]): void {
    const known = users.get(Number(session))
    const now = { name: String(name ?? known?.name), channel: Number(channel ?? known?.channel ?? 0) }
    place(Number(session), now)
  }

  /** @param now where they are; undefined: nowhere any more */
  function place(session: number, now: { name: string; channel: number } | undefined): void {
    const before = users.get(session)
    if (now === undefined) users.delete(session)
    else if (session !== ownSession) users.set(session, now)
    // Before `sync` the server tells who was there.
    if (ownSession === undefined || session === ownSession || before?.channel === now?.channel) return
    const at = Date.now()
    for (const [type, one] of [['participant-left', before] as const, ['participant-joined', now] as const]) {
      if (one !== undefined)
        add({ type, id: `${type} ${session} ${at}`, at, ...inRoom(one.channel), ...toPerson(session, one) })
    }
  }

  function tellAll(): void {
    const at = Date.now()
    const byChannel = Map.groupBy(users, ([, { channel }]) => channel)
    for (const channel of channels.keys()) {
      const participants = (byChannel.get(channel) ?? []).map(([session, user]) => toPerson(session, user))
      add({ type: 'snapshot', id: `snapshot ${channel} ${at}`, at, ...inRoom(channel), participants })
    }
  }

  /** The channels of a server are a tree below its root. */
  function inRoom(channel: number): { roomId: string } {
    const { name = `channel ${channel}`, parent } = channels.get(channel) ?? {}
    return { roomId: parent === undefined ? name : `${inRoom(parent).roomId}/${name}` }
  }
}

/** A name is one registered or connected user's at a time: the only identity that every user has. */
function toPerson(session: number, { name }: { name: string }) {
  return { participantId: name, connectionId: String(session), name }
}

type Field = number | string | undefined

/** The numbers and texts of a message, each under the number of its field. */
function readFields(body: Uint8Array): Field[] {
  const fields: Field[] = []
  const reader = new BinaryReader(body)
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (wireType === WireType.Varint) fields[field] = Number(reader.uint64())
    else if (wireType === WireType.LengthDelimited) fields[field] = reader.string()
    else reader.skip(wireType)
  }
  return fields
}
