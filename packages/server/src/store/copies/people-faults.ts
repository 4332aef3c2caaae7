import { personKinds } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { suffixesOf } from '../people/suffixes.ts'

/** People whose texts are read at once. */
const pagePeople = 500

/** Where who there is is not what the participants say, as far as they are gathered. */
export async function* findPeopleFaults(db: Database): AsyncGenerator<string> {
  const persons = sql.join([...personKinds])
  const { rows: missing } = await sql<{ keyId: number; id: string }>`
    select distinct p.key_id as "keyId", p.participant_id as id from participants as p
    join search_cursors as c on c.key_id = p.key_id and c.session_id is null
    join counters as n on n.key_id = p.key_id and n.change_seq = c.seq
    left join people as g on g.key_id = p.key_id and g.merged = 0 and g.id = p.participant_id
    where p.joined_at is not null and p.kind in (${persons}) and g.id is null limit 100`.execute(db.kysely)
  for (const { keyId, id } of missing) yield `people of key ${keyId}: participant ${id} is missing`
  const { rows: gone } = await sql<{ keyId: number; id: string }>`
    select g.key_id as "keyId", g.id from people as g where g.merged = 0 and g.stale = 0 and not exists (
      select 1 from participants as p where p.key_id = g.key_id and p.participant_id = g.id
        and p.joined_at is not null and p.kind in (${persons})) limit 100`.execute(db.kysely)
  for (const { keyId, id } of gone) yield `people of key ${keyId}: ${id} was inside no session`
  yield* findUnfound(db)
  const { rows: lost } = await sql<{ keyId: number; noun: string; id: string }>`
    select distinct s.key_id as "keyId", s.noun, s.id from search_suffixes as s
    left join people as g on g.key_id = s.key_id and g.id = s.id and g.merged = case when s.noun = 'person' then 1 else 0 end
    where s.noun <> 'room' and g.id is null limit 100`.execute(db.kysely)
  for (const { keyId, noun, id } of lost) yield `search_suffixes of key ${keyId}: there is no ${noun} ${id}`
}

type Row = { keyId: number; merged: number; id: string; texts: string }

/** Whoever is not found by all that they are called. */
async function* findUnfound(db: Database): AsyncGenerator<string> {
  for (let after = { keyId: 0, merged: 0, id: '' }; ; ) {
    const { rows } = await sql<Row>`
      select key_id as "keyId", merged, id, texts from people
      where (key_id, merged, id) > (${after.keyId}, ${after.merged}, ${after.id}) and stale = 0 and person_id is null
      order by key_id, merged, id limit ${pagePeople}`.execute(db.kysely)
    const last = rows.at(-1)
    if (last === undefined) return
    for (const { keyId, merged, id, texts } of rows) {
      const suffixes = [...suffixesOf(texts.split('\n'))]
      const { rows: found } = await sql<{ n: number }>`
        select count(*) as n from search_suffixes
        where key_id = ${keyId} and noun = ${merged === 1 ? 'person' : 'participant'} and id = ${id}
          and suffix in ${db.differences.texts(JSON.stringify(suffixes))}`.execute(db.kysely)
      if (Number(found[0]?.n) !== suffixes.length)
        yield `people of key ${keyId}: ${id} is not found by all of their names`
    }
    after = last
  }
}
