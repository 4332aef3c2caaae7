import {
  type Participant as ApiParticipant,
  type Session as ApiSession,
  type Connection,
  engineOf,
  type Media,
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
import type { Reads } from './nouns.ts'

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

type Part = Pick<SessionPart, 'session' | 'participants' | 'marks'>

/** The people of a session as they are shown, with what only one session by its id shows of them. */
export async function addDetails(
  reads: Pick<Reads['media'], 'list'>,
  keyId: number,
  { session, participants, marks }: Part,
  shown: ApiParticipant[],
): Promise<ApiParticipant[]> {
  // Nobody else names connections, or tells of media.
  if (!isMediaServer(session.source) || shown.length === 0) return shown
  const ids = participants.map(({ participantId }) => participantId)
  const marksOf = Map.groupBy(marks, (mark) => mark.participantId)
  const mediaOf = Map.groupBy(await reads.list(keyId, session.id, ids), (medium) => medium.participantId)
  return shown.map((person, i) => {
    const id = person.participantId
    const region = participants[i]?.region ?? null
    const { stays } = foldStays(marksOf.get(id) ?? [])
    const connections = toConnections(session, stays)
    const media = toMedia(session, stays, mediaOf.get(id) ?? [])
    return {
      ...person,
      ...(region !== null && { region }),
      ...(connections.length > 0 && { connections }),
      ...(media !== undefined && { media }),
    }
  })
}

/** The `recordings` of a session, to be spread into it. */
export async function showRecordings(
  reads: Pick<Reads['media'], 'list'>,
  keyId: number,
  session: Session,
): Promise<Pick<ApiSession, 'recordings'>> {
  const found = isMediaServer(session.source) ? await reads.list(keyId, session.id, ['']) : []
  if (found.length === 0) return {}
  const recordings = found.map((medium) => ({ id: medium.mediaId, ...toShownSpan(toRecordingSpan(session, medium)) }))
  return { recordings: recordings.sort((a, b) => (a.start < b.start ? -1 : 1)) }
}

/** In order of their joins; of a sender that names no connections, none. */
function toConnections(session: Session, stays: Stay[]): Connection[] {
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
