import type { Readable } from 'node:stream'
import { type AttendanceRow, engineOf } from '@rollcall/protocol'
import { readsOver } from '../../record/nouns.ts'
import { turns } from '../../runtime/turns.ts'
import type { Database } from '../../store/database/database.ts'
import type { SessionPart } from '../../store/sessions/records.ts'
import { type Per, readHeadsDuring, readSessionsDuring, toAttendanceRows } from '../reports/attendance-rows.ts'
import { type ParquetColumn, writeParquet } from '../tables/parquet.ts'

// What is recorded of a key as tables that are easily asked: times are times, and stays are folded.

export const recordTables = ['sessions', 'participants', 'stays'] as const
export type RecordTable = (typeof recordTables)[number]

/** No time that a date may have is further from 1970, in milliseconds. */
const anyTimeMs = 8.64e15

/** One of the tables as a Parquet file, over whatever moment of the record the connection sees. */
export function writeRecordTable(db: Database, keyId: number, table: RecordTable, now: number): Readable {
  // Secrets are in none of them.
  const noSecrets = { seal: refuse, open: refuse }
  const reads = readsOver({ db, box: noSecrets, now: () => now, pause: turns.next })
  const ever = { from: -anyTimeMs, to: anyTimeMs }
  const records = () => readSessionsDuring(reads, keyId, ever)
  switch (table) {
    case 'sessions':
      return writeParquet(sessionColumns, readHeadsDuring(reads, keyId, ever))
    case 'participants':
      return writeParquet(participantColumns, rowsOf(records(), 'participant', now))
    case 'stays':
      return writeParquet(stayColumns, rowsOf(records(), 'interval', now))
  }
}

function refuse(): never {
  throw new Error('a table of the record has no secrets')
}

async function* rowsOf(records: AsyncIterable<SessionPart>, per: Per, now: number): AsyncGenerator<AttendanceRow[]> {
  for await (const record of records) yield toAttendanceRows(record, per, { now, kinds: undefined })
}

const sessionColumns: ParquetColumn<SessionPart>[] = [
  { name: 'sessionId', is: 'text', of: ({ session }) => session.id },
  { name: 'roomId', is: 'text', of: ({ session }) => session.roomId },
  { name: 'customRoomId', is: 'text', of: ({ customRoomId }) => customRoomId },
  { name: 'engine', is: 'text', of: ({ session }) => engineOf(session.source) },
  { name: 'startAt', is: 'time', of: ({ session }) => session.startAt },
  { name: 'endAt', is: 'time', of: ({ session }) => session.endAt },
  { name: 'endReason', is: 'text', of: ({ session }) => session.endReason },
  { name: 'endInferred', is: 'flag', of: ({ session }) => session.inferred !== null },
  { name: 'participants', is: 'count', of: ({ session }) => session.people },
  { name: 'parentRoomId', is: 'text', of: ({ session }) => session.parentRoomId },
  { name: 'parentSessionId', is: 'text', of: ({ parentSessionId }) => parentSessionId ?? null },
  { name: 'revision', is: 'count', of: ({ session }) => session.revision },
  { name: 'updatedAt', is: 'time', of: ({ session }) => session.updatedAt },
]

const stayColumns: ParquetColumn<AttendanceRow>[] = [
  { name: 'sessionId', is: 'text', of: ({ sessionId }) => sessionId },
  { name: 'roomId', is: 'text', of: ({ roomId }) => roomId },
  { name: 'customRoomId', is: 'text', of: ({ customRoomId }) => customRoomId },
  { name: 'participantId', is: 'text', of: ({ participantId }) => participantId },
  { name: 'name', is: 'text', of: ({ name }) => name },
  { name: 'kind', is: 'text', of: ({ kind }) => kind },
  { name: 'joinedAt', is: 'time', of: ({ start }) => Date.parse(start) },
  { name: 'leftAt', is: 'time', of: ({ end }) => (end === null ? null : Date.parse(end)) },
  { name: 'seconds', is: 'number', of: ({ seconds }) => seconds },
  { name: 'leftReason', is: 'text', of: ({ reason }) => reason },
  { name: 'leftInferred', is: 'flag', of: ({ inferred }) => inferred },
]

const participantColumns: ParquetColumn<AttendanceRow>[] = [
  ...stayColumns,
  { name: 'stays', is: 'count', of: ({ intervals = 1 }) => intervals },
]
