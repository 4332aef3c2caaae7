import type { Database } from '../database/database.ts'
import { perDatabase, query } from '../noun.ts'

/** When each source was last seen, by our clock. */
export type LastSeen = {
  touch(keyId: number, source: string, at: number): void
  /** The latest moment at which it may have been seen; 0 where it never was. */
  lastSeenAt(keyId: number, source: string): Promise<number>
  /** Writes what there is to note; to be called once, before the commit. */
  flush(): Promise<void>
}

/** A source is noted as seen this often, in milliseconds: what it says in between costs no write. */
const noteEveryMs = 3_600_000

type Row = { keyId: number; source: string; at: number }

const upsert = query<Row>((k, p) =>
  k
    .insertInto('heard')
    .values({ key_id: p.keyId, source: p.source, heard_at: p.at })
    .onConflict((on) =>
      on.columns(['key_id', 'source']).doUpdateSet((eb) => ({ heard_at: eb.ref('excluded.heard_at') })),
    ),
)
const find = query<Omit<Row, 'at'>, { at: number }>((k, p) =>
  k.selectFrom('heard').select('heard_at as at').where('key_id', '=', p.keyId).where('source', '=', p.source),
)

/** What this connection noted, by key and source. */
const notedOf = perDatabase(() => new Map<string, number>())

/** For the length of one transaction. */
export function openLastSeen(db: Database): LastSeen {
  const noted = notedOf(db)
  const toNote = new Map<string, Row>()
  return {
    touch(keyId, source, at) {
      const name = `${keyId} ${source}`
      const notedAt = noted.get(name)
      if (notedAt === undefined || at - notedAt >= noteEveryMs) toNote.set(name, { keyId, source, at })
    },
    async lastSeenAt(keyId, source) {
      const [row] = await db.all(find(db), { keyId, source })
      return row === undefined ? 0 : row.at + noteEveryMs
    },
    async flush() {
      for (const [name, row] of toNote) {
        await db.run(upsert(db), row)
        noted.set(name, row.at)
      }
      toNote.clear()
    },
  }
}
