import type { NumberedChange } from '@rollcall/protocol'
import { noun, type Over, query } from './noun.ts'

/** `recordedAt`: by our clock, epoch milliseconds. */
export type LoggedChange = NumberedChange & { recordedAt: number }

type Row = { [name in keyof Required<LoggedChange>]: Required<LoggedChange>[name] | null }

const listAfter = query<{ keyId: number; seq: number; limit: number }, Row>((k, p) =>
  k
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
      'kind',
      'reason',
    ])
    .where('key_id', '=', p.keyId)
    .where('seq', '>', p.seq)
    .orderBy('seq')
    .limit(p.limit),
)
// Two look-ups: a `min` and a `max` in one would read the whole log.
const firstOf = query<{ keyId: number }, { seq: number }>((k, p) =>
  k.selectFrom('changes').select('seq').where('key_id', '=', p.keyId).orderBy('seq').limit(1),
)
const lastOf = query<{ keyId: number }, { seq: number }>((k, p) =>
  k.selectFrom('counters').select('change_seq as seq').where('key_id', '=', p.keyId),
)

const countersOfAll = query<object, { keyId: number; factSeq: number; changeSeq: number }>((k) =>
  k.selectFrom('counters').select(['key_id as keyId', 'fact_seq as factSeq', 'change_seq as changeSeq']),
)

/** The numbered changes of a key. */
export const changes = noun({
  reads: {
    /** In order of `seq`, from the one after `seq`. */
    async after({ db }: Over, keyId: number, seq: number, limit: number): Promise<LoggedChange[]> {
      return (await db.all(listAfter(db), { keyId, seq, limit })).map(toChange)
    },
    /** The first and the last number that are kept; where nothing is, the first is the one that comes next. */
    async range({ db }: Over, keyId: number): Promise<{ first: number; last: number }> {
      const [first] = await db.all(firstOf(db), { keyId })
      const last = (await db.all(lastOf(db), { keyId }))[0]?.seq ?? 0
      return { first: first?.seq ?? last + 1, last }
    },
    /** A number for each key that grows with whatever is recorded of it, by whichever process. */
    async countRecorded({ db }: Over): Promise<Map<number, number>> {
      const rows = await db.all(countersOfAll(db), {})
      return new Map(rows.map(({ keyId, factSeq, changeSeq }) => [keyId, factSeq + changeSeq]))
    },
  },
  writes: {},
})

function toChange(row: Row): LoggedChange {
  const entries = Object.entries(row).filter(([, value]) => value !== null)
  return Object.fromEntries(entries) as LoggedChange
}
