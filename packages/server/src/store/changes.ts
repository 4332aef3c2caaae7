import type { NumberedChange } from '@rollcall/protocol'
import { compile, type Database } from './database.ts'

type Row = { [name in keyof Required<NumberedChange>]: Required<NumberedChange>[name] | null }

export type ChangeReads = {
  /** In order of `seq`, from the one after `seq`. */
  after(keyId: number, seq: number, limit: number): Promise<NumberedChange[]>
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
        'participant_id as participantId',
        'name',
        'reason',
      ])
      .where('key_id', '=', p.keyId)
      .where('seq', '>', p.seq)
      .orderBy('seq')
      .limit(p.limit),
  )
  return {
    async after(keyId, seq, limit) {
      return (await db.all(after, { keyId, seq, limit })).map(toChange)
    },
  }
}

function toChange(row: Row): NumberedChange {
  const entries = Object.entries(row).filter(([, value]) => value !== null)
  return Object.fromEntries(entries) as NumberedChange
}
