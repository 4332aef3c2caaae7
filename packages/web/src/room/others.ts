import type { LiveRoom, Peer as PeerInside } from '@rollcall/client'
import { meshMax } from './closes.ts'
import type { OwnMedia } from './own-media.ts'
import { openPeer, type Peer, type Shown, type Signal } from './peer.ts'

/** Somebody else inside, as the page shows them. */
export type Person = {
  participantId: string
  name: string
  stream: MediaStream
  shown: Shown
  isTalking: boolean
  state: RTCPeerConnectionState
}

/** The others inside, and a connection to each of them. */
export type Others = {
  list(): Person[]
  /** Calls those who were there before us. */
  call(peers: PeerInside[]): void
  /** Sends them what is seen and heard of us, and tells them what that is. */
  show(): void
  /** Looks who is talking. True where that changed. */
  listen(): boolean
  dropAll(): void
}

type Other = { name: string; connectionId: string; peer: Peer; shown: Shown; isTalking: boolean }

/** Follows who comes into the room and who goes. @param changed called when there is something else to show */
export function createOthers(room: LiveRoom, own: OwnMedia, changed: () => void): Others {
  const others = new Map<string, Other>()

  room.on('participant-joined', (peer) => {
    drop(peer.participantId)
    // Whoever comes as one too many is told so by their own page, and goes.
    if (others.size + 1 >= meshMax) return
    open(peer, false)
    changed()
  })
  room.on('participant-left', (left) => {
    if (others.get(left.participantId)?.connectionId !== left.connectionId) return
    drop(left.participantId)
    changed()
  })
  room.on('signal', ({ from, data }) => {
    const other = [...others.values()].find(({ connectionId }) => connectionId === from)
    if (other === undefined || typeof data !== 'object' || data === null) return
    const signal = data as Signal
    if (signal.shown !== undefined) {
      other.shown = signal.shown
      changed()
    } else other.peer.hear(signal)
  })

  function open({ participantId, name, connectionId }: Omit<PeerInside, 'metadata'>, isCaller: boolean): void {
    const say = (signal: Signal) => {
      // What is said while the room is away is of a connection that will be made anew.
      if (room.state === 'joined' && others.get(participantId)?.connectionId === connectionId)
        room.signal(connectionId, signal)
    }
    const peer = openPeer({ isCaller, iceServers: room.iceServers, tracks: own.tracks(), say, changed })
    room.watchQuality(peer.pc)
    const hidden = { audio: true, video: false, screen: false }
    others.set(participantId, { name: name || participantId, connectionId, peer, shown: hidden, isTalking: false })
    say({ shown: own.shown })
  }

  function drop(participantId: string): void {
    others.get(participantId)?.peer.close()
    others.delete(participantId)
  }

  function dropAll(): void {
    for (const id of [...others.keys()]) drop(id)
  }

  return {
    list: () => [...others].map(toPerson),
    call(peers) {
      for (const peer of peers) open(peer, true)
    },
    show() {
      for (const { peer, connectionId } of others.values()) {
        peer.send(own.tracks())
        if (room.state === 'joined') room.signal(connectionId, { shown: own.shown })
      }
    },
    listen() {
      let isNews = false
      for (const other of others.values()) {
        const wasTalking = other.isTalking
        other.isTalking = other.shown.audio && other.peer.isTalking()
        isNews ||= other.isTalking !== wasTalking
      }
      return isNews
    },
    dropAll,
  }
}

function toPerson([participantId, { name, peer, shown, isTalking }]: [string, Other]): Person {
  return { participantId, name, stream: peer.stream, shown, isTalking, state: peer.pc.connectionState }
}
