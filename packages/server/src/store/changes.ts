import type { NumberedChange } from '@rollcall/protocol'
import { compile, type Database } from './database/database.ts'

/** `recordedAt`: by our clock, epoch milliseconds. */
export type LoggedChange = NumberedChange & { recordedAt: number }

type Row = { [name in keyof Required<LoggedChange>]: Required<LoggedChange>[name] | null }

export type ChangeReads = {
  /** In order of `seq`, from the one after `seq`. */
  after(keyId: number, seq: number, limit: number): Promise<LoggedChange[]>
  /** The first and the last number that are kept; where nothing is, the first is the one that comes next. */
  range(keyId: number): Promise<{ first: number; last: number }>
}

export function createChangeReads(db: Database): ChangeReads {
  const after = compile<{ keyId: number; seq: number; limit: number }, Row>((p) =>
    db.kysely
      .selectFrom('changes')
      .select([
        'seq',
        'type',
        'session_id as sessionId',
        'room_id as roomId',
        'at',
        'recorded_at as recordedAt',
        'participant_id as participantId',
        'name',
        'reason',
      ])
      .where('key_id', '=', p.keyId)
      .where('seq', '>', p.seq)
      .orderBy('seq')
      .limit(p.limit),
  )
  // Two look-ups: a `min` and a `max` in one would read the whole log.
  const firstOf = compile<{ keyId: number }, { seq: number }>((p) =>
    db.kysely.selectFrom('changes').select('seq').where('key_id', '=', p.keyId).orderBy('seq').limit(1),
  )
  const lastOf = compile<{ keyId: number }, { seq: number }>((p) =>
    db.kysely.selectFrom('counters').select('change_seq as seq').where('key_id', '=', p.keyId),
  )
  return {
    async after(keyId, seq, limit) {
      return (await db.all(after, { keyId, seq, limit })).map(toChange)
    },
    async range(keyId) {
      const [first] = await db.all(firstOf, { keyId })
      const last = (await db.all(lastOf, { keyId }))[0]?.seq ?? 0
      return { first: first?.seq ?? last + 1, last }
    },
  }
}

function toChange(row: Row): LoggedChange {
  const entries = Object.entries(row).filter(([, value]) => value !== null)
  return Object.fromEntries(entries) as LoggedChange
}
