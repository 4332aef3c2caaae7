import type { SessionFact, Snapshot, SourceStarted } from '@rollcall/protocol'
import { inferFromRestart, inferFromSnapshot } from '../../ledger/infer.ts'
import { noteSnapshot } from '../../ledger/ledger.ts'
import { newSession, resumeSession } from '../../ledger/session.ts'
import type { ApplyParts } from '../../store/facts/applied.ts'
import type { RecordParts } from '../../store/facts/facts.ts'
import { byPerson, findSession, infer, type Recorded, save } from './session-facts.ts'

// Facts about many people at once.

export async function applySnapshot(parts: RecordParts, keyId: number, snapshot: Snapshot): Promise<Recorded> {
  const { facts, rules } = parts
  const probe: SessionFact = {
    ...snapshot,
    type: snapshot.participants.length > 0 ? 'session-started' : 'session-ended',
  }
  const found = await findSession(parts, keyId, probe)
  if (found.to === 'nowhere') return { id: snapshot.id, outcome: 'ignored', reason: found.reason }
  const session = found.to === 'new' ? newSession(probe, '') : found.session
  const people = found.to === 'new' ? new Map() : byPerson(await facts.listAllMarks(keyId, session.id))
  const inferred = inferFromSnapshot(session, people, snapshot)
  if (found.to === 'new' && inferred.length === 0) {
    return { id: snapshot.id, outcome: 'ignored', reason: `no session of room ${snapshot.roomId} was running then` }
  }
  let sessionId = session.id
  for (const fact of inferred) sessionId = (await infer(parts, keyId, fact)).sessionId ?? sessionId
  const now = await facts.getSession(keyId, sessionId)
  if (now !== undefined) {
    await save(parts, keyId, now, noteSnapshot({ session: now, superseded: found.superseded }, snapshot, rules))
  }
  return { id: snapshot.id, outcome: 'recorded', sessionId }
}

/** Every session of the source, or of that room of it, that ran then runs on. */
export async function resumeRunning(
  { facts, rules }: ApplyParts,
  keyId: number,
  restart: SourceStarted,
): Promise<void> {
  for (const session of await facts.listRunning(keyId, restart.source, restart.roomId)) {
    if (session.startAt === null || session.startAt > restart.at) continue
    facts.saveSession(keyId, resumeSession(session, restart.at, rules))
  }
}

export async function applyRestart(parts: RecordParts, keyId: number, restart: SourceStarted): Promise<Recorded> {
  const { facts } = parts
  for (const session of await facts.listRunning(keyId, restart.source, restart.roomId)) {
    if (session.startAt === null || session.startAt > restart.at) continue
    const people = byPerson(await facts.listAllMarks(keyId, session.id))
    for (const fact of inferFromRestart(session, people, restart)) await infer(parts, keyId, fact)
  }
  await resumeRunning(parts, keyId, restart)
  return { id: restart.id, outcome: 'recorded' }
}
