import {
  type LivekitParticipant,
  type LivekitSession,
  type LivekitSessionDetail,
  type ParticipantKind,
  toIso,
} from '@rollcall/protocol'
import type { Config } from '../../config.ts'
import type { Span } from '../../ledger/media.ts'
import type { Medium, Participant } from '../../ledger/state.ts'
import { foldStays } from '../../ledger/stays.ts'
import { toConnectionTimes } from '../../record/media-view.ts'
import type { ReportedSession } from '../../store/sessions/of-source.ts'
import type { SessionPart } from '../../store/sessions/records.ts'
import { countMinutes } from './minutes.ts'

/** No webhook of LiveKit's tells of bytes. */
const noBytes = '0'

const publishedAs = {
  camera: 'cameraTrack',
  microphone: 'microphoneTrack',
  screen: 'screenShareTrack',
  'screen-audio': 'screenShareAudio',
} as const satisfies { [kind in Exclude<Medium['kind'], 'recording'>]: keyof LivekitParticipant['publishedSources'] }

/** @param recording undefined: there was none */
export function toLivekitSession(
  { session, customRoomId }: ReportedSession,
  recording: { isRunning: boolean } | undefined,
  now: number,
): LivekitSession {
  const { endAt, inside } = session
  return {
    sessionId: session.sessionKey ?? session.id,
    roomName: customRoomId ?? session.roomId,
    createdAt: toIso(session.startAt),
    ...(endAt !== null && { endedAt: toIso(endAt) }),
    lastActive: toIso(endAt ?? (inside > 0 ? Math.max(now, session.lastAt) : session.lastAt)),
    bandwidthIn: noBytes,
    bandwidthOut: noBytes,
    egress: recording === undefined ? 0 : recording.isRunning && endAt === null ? 1 : 2,
    numParticipants: session.people,
    numActiveParticipants: endAt === null ? inside : 0,
  }
}

/** One of a session's people, with what is counted of them. */
type Shown = { shown: LivekitParticipant; counted: { kind: ParticipantKind; connections: Span[] } }

/** @param media theirs */
export function toLivekitPeople(
  { session, participants, marks }: Pick<SessionPart, 'session' | 'participants' | 'marks'>,
  media: Medium[],
): Shown[] {
  const marksOf = Map.groupBy(marks, (mark) => mark.participantId)
  const mediaOf = Map.groupBy(media, (medium) => medium.participantId)
  return participants.map((person) => {
    const id = person.participantId
    const { stays } = foldStays(marksOf.get(id) ?? [])
    const connections = toConnectionTimes(session, stays)
    const roomId = session.sessionKey ?? session.id
    return {
      shown: toLivekitParticipant(person, roomId, connections, mediaOf.get(id) ?? []),
      counted: { kind: person.kind, connections },
    }
  })
}

function toLivekitParticipant(
  { participantId, name, region }: Participant,
  roomId: string,
  connections: (Span & { connectionId: string })[],
  media: Medium[],
): LivekitParticipant {
  const ends = connections.map(({ end }) => end ?? Number.POSITIVE_INFINITY)
  const leftAt = Math.max(...ends)
  const publishedSources: LivekitParticipant['publishedSources'] = {}
  for (const { kind } of media) if (kind !== 'recording') publishedSources[publishedAs[kind]] = true
  return {
    participantIdentity: participantId,
    participantName: name,
    roomId,
    joinedAt: toIso(connections[0]?.start ?? 0),
    ...(Number.isFinite(leftAt) && { leftAt: toIso(leftAt) }),
    ...(region !== null && { region }),
    publishedSources,
    sessions: connections.map(({ connectionId, start, end }) => ({
      participantId: connectionId,
      joinedAt: toIso(start),
      ...(end !== null && { leftAt: toIso(end) }),
    })),
  }
}

/** @param withTexts 64-bit numbers are texts, as the API's second version writes them */
export function toLivekitDetail(
  { session, customRoomId }: ReportedSession,
  people: Shown[],
  { now, withTexts, rule }: { now: number; withTexts: boolean; rule: Config['livekitMinutes'] },
): LivekitSessionDetail {
  const minutes = countMinutes(
    people.map(({ counted }) => counted),
    now,
    rule,
  )
  return {
    roomId: session.sessionKey ?? session.id,
    roomName: customRoomId ?? session.roomId,
    startTime: toIso(session.startAt),
    ...(session.endAt !== null && { endTime: toIso(session.endAt) }),
    numParticipants: session.people,
    bandwidth: noBytes,
    connectionMinutes: withTexts ? String(minutes) : minutes,
    participants: people.map(({ shown }) => shown),
  }
}
