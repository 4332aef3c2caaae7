import type { Peer } from '@rollcall/protocol'
import { parseBaseUrl } from '../base-url.ts'
import { createEvents } from '../events.ts'
import { requireText } from '../text.ts'
import type { CausedClose, RoomMessage } from './connection.ts'
import { RoomClosed } from './error.ts'
import { createHostSide } from './host-side.ts'
import { requireJson, toJoin } from './join.ts'
import { roomLimits } from './limits.ts'
import type { IceServer, JoinOptions, LiveRoom, LiveRoomEvents } from './live-room.ts'
import { emitMessage, updateOthers } from './messages.ts'
import { createQualityWatch } from './quality-watch.ts'
import { keepConnected } from './reconnection.ts'
import { createRoomSender } from './sender.ts'

/**
 * Joins a hosted room. The room comes at once, so that you can listen while it connects or waits; `joined` resolves when you
 * are inside.
 *
 * A connection that is lost is followed by another, as the same participant, so that the session goes on: after a
 * random wait that doubles each time up to 10 s, for 5 minutes (before the first join: 30 s). Closes that would only come
 * again are final: `closed` tells their name.
 *
 * @throws TypeError where an option is not usable, naming it and what it takes
 * @example
 * const room = joinRoom({ url: 'https://rooms.example.org', token, roomId: 'standup', name: 'Ann' })
 * room.on('waiting', () => console.log('somebody has to let you in'))
 * room.on('participant-joined', ({ name }) => console.log(`${name} is here`))
 * room.on('closed', ({ name }) => console.log(`over: ${name}`))
 * await room.joined
 * for (const { connectionId } of room.participants.values()) room.signal(connectionId, { hello: 'world' })
 * await room.leave()
 */
export function joinRoom(options: JoinOptions): LiveRoom {
  const join = toJoin(options)
  const address = `${parseBaseUrl(options.url).replace(/^http/, 'ws')}/v2/rtc`
  const limits = { ...roomLimits, ...options.limits }
  const events = createEvents<LiveRoomEvents>()
  const joined = Promise.withResolvers<LiveRoom>()
  const others = new Map<string, Peer>()
  const reconnection = keepConnected(
    { address, token: options.token, join, limits },
    { heard, closed, reconnecting: (event) => events.emit('reconnecting', event) },
  )
  const sender = createRoomSender(reconnection, limits)
  const quality = createQualityWatch(limits.qualityIntervalMs, sender.sayQuality)
  // Who listens for `closed` need not await `joined`: its rejection is nobody's oversight.
  joined.promise.catch(() => {})

  function heard(message: RoomMessage): void {
    if (!updateOthers(others, message, join.participantId)) return
    if (message.type === 'joined') joined.resolve(room)
    emitMessage(events, message)
  }

  function closed(close: CausedClose): void {
    quality.stop()
    others.clear()
    joined.reject(new RoomClosed(join.roomId, close))
    events.emit('closed', { ...close, willReconnect: false })
  }

  const room: LiveRoom = {
    on: events.on,
    get state() {
      return reconnection.state
    },
    get roomId() {
      return join.roomId
    },
    get participantId() {
      return join.participantId
    },
    get sessionId() {
      return reconnection.inside?.sessionId
    },
    get connectionId() {
      return reconnection.inside?.connectionId
    },
    participants: others,
    get iceServers() {
      return (reconnection.inside?.iceServers ?? []) as IceServer[]
    },
    joined: joined.promise,
    signal(connectionId, data) {
      sender.say({ type: 'signal', to: requireText('connectionId', connectionId), data: requireJson('data', data) })
    },
    ...createHostSide(sender),
    leave: () => reconnection.leave(),
    watchQuality(connection) {
      if (typeof connection?.getStats !== 'function') {
        throw new TypeError(`connection is ${typeof connection}: it takes an RTCPeerConnection`)
      }
      return reconnection.state === 'closed' ? () => {} : quality.add(connection)
    },
  }
  return room
}
