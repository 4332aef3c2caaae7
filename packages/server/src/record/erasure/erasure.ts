import type { Fact } from '@rollcall/protocol'
import { sql } from 'kysely'
import { Refusal } from '../../error.ts'
import type { Database } from '../../store/database/database.ts'
import { digestOfPerson } from '../../store/facts/erased-people.ts'
import { eraseFromKeptOut } from '../../store/kept-out.ts'
import { eraseFromAudit } from '../../store/keys/audit.ts'
import { dropInvitesOf } from '../../store/keys/invites.ts'
import { noun, type Over, query } from '../../store/noun.ts'
import { markStale } from '../../store/people/kept-people.ts'
import { people } from '../../store/people/people.ts'
import { dropFromRosters } from '../../store/schedules.ts'
import { eraseNewest } from '../../store/sessions/newest-texts.ts'
import { sealAtOf } from '../../store/sessions/seals.ts'
import { breakUsage, eraseUsage } from '../../store/usage.ts'
import { digestOf } from '../facts/fact-text.ts'
import { type Anonymous, anonymise, createNewIds, type NewIds, newAnonymousId } from './anonymous.ts'
import { patternOf } from './pattern.ts'

/** Sessions, and facts of the log, that are looked at in one page. */
const pageSessions = 200
const pageFacts = 5000

export type SessionOfPerson = { id: string; isRunning: boolean }
/** Facts of the log that say something of somebody: `sessionId` is empty where they are of none. */
export type FactsOfPerson = { seqs: { seq: number; sessionId: string }[]; next: number | undefined }

type Row = { id: string; isRunning: number }
const sessionsOfPerson = query<{ keyId: number; participantId: string; after: string; limit: number }, Row>((k, p) =>
  k
    .selectFrom('participants as p')
    .innerJoin('sessions as s', (join) => join.onRef('s.key_id', '=', 'p.key_id').onRef('s.id', '=', 'p.session_id'))
    .select(['s.id', sql<number>`case when s.end_at is null then 1 else 0 end`.as('isRunning')])
    .where('p.key_id', '=', p.keyId)
    .where('p.participant_id', '=', p.participantId)
    .where('p.session_id', '>', p.after)
    .orderBy('p.session_id')
    .limit(p.limit),
)
const logPage = query<{ keyId: number; after: number; limit: number }, { seq: number }>((k, p) =>
  k
    .selectFrom('facts')
    .select('seq')
    .where('key_id', '=', p.keyId)
    .where('seq', '>', p.after)
    .orderBy('seq')
    .limit(p.limit),
)
type Found = { seq: number; sessionId: string | null }
const factsWith = query<{ keyId: number; after: number; last: number; pattern: string }, Found>((k, p) =>
  k
    .selectFrom('facts')
    .select(['seq', 'session_id as sessionId'])
    .where('key_id', '=', p.keyId)
    .where('seq', '>', p.after)
    .where('seq', '<=', p.last)
    .where(sql<boolean>`(fact_json like ${p.pattern} escape '!')`),
)

