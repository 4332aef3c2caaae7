// Two reports of one peer connection, as Chrome gives them, ten seconds apart: somebody sends a microphone and a camera,
// and receives the same of somebody else. What is not read here is left out, but for a little of it.

type Entry = { id: string; type: string; timestamp: number; [name: string]: unknown }

/** Epoch milliseconds, with the fractions that browsers give. */
const firstAt = 1768478400123.456
const at = (after: number) => firstAt + after

export function toReport(entries: Entry[]): RTCStatsReport {
  return new Map(entries.map((entry) => [entry.id, entry]))
}

export const before: Entry[] = [
  { id: 'P', type: 'peer-connection', timestamp: at(0), dataChannelsOpened: 0 },
  { id: 'T01', type: 'transport', timestamp: at(0), dtlsState: 'connected', selectedCandidatePairId: 'CP9' },
  {
    id: 'CP9',
    type: 'candidate-pair',
    timestamp: at(0),
    state: 'succeeded',
    nominated: true,
    currentRoundTripTime: 0.032,
    availableOutgoingBitrate: 1_250_000,
  },
  { id: 'CP2', type: 'candidate-pair', timestamp: at(0), state: 'failed', nominated: false, currentRoundTripTime: 0.9 },
  {
    id: 'IT01A1',
    type: 'inbound-rtp',
    timestamp: at(0),
    kind: 'audio',
    ssrc: 1111,
    packetsReceived: 5000,
    packetsLost: 12,
    bytesReceived: 400_000,
    jitter: 0.006,
  },
  {
    id: 'IT01V2',
    type: 'inbound-rtp',
    timestamp: at(0),
    kind: 'video',
    ssrc: 2222,
    packetsReceived: 9000,
    packetsLost: 30,
    bytesReceived: 9_000_000,
    jitter: 0.012,
    framesDecoded: 3000,
    frameHeight: 360,
  },
  { id: 'OT01A3', type: 'outbound-rtp', timestamp: at(0), kind: 'audio', ssrc: 3333, bytesSent: 390_000 },
  { id: 'OT01V4', type: 'outbound-rtp', timestamp: at(0), kind: 'video', ssrc: 4444, bytesSent: 8_000_000 },
  // What the other side told came a while before.
  { id: 'RIA3', type: 'remote-inbound-rtp', timestamp: at(-900), kind: 'audio', packetsLost: 3, roundTripTime: 0.05 },
  { id: 'RIV4', type: 'remote-inbound-rtp', timestamp: at(-400), kind: 'video', packetsLost: 8, roundTripTime: 0.06 },
]

export const after: Entry[] = [
  { id: 'P', type: 'peer-connection', timestamp: at(10_000), dataChannelsOpened: 0 },
  { id: 'T01', type: 'transport', timestamp: at(10_000), dtlsState: 'connected', selectedCandidatePairId: 'CP9' },
  {
    id: 'CP9',
    type: 'candidate-pair',
    timestamp: at(10_000),
    state: 'succeeded',
    nominated: true,
    currentRoundTripTime: 0.034,
    availableOutgoingBitrate: 1_250_000,
  },
  {
    id: 'CP2',
    type: 'candidate-pair',
    timestamp: at(10_000),
    state: 'failed',
    nominated: false,
    currentRoundTripTime: 0.9,
  },
  {
    id: 'IT01A1',
    type: 'inbound-rtp',
    timestamp: at(10_000),
    kind: 'audio',
    ssrc: 1111,
    packetsReceived: 5495,
    packetsLost: 17,
    bytesReceived: 440_000,
    jitter: 0.004,
  },
  {
    id: 'IT01V2',
    type: 'inbound-rtp',
    timestamp: at(10_000),
    kind: 'video',
    ssrc: 2222,
    packetsReceived: 9990,
    packetsLost: 40,
    bytesReceived: 10_250_000,
    jitter: 0.011,
    framesDecoded: 3300,
    frameHeight: 720,
  },
  { id: 'OT01A3', type: 'outbound-rtp', timestamp: at(10_000), kind: 'audio', ssrc: 3333, bytesSent: 430_000 },
  { id: 'OT01V4', type: 'outbound-rtp', timestamp: at(10_000), kind: 'video', ssrc: 4444, bytesSent: 9_125_000 },
  { id: 'RIA3', type: 'remote-inbound-rtp', timestamp: at(9200), kind: 'audio', packetsLost: 4, roundTripTime: 0.042 },
  { id: 'RIV4', type: 'remote-inbound-rtp', timestamp: at(9800), kind: 'video', packetsLost: 8, roundTripTime: 0.043 },
]

/** The entries with some of them changed; null leaves one out. */
export function change(entries: Entry[], changes: { [id: string]: object | null }): RTCStatsReport {
  return toReport(entries.filter(({ id }) => changes[id] !== null).map((entry) => ({ ...entry, ...changes[entry.id] })))
}
