import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { sql } from 'kysely'
import { Refusal } from '../../error.ts'
import type { Database } from '../database/database.ts'
import { tellStatistics } from '../database/statistics.ts'
import { allTablesByKey } from '../database/without-rowid.ts'
import { encodeSeal, hasPlainHead, writeText } from '../sessions/seals.ts'

/** Texts that are read, and written, in one transaction. */
const pageTexts = 500

export type Compacted = { bytesBefore: number; bytes: number }

/**
 * Writes a SQLite file anew that no server has, without the room that is free in it, and each of its tables as a new file has it. The new
 * one takes the place of the old one once all of it is on the disk: broken off before, the old one is there, and holds the same.
 * @param open opens it, with the latest tables
 */
export async function compactFile(path: string, open: () => Promise<Database>): Promise<Compacted> {
  const part = `${path}.part`
  const bytesBefore = statSync(path).size
  rmSync(part, { force: true })
  const file = openSync(part, 'wx', 0o600)
  try {
    const db = await open()
    try {
      // A history does not fit into memory.
      await sql`pragma temp_store = file`.execute(db.kysely)
      await allTablesByKey(db.kysely)
      // What was told of a table goes with it.
      await tellStatistics(db.kysely)
      await encodeTexts(db)
      await sql`vacuum into ${part}`.execute(db.kysely)
    } finally {
      await db.close()
    }
    // Whoever closes a file last removes its log.
    if (existsSync(`${path}-wal`)) throw new Refusal('CONFLICT', `${path} is open elsewhere: stop that first`)
    fsyncSync(file)
    renameSync(part, path)
  } finally {
    closeSync(file)
    rmSync(part, { force: true })
  }
  return { bytesBefore, bytes: statSync(path).size }
}

/** The texts of sessions from before there was a shorter form of them. */
async function encodeTexts(db: Database): Promise<void> {
  for (let after = { keyId: 0, sessionId: '' }; ; ) {
    const { rows } = await sql<{ keyId: number; sessionId: string; head: string; middle: string; tail: string }>`
      select key_id as "keyId", session_id as "sessionId", head, middle, tail from seals
      where (key_id, session_id) > (${after.keyId}, ${after.sessionId}) and ${hasPlainHead('head')}
      order by key_id, session_id limit ${sql.lit(pageTexts)}`.execute(db.kysely)
    const last = rows.at(-1)
    if (last === undefined) return
    await db.transaction(async () => {
      for (const row of rows) await writeText(db, encodeSeal(row))
    })
    after = last
  }
}
