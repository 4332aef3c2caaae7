import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Insertable } from 'kysely'
import { createRandom, type Random } from '../../../../chaos/random.ts'
import { findPeopleFaults } from '../../src/store/copies/people-faults.ts'
import type { Database } from '../../src/store/database/database.ts'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { createSecretBox } from '../../src/store/database/secrets.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import type { Tables } from '../../src/store/database/tables.ts'
import { keys } from '../../src/store/keys/keys.ts'
import { markStale } from '../../src/store/people/kept-people.ts'
import { people } from '../../src/store/people/people.ts'
import { findPeople, type PeopleCursor } from '../../src/store/people/search.ts'
import { dataParent } from '../support/data-parent.ts'
import { startPostgres } from '../support/postgres.ts'

const seed = 11
/** More than one block of numbers. */
const size = 4500
const words = [
  'Ánna',
  'Zoë',
  'Łukasz',
  'WEISS',
  'weiß',
  'Ørsted',
  'Müller',
  'de  la',
  '100%',
  'a_b\\',
  '김서연',
  '🦊x',
  'i',
  'Qq',
]

/** As they are written by hand, not by what is tested: what a person is called, and when they were last seen. */
type Someone = { id: string; texts: string[]; seenAt: number; merged: number }
const plain = new Map(
  [...'ßøłÁáëüöéèÖÜ'].map((letter, n) => [
    letter,
    ['ss', 'o', 'l', 'a', 'a', 'e', 'u', 'o', 'e', 'e', 'o', 'u'][n] ?? '',
  ]),
)
const toPlain = (text: string) =>
  [...text.replace(/ +/g, ' ')]
    .map((letter) => plain.get(letter) ?? plain.get(letter.toLowerCase()) ?? letter.toLowerCase().normalize('NFKD'))
    .join('')
    .trim()

async function checkSearch(db: Database): Promise<void> {
  await migrateToLatest(db.kysely)
  const over = { db, box: createSecretBox(Buffer.alloc(32)), now: () => 0 }
  const { keyId } = await keys.writes.add(over, { name: null, email: null })
  const other = await keys.writes.add(over, { name: null, email: null })
  const random = createRandom(seed)
  const model = await fill(db, keyId, random)
  await fill(db, other.keyId, random)
  const gather = async () => {
    for (const one of [keyId, other.keyId])
      while ((await db.transaction(() => people.writes.gather(over, { keyId: one }))) > 0);
  }
  await gather()
  for (let n = 0; n < 20; n++) {
    const ids = [...new Set(Array.from({ length: 3 }, () => random.pick(model).id))]
    const id = `staff-${n}`
    const free = ids.filter((one) => model.some((person) => person.id === one && person.merged === 0))
    if (free.length === 0) continue
    await db.transaction(() => people.writes.merge(over, { keyId, id, name: `Chef ${n}`, participantIds: free }))
    const members = model.filter((one) => free.includes(one.id))
    for (const one of members) model.splice(model.indexOf(one), 1)
    const texts = [id, `Chef ${n}`, ...members.flatMap((one) => one.texts)]
    model.push({ id, texts, seenAt: Math.max(...members.map(({ seenAt }) => seenAt)), merged: 1 })
  }
  const gone = model.filter(({ merged }) => merged === 0 && random.chance(0.1))
  for (const one of gone) model.splice(model.indexOf(one), 1)
  const goneIds = gone.map(({ id }) => id)
  await db.kysely
    .deleteFrom('participants')
    .where('key_id', '=', keyId)
    .where(db.differences.isIn('participant_id', JSON.stringify(goneIds)))
    .execute()
  await markStale(db, keyId, goneIds)
  await gather()

  model.sort((a, b) => b.seenAt - a.seenAt || b.merged - a.merged || (a.id < b.id ? 1 : -1))
  const scanned = model.map((one) => ({ id: one.id, texts: one.texts.map(toPlain) }))
  for (let n = 0; n < 120; n++) {
    const part = n < 30 ? random.pick(words) : partOf(random, random.pick(random.pick(model).texts))
    const wanted = toPlain(part)
    const expected = scanned.filter(({ texts }) => texts.some((text) => text.includes(wanted))).map(({ id }) => id)
    const most = random.pick([undefined, { walked: 500, gathered: 0 }, { walked: 300, gathered: 2000 }])
    const found = await listAll(db, keyId, part, random.pick([90, 300, 1000]), most)
    assert.deepEqual(found, expected, `seed ${seed}, search ${n}: ${JSON.stringify(part)}`)
  }
  for await (const fault of findPeopleFaults(db)) assert.fail(fault)
}

async function listAll(
  db: Database,
  keyId: number,
  part: string,
  perPage: number,
  most?: { walked: number; gathered: number },
) {
  const ids: string[] = []
  for (let after: PeopleCursor | undefined; ; ) {
    const page = await findPeople(db, keyId, { part, after, perPage }, most)
    assert.ok(page.people.length <= perPage)
    ids.push(...page.people.map(({ id }) => id))
    after = page.next
    if (after === undefined) return ids
  }
}

/** In other letters than it was written in. */
function partOf(random: Random, text: string): string {
  const letters = [...text]
  const from = random.below(letters.length)
  const part = letters.slice(from, from + 1 + random.below(random.chance(0.3) ? 2 : 12)).join('')
  return random.chance(0.5) ? part.toUpperCase() : part
}

async function fill(db: Database, keyId: number, random: Random): Promise<Someone[]> {
  const model: Someone[] = []
  const rows: Insertable<Tables['participants']>[] = []
  for (let n = 0; n < size; n++) {
    const id = `user-${random.below(1_000_000_000)}-${n}`
    const names = Array.from(
      { length: random.chance(0.1) ? 2 : 1 },
      () => `${random.pick(words)} ${random.pick(words)}${random.below(300)}`,
    )
    const kind = random.chance(0.05) ? 'bot' : 'person'
    // Many were last seen at one moment.
    const seenAt = random.below(500) * 1000
    for (const [session, name] of names.entries())
      rows.push({
        key_id: keyId,
        session_id: `s${session}-${n % 50}`,
        participant_id: id,
        name,
        kind,
        metadata_json: null,
        joined_at: 0,
        open_since: null,
        closed_ms: 0,
        last_at: seenAt,
      })
    if (kind === 'person') model.push({ id, texts: [id, ...names], seenAt, merged: 0 })
  }
  await db.transaction(async () => db.insertRows('participants', rows))
  return model
}

const guarantee =
  'everybody who has a part of a name or id is found, once, in order, whatever the part, and nobody else'

describe('people are searched', () => {
  test(`on SQLite: ${guarantee}`, async () => {
    const folder = mkdtempSync(join(dataParent, 'rollcall-people-'))
    const db = openSqlite(join(folder, 'rollcall.db'))
    try {
      await checkSearch(db)
    } finally {
      await db.close()
      rmSync(folder, { recursive: true })
    }
  })

  test(`on PostgreSQL: ${guarantee}`, async () => {
    const service = await startPostgres()
    const db = openPostgres(await service.newDatabase(), { connections: 1 })
    try {
      await checkSearch(db)
    } finally {
      await db.close()
      await service.stop()
    }
  })
})
