import { joinRoom, type RoomCloseName, type RoomState } from '@rollcall/client'
import { serverUrl } from '../base.ts'
import { type Asking, followAsking } from './asking.ts'
import { type CloseText, explainClose, meshMax, tooMany } from './closes.ts'
import type { Devices } from './devices.ts'
import { forgetToken, type Invitation, noteInside, noteOutside } from './invitation.ts'
import { createOrders, type Orders } from './orders.ts'
import { createOthers, type Person } from './others.ts'
import { createOwnMedia } from './own-media.ts'
import type { Begin, Shown } from './peer.ts'
import { followStanding, type Standing } from './standing.ts'

/** All that the page shows; a new value whenever something changes. */
export type MeetingView = Standing & {
  state: RoomState
  closed: CloseText | undefined
  people: Person[]
  /** Who asks to come in. */
  asking: Asking[]
  shown: Shown
  isTalking: boolean
  /** The screen that one shares. */
  screen: MediaStreamTrack | undefined
  /** Who talked last: `me`, or somebody's id. */
  speaker: string | undefined
  /** What just happened, in a sentence. */
  notice: string | undefined
}

export type Meeting = Orders & {
  subscribe(listener: () => void): () => void
  view(): MeetingView
  toggle(kind: 'audio' | 'video'): void
  share(): Promise<void>
  leave(): Promise<void>
}

/** How often it is looked at who is talking, in milliseconds. */
const listenMs = 300

/** A place in a room, and a connection to everybody else in it. */
export function startMeeting(invitation: Invitation, name: string, devices: Devices, begin: Begin): Meeting {
  const { roomId, token, participantId } = invitation
  const room = joinRoom({ url: serverUrl, token, roomId, participantId, ...(name !== '' && { name }) })
  const own = createOwnMedia(devices, begin, applyShown)
  const others = createOthers(room, own, changed)
  const asking = followAsking(room, changed)
  const standing = followStanding(room, invitation.roomName, changed)
  const orders = createOrders(room, tell)
  let speaker: string | undefined
  const listeners = new Set<() => void>()
  let closed: CloseText | undefined
  let notice: string | undefined
  let current = draw()
  const listening = setInterval(() => {
    const isNews = [own.listen(), others.listen()].includes(true)
    if (!isNews) return
    speaker = others.list().find(({ isTalking }) => isTalking)?.participantId ?? (own.isTalking ? 'me' : speaker)
    changed()
  }, listenMs)

  room.on('joined', ({ participants }) => {
    notice = undefined
    noteInside(roomId, own.shown)
    others.dropAll()
    if (participants.length >= meshMax) {
      closed = tooMany
      return room.leave()
    }
    others.call(participants)
    changed()
  })
  room.on('mute', ({ kind }) => {
    notice = 'A host muted you.'
    own.mute(kind)
  })
  room.on('waiting', changed)
  room.on('reconnecting', changed)
  room.on('closed', ({ name }) => finish(name))

  function applyShown(): void {
    if (room.state === 'joined') noteInside(roomId, own.shown)
    others.show()
    changed()
  }

  function finish(name: RoomCloseName): void {
    closed ??= explainClose(name)
    noteOutside(roomId)
    if (name === 'INVALID_TOKEN') forgetToken(invitation)
    clearInterval(listening)
    others.dropAll()
    own.stop()
    changed()
  }

  function draw(): MeetingView {
    return {
      ...standing.view(),
      state: room.state,
      closed,
      people: others.list(),
      asking: asking.list(),
      shown: own.shown,
      isTalking: own.isTalking,
      screen: own.screen,
      speaker,
      notice,
    }
  }

  function tell(text: string | undefined): void {
    if (text === undefined) return
    notice = text
    changed()
  }

  function changed(): void {
    current = draw()
    for (const listener of listeners) listener()
  }

  return {
    ...orders,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    view: () => current,
    toggle(kind) {
      notice = undefined
      own.toggle(kind)
    },
    async share() {
      tell(await own.share())
    },
    leave: () => room.leave(),
  }
}
