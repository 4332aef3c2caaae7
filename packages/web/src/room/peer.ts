/** What two browsers say to each other through the room. */
export type Signal = {
  description?: RTCSessionDescriptionInit
  candidate?: RTCIceCandidateInit
  shown?: Shown
}

/** What of somebody is on. */
export type Begin = { audio: boolean; video: boolean }

/** What somebody shows of themselves. */
export type Shown = Begin & { screen: boolean }

export type Tracks = { audio: MediaStreamTrack | null; video: MediaStreamTrack | null }

/** The connection to one other browser. */
export type Peer = {
  pc: RTCPeerConnection
  /** What comes from there. */
  stream: MediaStream
  hear(signal: Signal): void
  send(tracks: Tracks): void
  isTalking(): boolean
  close(): void
}

/** Louder than this somebody talks, from 0 to 1. */
const talkingLevel = 0.02

/**
 * Negotiates by the pattern that WebRTC calls perfect: whenever both sides offer at once, the polite one gives way.
 * @param isCaller whoever came later calls those who were there, and is not polite
 */
export function openPeer({
  isCaller,
  iceServers,
  tracks,
  say,
  changed,
}: {
  isCaller: boolean
  iceServers: RTCIceServer[]
  tracks: Tracks
  say: (signal: Signal) => void
  changed: () => void
}): Peer {
  const pc = new RTCPeerConnection({ iceServers })
  const stream = new MediaStream()
  let sent = tracks
  let isOffering = false
  let isIgnoring = false
  /** One signal after another, in the order that they came. */
  let last: Promise<void> = Promise.resolve()

  pc.onnegotiationneeded = async () => {
    isOffering = true
    try {
      await pc.setLocalDescription()
      if (pc.localDescription !== null) say({ description: pc.localDescription.toJSON() })
    } finally {
      isOffering = false
    }
  }
  pc.onicecandidate = ({ candidate }) => {
    if (candidate !== null) say({ candidate: candidate.toJSON() })
  }
  pc.ontrack = ({ track }) => {
    stream.addTrack(track)
    changed()
  }
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === 'failed') pc.restartIce()
    changed()
  }

  if (isCaller) {
    for (const kind of ['audio', 'video'] as const) pc.addTransceiver(kind, { direction: 'sendrecv' })
    attach()
  }

  /** What there is to send is sent on the lines that the caller opened, without another round of talks. */
  function attach(): void {
    for (const transceiver of pc.getTransceivers()) {
      if (pc.signalingState === 'closed') return
      const kind = transceiver.receiver.track.kind as keyof Tracks
      transceiver.direction = 'sendrecv'
      transceiver.sender.replaceTrack(sent[kind])
    }
  }

  async function take({ description, candidate }: Signal): Promise<void> {
    if (pc.signalingState === 'closed') return
    if (description !== undefined) {
      const isCollision = description.type === 'offer' && (isOffering || pc.signalingState !== 'stable')
      isIgnoring = isCaller && isCollision
      if (isIgnoring) return
      await pc.setRemoteDescription(description)
      if (description.type !== 'offer') return
      attach()
      await pc.setLocalDescription()
      if (pc.localDescription !== null) say({ description: pc.localDescription.toJSON() })
    } else if (candidate !== undefined && !isIgnoring) {
      await pc.addIceCandidate(candidate)
    }
  }

  return {
    pc,
    stream,
    hear(signal) {
      last = last
        .then(() => take(signal))
        .catch((error) => {
          // A connection that is closed meanwhile needs nothing more.
          if (pc.signalingState !== 'closed') console.error('a signal was not understood', error)
        })
    },
    send(tracks) {
      sent = tracks
      attach()
    },
    isTalking: () =>
      pc
        .getReceivers()
        .some(
          (receiver) =>
            receiver.track.kind === 'audio' &&
            (receiver.getSynchronizationSources()[0]?.audioLevel ?? 0) > talkingLevel,
        ),
    close: () => pc.close(),
  }
}
