import type { Erased } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import type { Reads, Writes } from '../nouns.ts'
import type { ErasedRoom } from './room-erasure.ts'

type PersonReads = Pick<Reads, 'erasure' | 'schedules' | 'people'>

/** Makes somebody nobody in all that is kept. Throws CONFLICT while they are part of a session that runs. */
export async function erasePerson(
  { reads, writes }: { reads: PersonReads; writes: Pick<Writes, 'erasure'> },
  keyId: number,
  participantId: string,
): Promise<Omit<Erased, 'id' | 'erasedAt'>> {
  const sessions = await listSessions(reads, keyId, participantId)
  const running = sessions.find(({ isRunning }) => isRunning)
  if (running !== undefined) {
    throw new Refusal('CONFLICT', `Session ${running.id} runs, and they are part of it: erase them when it has ended`)
  }
  const facts = await listFacts(reads, keyId, participantId)
  const who = (await reads.people.who(keyId, [participantId])).get(participantId)
  const rosters = await reads.schedules.countRosters(keyId, [participantId, ...(who?.merged ? [who.id] : [])])
  const isKnown = sessions.length > 0 || facts.length > 0 || rosters > 0
  if (!isKnown && !(await reads.erasure.isExpected(keyId, participantId))) {
    throw new Refusal(
      'PARTICIPANT_NOT_FOUND',
      `Participant ${participantId} not found in any session, roster, room or invite`,
    )
  }
  // First, so that nothing comes in between.
  const newId = await writes.erasure.forget({ keyId, participantId })
  const bySession = Map.groupBy(facts, ({ sessionId }) => sessionId)
  for (const { id } of sessions) if (!bySession.has(id)) bySession.set(id, [])
  let told = 0
  for (const [sessionId, ofSession] of bySession) {
    const seqs = ofSession.map(({ seq }) => seq)
    told += await writes.erasure.anonymise({ keyId, sessionId, participantId, newId, seqs })
  }
  await writes.erasure.settle({ keyId, participantId, newId })
  return { sessions: sessions.length, facts: told, rosters }
}

/**
 * Erases one session. What was begun is completed by another call: the session is there until nothing tells of it any more. Gives how many
 * facts of the log told of it; undefined where there is no such session.
 */
export async function eraseSession(
  { writes }: { writes: Pick<Writes, 'sessionErasure'> },
  of: { keyId: number; sessionId: string },
): Promise<number | undefined> {
  if (!(await writes.sessionErasure.forget(of))) return undefined
  let facts = 0
  for (let emptied = 1; emptied > 0; facts += emptied) emptied = await writes.sessionErasure.emptyLog(of)
  await writes.sessionErasure.erase(of)
  return facts
}

/** Erases one room with all its sessions, likewise. Throws CONFLICT where a session runs in it. */
export async function eraseRoom(
  {
    reads,
    writes,
  }: { reads: Pick<Reads, 'roomErasure'>; writes: Pick<Writes, 'roomErasure' | 'sessionErasure' | 'people'> },
  room: ErasedRoom,
): Promise<{ sessions: number; facts: number }> {
  const { keyId, roomId, id, customRoomId } = room
  const named = { keyId, roomId, id, customRoomId }
  await writes.roomErasure.forget(named)
  let [sessions, facts] = [0, 0]
  for (let ids = ['']; ids.length > 0; sessions += ids.length) {
    ids = await reads.roomErasure.sessionsOf(keyId, roomId)
    for (const sessionId of ids) facts += (await eraseSession({ writes }, { keyId, sessionId })) ?? 0
  }
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { next, emptied }: { next: number | undefined; emptied: number } = await writes.roomErasure.emptyLog({
      ...named,
      after,
    })
    facts += emptied
    after = next
  }
  await writes.roomErasure.erase(named)
  while ((await writes.people.gather({ keyId })) > 0);
  return { sessions, facts }
}

async function listSessions(reads: PersonReads, keyId: number, participantId: string) {
  const sessions = []
  for (let after = ''; ; ) {
    const page = await reads.erasure.sessionsOf(keyId, participantId, after)
    sessions.push(...page)
    const last = page.at(-1)
    if (last === undefined) return sessions
    after = last.id
  }
}

async function listFacts(reads: PersonReads, keyId: number, participantId: string) {
  const facts = []
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await reads.erasure.factsOf(keyId, participantId, after)
    facts.push(...page.seqs)
    after = page.next
  }
  return facts
}