/** Ends the keeping of what is known of people: what is counted stays true, of nobody in particular. */
export const erasure = noun({
  reads: {
    /** The sessions that somebody was in, page by page. */
    async sessionsOf({ db }: Over, keyId: number, participantId: string, after: string): Promise<SessionOfPerson[]> {
      const rows = await db.all(sessionsOfPerson(db), { keyId, participantId, after, limit: pageSessions })
      return rows.map(({ id, isRunning }) => ({ id, isRunning: Number(isRunning) === 1 }))
    },
    /** What of the log may say something of somebody, page by page: `next` is the last that was looked at. */
    async factsOf({ db }: Over, keyId: number, participantId: string, after: number): Promise<FactsOfPerson> {
      const last = (await db.all(logPage(db), { keyId, after, limit: pageFacts })).at(-1)?.seq
      if (last === undefined) return { seqs: [], next: undefined }
      const found = await db.all(factsWith(db), { keyId, after, last, pattern: patternOf(participantId) })
      return { seqs: found.map(({ seq, sessionId }) => ({ seq, sessionId: sessionId ?? '' })), next: last }
    },
    /** Whether a room, or an invite, names somebody, who may never have come. */
    async isExpected({ db }: Over, keyId: number, participantId: string): Promise<boolean> {
      for (const table of ['invites', 'kept_out'] as const) {
        const row = await db.kysely
          .selectFrom(table)
          .select('participant_id')
          .where('key_id', '=', keyId)
          .where('participant_id', '=', participantId)
          .executeTakeFirst()
        if (row !== undefined) return true
      }
      return (await listNamingRooms(db, keyId, participantId)).length > 0
    },
  },
  writes: {
    /** From now on nothing that is told of somebody's time before is taken. Gives whom they are to be instead. */
    async forget(
      { db, now }: Over,
      { keyId, participantId }: { keyId: number; participantId: string },
    ): Promise<string> {
      const digest = digestOfPerson(participantId)
      await db.insertRows('erased_people', [{ key_id: keyId, digest, erased_at: now() }], ['key_id', 'digest'])
      await dropFromRooms(db, keyId, participantId)
      await dropFromRosters({ db }, keyId, participantId)
      await dropInvitesOf({ db }, keyId, participantId)
      await eraseFromKeptOut({ db }, keyId, participantId)
      return newAnonymousId()
    },
    /**
     * Makes somebody nobody in one session that has ended, in all that is kept of it; `seqs`: the facts of the log that tell of them there.
     * Where `sessionId` is empty, in facts of no session.
     */
    async anonymise(
      { db }: Over,
      {
        keyId,
        sessionId,
        participantId,
        newId,
        seqs,
      }: { keyId: number; sessionId: string; participantId: string; newId: string; seqs: number[] },
    ): Promise<number> {
      const names = await namesOf(db, keyId, sessionId, participantId)
      const of = { participantId, newId, names: names.filter((name) => name !== '') }
      const ids = createNewIds()
      if (sessionId !== '') await anonymiseRows(db, { keyId, sessionId, of, ids })
      return anonymiseLog(db, keyId, seqs, of, ids)
    },
    /** When they are nobody in every session: nobody finds them any more, and whoever was merged with them is apart again. */
    async settle(
      over: Over,
      { keyId, participantId, newId }: { keyId: number; participantId: string; newId: string },
    ): Promise<void> {
      const { db } = over
      const known = await db.kysely
        .selectFrom('people')
        .select('person_id as personId')
        .where('key_id', '=', keyId)
        .where('merged', '=', 0)
        .where('id', '=', participantId)
        .executeTakeFirst()
      const personId = known?.personId
      if (personId != null) {
        await people.writes.unmerge(over, { keyId, id: personId })
        await dropFromRosters(over, keyId, personId)
        await eraseFromAudit(over, { keyId, participantId: personId, newId })
      }
      await eraseFromAudit(over, { keyId, participantId, newId })
      const nobody = { id: newId, name: '', texts: newId, seen_at: 0, person_id: null, merged: 0, stale: 1 }
      await db.insertRows('people', [{ key_id: keyId, ...nobody }], ['key_id', 'merged', 'id'])
      await markStale(db, keyId, [participantId])
      while ((await people.writes.gather(over, { keyId })) > 0);
    },
  },
})

type InSession = { keyId: number; sessionId: string; of: Anonymous; ids: NewIds }

async function anonymiseRows(db: Database, within: InSession): Promise<void> {
  const { keyId, sessionId, of } = within
  const k = db.kysely
  const session = await k
    .selectFrom('sessions')
    .select(['room_id as roomId', 'start_at as startAt', 'end_at as endAt', 'updated_at as updatedAt'])
    .where('key_id', '=', keyId)
    .where('id', '=', sessionId)
    .executeTakeFirst()
  if (session === undefined) return
  if (session.endAt === null) throw new Refusal('CONFLICT', `Session ${sessionId} runs: end it first`)
  await db.differences.lockRooms(keyId, [session.roomId])
  const inSession = { key_id: keyId, session_id: sessionId, participant_id: of.participantId }
  for (const table of ['quality', 'quality_origins', 'media'] as const) {
    await k
      .deleteFrom(table)
      .where((eb) => eb.and(inSession as never))
      .execute()
  }
  await k
    .updateTable('participants')
    .set({ participant_id: of.newId, name: '', name_source: null, region: null, metadata_json: null })
    .where((eb) => eb.and(inSession))
    .execute()
  await k
    .updateTable('changes')
    .set({ participant_id: of.newId, name: null, reason: null })
    .where((eb) => eb.and(inSession))
    .execute()
  await anonymiseMarks(db, within)
  await anonymiseWebhooks(db, within)
  await k.deleteFrom('seals').where('key_id', '=', keyId).where('session_id', '=', sessionId).execute()
  await breakUsage(db, keyId, [sessionId])
  await k
    .updateTable('sessions')
    .set({ seal_at: sealAtOf(session), gaps: null })
    .where('key_id', '=', keyId)
    .where('id', '=', sessionId)
    .execute()
  await eraseNewest(db, keyId, [{ id: sessionId, roomId: session.roomId }])
  await eraseUsage(db, keyId, [session.startAt])
}

async function anonymiseMarks(db: Database, { keyId, sessionId, of, ids }: InSession): Promise<void> {
  const k = db.kysely
  const inSession = { key_id: keyId, session_id: sessionId, participant_id: of.participantId }
  const marks = await k
    .selectFrom('marks')
    .selectAll()
    .where((eb) => eb.and(inSession))
    .execute()
  await k
    .deleteFrom('marks')
    .where((eb) => eb.and(inSession))
    .execute()
  const rows = marks.map((mark) => ({
    ...mark,
    participant_id: of.newId,
    connection_id: ids.connectionId(mark.connection_id),
    fact_id: ids.factId(mark.fact_id, [of], true),
    reason: null,
    name: null,
    name_source: null,
    region: null,
    metadata_json: null,
  }))
  await db.insertRows('marks', rows)
}

