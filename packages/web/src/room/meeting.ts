import { joinRoom, type LiveRoom, type RoomCloseName, type RoomState } from '@rollcall/client'
import { type CloseText, explainClose, meshMax, tooMany } from './closes.ts'
import type { Devices } from './devices.ts'
import { type Invitation, noteInside, noteOutside } from './invitation.ts'
import { type Begin, openPeer, type Peer, type Shown, type Signal, type Tracks } from './peer.ts'

export type Person = {
  participantId: string
  name: string
  stream: MediaStream
  shown: Shown
  isTalking: boolean
  state: RTCPeerConnectionState
}

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

type Other = { name: string; connectionId: string; peer: Peer; shown: Shown; isTalking: boolean }

/** How often it is looked at who is talking, in milliseconds. */
const listenMs = 300

/** A place in a room, and a connection to everybody else in it. */
export function startMeeting(invitation: Invitation, name: string, devices: Devices, begin: Begin): Meeting {
  const { roomId, token, participantId } = invitation
  const room: LiveRoom = joinRoom({ url: location.origin, token, roomId, participantId, ...(name !== '' && { name }) })
  const others = new Map<string, Other>()
  const asking = new Map<string, string>()
  const listeners = new Set<() => void>()
  const meter = createMeter(devices.audio)
  let shown: Shown = { ...begin, screen: false }
  let screen: MediaStreamTrack | undefined
  let closed: CloseText | undefined
  let notice: string | undefined
  let isTalking = false
  let current = draw()

  const listening = setInterval(listen, listenMs)
  applyShown()

  room.on('joined', ({ participants }) => {
    noteInside(roomId, shown)
    for (const id of [...others.keys()]) drop(id)
    asking.clear()
    if (participants.length >= meshMax) {
      closed = tooMany
      return room.leave()
    }
    for (const peer of participants) open(peer, true)
    changed()
  })
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
  room.on('mute', ({ kind }) => {
    if (kind !== 'video') shown = { ...shown, audio: false }
    if (kind !== 'audio') shown = { ...shown, video: false }
    notice = 'A moderator muted you.'
    applyShown()
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

  function open(
    { participantId, name, connectionId }: { participantId: string; name: string; connectionId: string },
    isCaller: boolean,
  ): void {
    const say = (signal: Signal) => {
      // What is said while the room is away is of a connection that will be made anew.
      if (room.state === 'joined' && others.get(participantId)?.connectionId === connectionId)
        room.signal(connectionId, signal)
    }
    const peer = openPeer({ isCaller, iceServers: room.iceServers, tracks: tracks(), say, changed })
    room.watchQuality(peer.pc)
    const hidden = { audio: true, video: false, screen: false }
    others.set(participantId, { name: name || participantId, connectionId, peer, shown: hidden, isTalking: false })
    say({ shown })
  }

  function drop(participantId: string): void {
    others.get(participantId)?.peer.close()
    others.delete(participantId)
  }

  function tracks(): Tracks {
    const video = shown.screen ? screen : shown.video ? devices.video : undefined
    return { audio: devices.audio ?? null, video: video ?? null }
  }

  /** Sends what is to be seen and heard, and tells the others what that is. */
  function applyShown(): void {
    if (devices.audio !== undefined) devices.audio.enabled = shown.audio
    if (devices.video !== undefined) devices.video.enabled = shown.video
    if (room.state === 'joined') noteInside(roomId, shown)
    for (const { peer, connectionId } of others.values()) {
      peer.send(tracks())
      if (room.state === 'joined') room.signal(connectionId, { shown })
    }
    changed()
  }

  function listen(): void {
    let isNews = false
    const note = (was: boolean, is: boolean) => {
      isNews ||= was !== is
      return is
    }
    isTalking = note(isTalking, shown.audio && meter.isTalking())
    for (const other of others.values())
      other.isTalking = note(other.isTalking, other.shown.audio && other.peer.isTalking())
    if (isNews) changed()
  }

  function finish(name: RoomCloseName): void {
    closed ??= explainClose(name)
    noteOutside(roomId)
    clearInterval(listening)
    meter.stop()
    for (const id of [...others.keys()]) drop(id)
    for (const track of [devices.audio, devices.video, screen]) track?.stop()
    changed()
  }

  function stopSharing(): void {
    screen?.stop()
    screen = undefined
    shown = { ...shown, screen: false }
    applyShown()
  }

  function draw(): MeetingView {
    return {
      state: room.state,
      closed,
      people: [...others].map(([participantId, { name, peer, shown, isTalking }]) => ({
        participantId,
        name,
        stream: peer.stream,
        shown,
        isTalking,
        state: peer.pc.connectionState,
      })),
      asking: [...asking].map(([participantId, name]) => ({ participantId, name })),
      shown,
      isTalking,
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
      shown = { ...shown, [kind]: !shown[kind] && devices[kind] !== undefined }
      notice = undefined
      applyShown()
    },
    async share() {
      if (shown.screen) return stopSharing()
      try {
        const stream = await navigator.mediaDevices.getDisplayMedia({ video: true })
        screen = stream.getVideoTracks()[0]
      } catch (error) {
        // Whoever closes the browser's own question changed their mind.
        if ((error as DOMException).name !== 'NotAllowedError') notice = 'The screen could not be shared.'
        return changed()
      }
      screen?.addEventListener('ended', stopSharing)
      shown = { ...shown, screen: screen !== undefined }
      applyShown()
    },
    admit: (participantId) => room.admit(participantId),
    deny: (participantId) => room.deny(participantId),
    mute: (participantId) => room.mute(participantId, 'audio'),
    remove: (participantId) => room.remove(participantId),
    leave: () => room.leave(),
  }
}

/** Hears whether one's own microphone hears anything. */
export function createMeter(track: MediaStreamTrack | undefined): { isTalking(): boolean; stop(): void } {
  if (track === undefined) return { isTalking: () => false, stop() {} }
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  return {
    isTalking() {
      analyser.getFloatTimeDomainData(samples)
      return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length) > 0.02
    },
    stop() {
      context.close()
    },
  }
}
