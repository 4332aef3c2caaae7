import { joinRoom, type RoomCloseName, type RoomState } from '@rollcall/client'
import { serverUrl } from '../base.ts'
import { type CloseText, explainClose, meshMax, tooMany } from './closes.ts'
import type { Devices } from './devices.ts'
import { type Invitation, noteInside, noteOutside } from './invitation.ts'
import { createOthers, type Person } from './others.ts'
import { createOwnMedia } from './own-media.ts'
import type { Begin, Shown } from './peer.ts'

/** All that the page shows; a new value whenever something changes. */
export type MeetingView = {
  state: RoomState
  closed: CloseText | undefined
  people: Person[]
  /** Who asks to come in. */
  asking: { participantId: string; name: string }[]
  shown: Shown
  isTalking: boolean
  /** What just happened, in a sentence. */
  notice: string | undefined
}

export type Meeting = {
  subscribe(listener: () => void): () => void
  view(): MeetingView
  toggle(kind: 'audio' | 'video'): void
  share(): Promise<void>
  admit(participantId: string): void
  deny(participantId: string): void
  mute(participantId: string): void
  remove(participantId: string): void
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
  const asking = new Map<string, string>()
  const listeners = new Set<() => void>()
  let closed: CloseText | undefined
  let notice: string | undefined
  let current = draw()
  const listening = setInterval(() => {
    const isNews = [own.listen(), others.listen()].includes(true)
    if (isNews) changed()
  }, listenMs)

  room.on('joined', ({ participants }) => {
    noteInside(roomId, own.shown)
    others.dropAll()
    asking.clear()
    if (participants.length >= meshMax) {
      closed = tooMany
      return room.leave()
    }
    others.call(participants)
    changed()
  })
  room.on('mute', ({ kind }) => {
    notice = 'A moderator muted you.'
    own.mute(kind)
  })
  room.on('entry-requested', ({ participantId, name }) => {
    asking.set(participantId, name || participantId)
    changed()
  })
  room.on('entry-settled', ({ participantId }) => {
    asking.delete(participantId)
    changed()
  })
  room.on('error', ({ message }) => {
    notice = message
    changed()
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
    clearInterval(listening)
    others.dropAll()
    own.stop()
    changed()
  }

  function draw(): MeetingView {
    return {
      state: room.state,
      closed,
      people: others.list(),
      asking: [...asking].map(([participantId, name]) => ({ participantId, name })),
      shown: own.shown,
      isTalking: own.isTalking,
      notice,
    }
  }

  function changed(): void {
    current = draw()
    for (const listener of listeners) listener()
  }

  return {
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
      const failure = await own.share()
      if (failure === undefined) return
      notice = failure
      changed()
    },
    admit: (participantId) => room.admit(participantId),
    deny: (participantId) => room.deny(participantId),
    mute: (participantId) => room.mute(participantId, 'audio'),
    remove: (participantId) => room.remove(participantId),
    leave: () => room.leave(),
  }
}