/** Webhooks that were sent, and those that are still to be. */
async function anonymiseWebhooks(db: Database, { keyId, sessionId, of }: InSession): Promise<void> {
  const k = db.kysely
  const sent = await k
    .selectFrom('webhook_deliveries')
    .select(['id', 'body'])
    .where('key_id', '=', keyId)
    .where('session_id', '=', sessionId)
    .execute()
  for (const { id, body } of sent) {
    const webhook = JSON.parse(body) as { data?: { participantId?: string; participantName?: string } }
    if (webhook.data?.participantId !== of.participantId) continue
    const data = Object.fromEntries(Object.entries(webhook.data).map(([name, value]) => [name, hides(name, value, of)]))
    await k
      .updateTable('webhook_deliveries')
      .set({ body: JSON.stringify({ ...webhook, data }), answer: null, error: null })
      .where('key_id', '=', keyId)
      .where('id', '=', id)
      .execute()
  }
}

function hides(field: string, value: unknown, of: Anonymous): unknown {
  if (field === 'participantId') return of.newId
  return /name|reason/i.test(field) ? '' : value
}

/** Gives how many of these facts told of them: that a text is in one may be of somebody else, whose id begins so. */
async function anonymiseLog(db: Database, keyId: number, seqs: number[], of: Anonymous, ids: NewIds): Promise<number> {
  const k = db.kysely
  let told = 0
  for (const seq of seqs) {
    const row = await k
      .selectFrom('facts')
      .select([
        'source',
        'fact_id as factId',
        'session_id as sessionId',
        'fact_json as json',
        'received_at as receivedAt',
      ])
      .where('key_id', '=', keyId)
      .where('seq', '=', seq)
      .executeTakeFirst()
    if (row === undefined) continue
    const { receivedAt: _, ...said } = anonymise(
      { ...JSON.parse(row.json), receivedAt: row.receivedAt } as Fact,
      [of],
      ids,
    )
    const json = JSON.stringify(said)
    if (json === row.json) continue
    told += 1
    await k
      .updateTable('facts')
      .set({ fact_id: said.id, fact_json: json, reason: null })
      .where('key_id', '=', keyId)
      .where('seq', '=', seq)
      .execute()
    await k
      .updateTable('claims')
      .set({ fact_id: said.id, digest: digestOf(json) })
      .where('key_id', '=', keyId)
      .where('source', '=', row.source)
      .where('fact_id', '=', row.factId)
      .execute()
    // Others have marks of it too: of what told of both, or of what was theirs and had their name in its id.
    if (said.id === row.factId || row.sessionId === null) continue
    await k
      .updateTable('marks')
      .set({ fact_id: said.id })
      .where('key_id', '=', keyId)
      .where('session_id', '=', row.sessionId)
      .where('fact_id', '=', row.factId)
      .execute()
  }
  return told
}

async function namesOf(db: Database, keyId: number, sessionId: string, participantId: string): Promise<string[]> {
  const rows = await db.kysely
    .selectFrom('marks')
    .select('name')
    .distinct()
    .where('key_id', '=', keyId)
    .where('session_id', '=', sessionId)
    .where('participant_id', '=', participantId)
    .where('name', 'is not', null)
    .execute()
  return rows.flatMap(({ name }) => name ?? [])
}

/** The rooms that name somebody among those whom they let in, each with the others. */
async function listNamingRooms(
  db: Database,
  keyId: number,
  participantId: string,
): Promise<{ roomId: string; others: string[] }[]> {
  const rooms = await db.kysely
    .selectFrom('rooms')
    .select(['room_id as roomId', 'allowed_participants_json as json'])
    .where('key_id', '=', keyId)
    .where(sql<boolean>`(allowed_participants_json like ${patternOf(participantId)} escape '!')`)
    .execute()
  return rooms.flatMap(({ roomId, json }) => {
    const named: string[] = JSON.parse(json ?? '[]')
    return named.includes(participantId) ? [{ roomId, others: named.filter((id) => id !== participantId) }] : []
  })
}

async function dropFromRooms(db: Database, keyId: number, participantId: string): Promise<void> {
  for (const { roomId, others } of await listNamingRooms(db, keyId, participantId)) {
    // An empty list restricts nobody: a room that let in them alone lets in nobody.
    const allowed = others.length > 0 ? others : [newAnonymousId()]
    await db.kysely
      .updateTable('rooms')
      .set({ allowed_participants_json: JSON.stringify(allowed) })
      .where('key_id', '=', keyId)
      .where('room_id', '=', roomId)
      .execute()
  }
}
