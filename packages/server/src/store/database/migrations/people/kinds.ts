import { personKinds } from '@rollcall/protocol'
import { type Kysely, sql } from 'kysely'
import { textOf } from '../dialect.ts'
import type { ShownOtherwise } from '../shown-otherwise.ts'

/** Changes say what kind of participant they tell of; sessions that programs took part in are sealed anew, without counting these. */
export async function kinds(db: Kysely<unknown>): Promise<ShownOtherwise[]> {
  await db.schema.alterTable('changes').addColumn('kind', textOf(db)).execute()
  const { rows } = await sql<ShownOtherwise>`
    update sessions set seal_at = updated_at + 30000, gaps = null
    where end_at is not null and (key_id, id) in (
      select key_id, session_id from participants where kind not in (${sql.join([...personKinds])})
    )
    returning key_id as "keyId", id as "sessionId"`.execute(db)
  return rows
}
