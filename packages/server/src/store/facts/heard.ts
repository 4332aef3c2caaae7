import { compile, type Database } from '../database/database.ts'

/** When each source was last heard, by our clock. */
export type Heard = {
  hear(keyId: number, source: string, at: number): void
  /** The latest moment at which it may have been heard; 0 where it never was. */
  heardAt(keyId: number, source: string): Promise<number>
  /** Writes what there is to note; to be called once, before the commit. */
  flush(): Promise<void>
}

/** A source is noted to be heard this often, in milliseconds: what it says in between costs no write. */
const noteEveryMs = 3_600_000

/** Compiles the queries once; each call of what it gives is for one transaction. */
export function prepareHeard(db: Database): () => Heard {
  type Row = { keyId: number; source: string; at: number }
  const insertHeard = compile<Row, unknown>((p) =>
    db.kysely
      .insertInto('heard')
      .values({ key_id: p.keyId, source: p.source, heard_at: p.at })
      .onConflict((on) =>
        on.columns(['key_id', 'source']).doUpdateSet((eb) => ({ heard_at: eb.ref('excluded.heard_at') })),
      ),
  )
  const findHeard = compile<Omit<Row, 'at'>, { at: number }>((p) =>
    db.kysely.selectFrom('heard').select('heard_at as at').where('key_id', '=', p.keyId).where('source', '=', p.source),
  )
  const noted = new Map<string, number>()

  return () => {
    const toNote = new Map<string, Row>()
    return {
      hear(keyId, source, at) {
        const name = `${keyId} ${source}`
        const notedAt = noted.get(name)
        if (notedAt === undefined || at - notedAt >= noteEveryMs) toNote.set(name, { keyId, source, at })
      },
      async heardAt(keyId, source) {
        const [row] = await db.all(findHeard, { keyId, source })
        return row === undefined ? 0 : row.at + noteEveryMs
      },
      async flush() {
        for (const [name, row] of toNote) {
          await db.run(insertHeard, row)
          noted.set(name, row.at)
        }
        toNote.clear()
      },
    }
  }
}
