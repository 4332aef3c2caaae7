import {
  type Session as ApiSession,
  type Connection,
  engineOf,
  type Media,
  type Participant,
  sourceTypes,
  toIso,
  toIsoOrNull,
} from '@rollcall/protocol'
import { type Span, toMediaSpans, toRecordingSpan } from '../ledger/media.ts'
import { lastEvidence } from '../ledger/participant.ts'
import { closeAtOf } from '../ledger/session.ts'
import type { Medium, Session } from '../ledger/state.ts'
import { foldStays, type Stay, toTimelog } from '../ledger/stays.ts'
import type { SessionPart } from '../store/sessions/records.ts'

/** What is shown of one session by its id, and not in lists. */
export type Details = {
  /** By participantId. */
  people: Map<string, Pick<Participant, 'region' | 'connections' | 'media'>>
  recordings: NonNullable<ApiSession['recordings']>
}

const shownAs = {
  camera: 'camera',
  microphone: 'microphone',
  screen: 'screen',
  'screen-audio': 'screenAudio',
} as const satisfies { [kind in Exclude<Medium['kind'], 'recording'>]: keyof Media }

/** The times of somebody's connections in a session, whose end closes what is still open: in order of their joins. */
export function toConnectionTimes(session: Session, stays: Stay[]): (Span & { connectionId: string })[] {
  const at = closeAtOf(session, lastEvidence(stays))
  const end = at === null ? undefined : { at, inferred: session.inferred }
  const times = [...Map.groupBy(stays, (stay) => stay.connectionId)].flatMap(([connectionId, ofOne]) =>
    toTimelog(ofOne, end).map(({ joinedAt, leftAt }) => ({ connectionId, start: joinedAt, end: leftAt })),
  )
  return times.sort((a, b) => a.start - b.start)
}

/** @param media everybody's, and the recordings */
export function toDetails({ session, participants, marks }: SessionPart, media: Medium[]): Details {
  const marksOf = Map.groupBy(marks, (mark) => mark.participantId)
  const mediaOf = Map.groupBy(media, (medium) => medium.participantId)
  const people = new Map(
    participants.map(({ participantId, region }) => {
      const { stays } = foldStays(marksOf.get(participantId) ?? [])
      const connections = toConnections(session, stays)
      const shown = toMedia(session, stays, mediaOf.get(participantId) ?? [])
      return [
        participantId,
        {
          ...(region !== null && { region }),
          ...(connections.length > 0 && { connections }),
          ...(shown !== undefined && { media: shown }),
        },
      ]
    }),
  )
  const recordings = (mediaOf.get('') ?? []).map((medium) => ({
    id: medium.mediaId,
    ...toShownSpan(toRecordingSpan(session, medium)),
  }))
  return { people, recordings: recordings.sort((a, b) => (a.start < b.start ? -1 : 1)) }
}

/** In order of their joins; of the hosted rooms and of what is reported by `POST /v2/events` they are nobody else's names. */
function toConnections(session: Session, stays: Stay[]): Connection[] {
  if (!isMediaServer(session.source)) return []
  return toConnectionTimes(session, stays)
    .filter(({ connectionId }) => connectionId !== '')
    .map(({ connectionId, start, end }) => ({ id: connectionId, start: toIso(start), end: toIsoOrNull(end) }))
}

function toMedia(session: Session, stays: Stay[], media: Medium[]): Media | undefined {
  if (media.length === 0) return undefined
  const shown: Media = {}
  for (const [kind, ofKind] of Map.groupBy(media, (medium) => medium.kind)) {
    if (kind !== 'recording') shown[shownAs[kind]] = toMediaSpans(session, stays, ofKind).map(toShownSpan)
  }
  return shown
}

function toShownSpan({ start, end }: Span) {
  return { start: toIso(start), end: toIsoOrNull(end) }
}

function isMediaServer(source: string): boolean {
  return (sourceTypes as string[]).includes(engineOf(source))
}
