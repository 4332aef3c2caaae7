import type { LiveRoom, NameSource, Peer as PeerInside } from '@rollcall/client'
import { meshMax } from './closes.ts'
import type { OwnMedia } from './own-media.ts'
import { openPeer, type Peer, type Shown, type Signal } from './peer.ts'

/** Somebody else inside, as the page shows them. */
export type Person = {
  participantId: string
  name: string
  nameSource: NameSource | undefined
  isHost: boolean
  stream: MediaStream
  /** The screen that they show. */
  screen: MediaStream
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

type Other = Pick<Person, 'name' | 'nameSource' | 'isHost' | 'shown' | 'isTalking'> & {
  connectionId: string
  peer: Peer
}

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
  room.on('name-marked', ({ participantId, nameSource }) => {
    const other = others.get(participantId)
    if (other !== undefined) other.nameSource = nameSource
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

  function open(inside: Omit<PeerInside, 'metadata'>, isCaller: boolean): void {
    const { participantId, name, nameSource, isHost = false, connectionId } = inside
    const say = (signal: Signal) => {
      // What is said while the room is away is of a connection that will be made anew.
      if (room.state === 'joined' && others.get(participantId)?.connectionId === connectionId)
        room.signal(connectionId, signal)
    }
    const peer = openPeer({ isCaller, iceServers: room.iceServers, tracks: own.tracks(), say, changed })
    room.watchQuality(peer.pc)
    const hidden = { audio: true, video: false, screen: false }
    others.set(participantId, {
      ...{ name: name || participantId, nameSource, isHost, connectionId, peer },
      ...{ shown: hidden, isTalking: false },
    })
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

function toPerson([participantId, { peer, connectionId: _, ...other }]: [string, Other]): Person {
  return { participantId, ...other, stream: peer.stream, screen: peer.screen, state: peer.pc.connectionState }
}
