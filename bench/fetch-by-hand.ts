import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { BenchDatabase } from './bench-database.ts'

/** The database's own client, with nothing around it. */
export type OwnClient = {
  /** Fetches the newest sessions of a room, in the texts that a page is put together from. */
  fetchNewest(roomId: string, limit: number): Promise<number>
  close(): Promise<void>
}

/** @param keyId whose sessions they are */
export async function openOwnClient({ folder, databaseUrl }: BenchDatabase, keyId: number): Promise<OwnClient> {
  const [one, two, three] = databaseUrl === undefined ? ['?', '?', '?'] : ['$1', '$2', '$3']
  // Which sessions first, then their texts: neither database finds that order by itself every time.
  const text = `
    with newest as materialized (
      select key_id, id from sessions where key_id = ${one} and room_id = ${two} and start_at is not null order by start_at desc, id desc limit ${three}
    )
    select t.head, t.middle, t.tail from newest as n cross join seals as t where t.key_id = n.key_id and t.session_id = n.id`
  if (databaseUrl === undefined) {
    const file = new DatabaseSync(join(folder, 'rollcall.db'), { readOnly: true })
    const statement = file.prepare(text)
    return {
      fetchNewest: async (roomId, limit) => statement.all(keyId, roomId, limit).length,
      close: async () => file.close(),
    }
  }
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  return {
    fetchNewest: async (roomId, limit) =>
      (await client.query({ name: 'newest', text, values: [keyId, roomId, limit] })).rows.length,
    close: () => client.end(),
  }
}
