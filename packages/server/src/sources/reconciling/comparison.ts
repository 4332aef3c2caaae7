import { randomUUID } from 'node:crypto'
import type { Snapshot } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { inferEnd, inferFromSnapshot, type People } from '../../ledger/infer.ts'
import type { Session } from '../../ledger/state.ts'
import type { Look } from '../../store/looks.ts'
import type { RunningSession, Source } from '../../store/sources.ts'
import type { FetchedRoom, FetchedRooms } from '../engines/media-server.ts'
import { sourceNameOf } from '../source-name.ts'
import type { Looks } from './looks.ts'
import { compareMedia, type SeenMedia } from './media.ts'
import { latestSessionsMax } from './superseded.ts'

/** What is remembered of a source's sessions from one comparison to the next. */
export type Observations = {
  /** Sessions that were absent from the last answer. */
  absent: Set<string>
  /** What people published when looks last had it, by session. */
  media: Map<string, SeenMedia>
}

type Parts = Pick<Context, 'reads' | 'writes' | 'known' | 'record' | 'clock'> & { looks: Looks }
type Limits = { renewMs: number }

/** Compares a media server's answer with the record, and records the differences. */
export async function compareWithRecord(
  parts: Parts,
  { keyId, id }: Source,
  { reporter, at, rooms }: FetchedRooms,
  observations: Observations,
  limits: Limits,
): Promise<void> {
  const { reads, writes, clock } = parts
  const source = sourceNameOf(id, reporter)
  const running = await reads.sources.listRunning(keyId, source)
  const roomIds = await findRoomIds(parts, keyId, running, rooms)
  const differences = createDifferences(parts, { keyId, source, limits })
  const present = new Set<string>()
  const unchanged: Look[] = []
  for (const room of rooms) {
    const roomId = roomIds.get(room.roomName)
    const snapshot = toSnapshot(room, { source, roomId: roomId ?? room.roomName, receivedAt: clock.now() })
    const session = running.find((one) => one.roomId === roomId && one.sessionKey === (room.sessionKey ?? null))
    if (roomId === undefined) await differences.openRoom(snapshot)
    else if (session === undefined) await differences.openSession(snapshot)
    else {
      present.add(session.id)
      const here = withoutGhosts(session, snapshot)
      const isRecorded = await differences.renew(session, here)
      if (!isRecorded) unchanged.push({ sessionId: session.id, at: snapshot.at })
      if (room.media === undefined) continue
      const seen: SeenMedia = observations.media.get(session.id) ?? new Map()
      observations.media.set(session.id, seen)
      await compareMedia(parts, keyId, session, here, room.media, seen)
    }
  }
  for (const id of observations.media.keys()) if (!present.has(id)) observations.media.delete(id)
  if (unchanged.length > 0) await writes.looks.keep({ keyId, latest: unchanged })
  const absent = running.filter(
    ({ id, sessionKey, startAt }) => !present.has(id) && sessionKey !== null && startAt !== null && startAt <= at,
  )
  for (const session of absent) if (observations.absent.has(session.id)) await differences.end(session)
  observations.absent = new Set(absent.map((session) => session.id))
}

/**
 * A media server that was killed may go on listing whoever was inside: a connection from before the restart is no evidence of
 * now.
 */
function withoutGhosts({ resumedAt }: Session, snapshot: Snapshot): Snapshot {
  if (resumedAt === null) return snapshot
  const participants = snapshot.participants.filter(({ joinedAt = resumedAt }) => joinedAt >= resumedAt)
  return { ...snapshot, participants }
}

/** The roomIds of the rooms with a running session or with people inside, by their names there; none for a room that is new. */
async function findRoomIds(
  { known }: Parts,
  keyId: number,
  running: RunningSession[],
  rooms: FetchedRoom[],
): Promise<Map<string, string>> {
  const runningIn = new Map(
    running.flatMap((one) => [one.roomId, one.customRoomId ?? one.roomId].map((name) => [name, one.roomId])),
  )
  const unknown = rooms.filter(({ roomName, participants }) => participants.length > 0 && !runningIn.has(roomName))
  const found = await known.roomIds(keyId, [...new Set(unknown.map(({ roomName }) => roomName))])
  return new Map([...runningIn, ...found])
}

function toSnapshot(
  { sessionKey, at, participants, clockCorrectedMs }: FetchedRoom,
  { source, roomId, receivedAt }: Pick<Snapshot, 'source' | 'roomId' | 'receivedAt'>,
): Snapshot {
  return {
    type: 'snapshot',
    id: `snapshot ${randomUUID()}`,
    source,
    roomId,
    ...(sessionKey !== undefined && { sessionKey }),
    at,
    receivedAt,
    ...(clockCorrectedMs !== undefined && { clockCorrectedMs }),
    participants,
  }
}

type Differences = {
  /** Records a room that nobody named before: the snapshot's `roomId` is its name. */
  openRoom(snapshot: Snapshot): Promise<void>
  /** Records a session that does not run, by the record. */
  openSession(snapshot: Snapshot): Promise<void>
  /** Records a snapshot that changes a running session, or renews the evidence of it. False where it need not be recorded yet. */
  renew(session: Session, snapshot: Snapshot): Promise<boolean>
  /** Records the end of a session that was absent from two answers in a row. */
  end(session: Session): Promise<void>
}

type About = { keyId: number; source: string; limits: Limits }

function createDifferences(
  { reads, record, clock, looks }: Parts,
  { keyId, source, limits: { renewMs } }: About,
): Differences {
  return {
    async openRoom(snapshot) {
      if (snapshot.participants.length > 0) await record(keyId, [snapshot], { newRooms: [snapshot.roomId] })
    },

    async openSession(snapshot) {
      if (snapshot.participants.length === 0) return
      const { sessionKey, roomId } = snapshot
      if (sessionKey !== undefined) {
        // The record has its end, and it has people inside: a snapshot now and then moves the end.
        const sessions = await reads.sources.listLives(keyId, source, roomId, latestSessionsMax)
        const ended = sessions.find((one) => one.sessionKey === sessionKey)
        if (ended !== undefined && snapshot.at - ended.lastAt < renewMs) return
      }
      await record(keyId, [snapshot])
    },

    async renew(session, snapshot) {
      const people = await findPeople(session, snapshot)
      const isChange = inferFromSnapshot(session, people, snapshot).length > 0
      const evidenceAt = Math.max(session.lastAt, session.snapshotAt ?? 0)
      if (!isChange && snapshot.at - evidenceAt < renewMs) return false
      // The look before it is evidence that nothing had changed until then.
      if (isChange) await looks.recordLook(keyId, session.id)
      await record(keyId, [snapshot])
      return true
    },

    async end(session) {
      await looks.recordLook(keyId, session.id)
      const now = (await reads.sessions.find(keyId, session.id))?.session
      if (now !== undefined) await record(keyId, [inferEnd(now, clock.now(), 'absent')])
    },
  }

  /** Everybody who is inside by the record, and whoever else is in the snapshot. */
  async function findPeople({ id }: Session, { participants }: Snapshot): Promise<People> {
    const people: People = Map.groupBy(await reads.sources.listMarksOfInside(keyId, id), (mark) => mark.participantId)
    for (const { participantId } of participants) {
      if (people.has(participantId)) continue
      const found = await reads.sessions.getParticipant(keyId, id, participantId)
      if (found !== undefined) people.set(participantId, found.marks)
    }
    return people
  }
}
