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

export type Tracks = { [line in Line]: MediaStreamTrack | null }

/** What is sent, in the order in which the caller opens it. */
const lines = ['audio', 'video', 'screen'] as const
type Line = (typeof lines)[number]

/** The connection to one other browser. */
export type Peer = {
  pc: RTCPeerConnection
  /** What comes from there: a camera with its sound, and a screen. */
  stream: MediaStream
  screen: MediaStream
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
  const [stream, screen] = [new MediaStream(), new MediaStream()]
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
  pc.ontrack = ({ track, transceiver }) => {
    const isScreen = lines[pc.getTransceivers().indexOf(transceiver)] === 'screen'
    ;(isScreen ? screen : stream).addTrack(track)
    changed()
  }
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === 'failed') pc.restartIce()
    changed()
  }

  if (isCaller) {
    for (const line of lines) pc.addTransceiver(line === 'audio' ? 'audio' : 'video', { direction: 'sendrecv' })
    attach()
  }

  /** What there is to send is sent on the lines that the caller opened, without another round of talks. */
  function attach(): void {
    for (const [i, transceiver] of pc.getTransceivers().entries()) {
      const line = lines[i]
      if (pc.signalingState === 'closed' || line === undefined) return
      transceiver.direction = 'sendrecv'
      transceiver.sender.replaceTrack(sent[line])
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
    screen,
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
