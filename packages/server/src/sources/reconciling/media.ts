import { randomUUID } from 'node:crypto'
import type { MediaToggled, Snapshot } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import type { Medium, Session } from '../../ledger/state.ts'
import { mediaMax } from '../../store/media.ts'
import type { ListedMedium } from '../engines/media-server.ts'

// What people publish, by what a media server lists, beside what it told. A start that was lost is dated at the first look that
// has the thing, a stop at the last: of a start the earliest that is told counts, of a stop the latest, so that an event that
// comes after all mends either, in any order.

/** The things that looks at one session had, by name: when the last one had it, and how many have not since. */
export type SeenMedia = Map<string, { medium: ListedMedium; seenAt: number; missed: number }>

/** So many looks without a thing show that it stopped. */
const missedMax = 2

/** @param snapshot who was inside; what others publish is no evidence of now */
export async function compareMedia(
  { reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>,
  keyId: number,
  session: Session,
  snapshot: Snapshot,
  media: ListedMedium[],
  seen: SeenMedia,
): Promise<void> {
  const inside = new Set(snapshot.participants.map(({ connectionId }) => connectionId))
  const listed = media.filter(({ connectionId }) => inside.has(connectionId))
  for (const one of seen.values()) one.missed += 1
  for (const medium of listed) seen.set(nameOf(medium), { medium, seenAt: snapshot.at, missed: 0 })
  for (const [name, { medium }] of seen) if (!inside.has(medium.connectionId)) seen.delete(name)
  if (seen.size === 0) return

  const known = (await reads.media.list(keyId, session.id)).filter(isMedium)
  const recorded = new Map(known.map((medium) => [nameOf(medium), medium]))
  const facts: MediaToggled[] = []
  const tell = (type: MediaToggled['type'], medium: ListedMedium, at: number) => {
    const { source, roomId, sessionKey } = session
    const place = { source, roomId, ...(sessionKey !== null && { sessionKey }) }
    facts.push({ type, id: `snapshot ${randomUUID()}`, ...place, at, receivedAt: clock.now(), ...medium })
  }
  for (const medium of listed) {
    if (recorded.get(nameOf(medium))?.startedAt != null) continue
    // Of one that is not kept the record would be told at every look.
    const ofKind = known.filter((one) => one.participantId === medium.participantId && one.kind === medium.media)
    if (ofKind.length < mediaMax) tell('media-started', medium, snapshot.at)
  }
  for (const [name, { medium, seenAt, missed }] of seen) {
    if (missed < missedMax) continue
    seen.delete(name)
    if (recorded.get(name)?.stoppedAt === null) tell('media-stopped', medium, seenAt)
  }
  if (facts.length > 0) await record(keyId, facts)
}

type Published = Medium & { kind: ListedMedium['media'] }

function isMedium(medium: Medium): medium is Published {
  return medium.kind !== 'recording'
}

function nameOf(medium: ListedMedium | Published): string {
  const kind = 'media' in medium ? medium.media : medium.kind
  return JSON.stringify([medium.participantId, kind, medium.mediaId])
}
