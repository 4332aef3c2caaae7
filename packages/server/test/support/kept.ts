import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fact } from '@rollcall/protocol'
import { sql } from 'kysely'
import { createRandom } from '../../../../chaos/random.ts'
import { createWorld } from '../../../../chaos/world.ts'
import { toRules } from '../../src/config.ts'
import { openStore, type Store } from '../../src/record/open-store.ts'
import type { Database } from '../../src/store/database/database.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { reporter, toTime } from '../ledger/history.ts'
import { builtThread } from './built-server.ts'
import { dataParent } from './data-parent.ts'
import { copyEmptyRecord } from './empty-record.ts'
import type { Postgres } from './postgres.ts'

export const rules = toRules({ graceMs: 20_000 })

/** Everything that is kept, of a server that is stopped; with the settings of a command that works on it. */
export type Kept = {
  env: { [name: string]: string }
  where: { databaseUrl: string | undefined; dataFolder: string }
  open(now: () => number): Promise<Store>
  /** The tables themselves. */
  within<T>(work: (db: Database) => Promise<T>): Promise<T>
  remove(): Promise<void>
}

/** In a SQLite file, or on a PostgreSQL service. */
export async function keep(postgres?: Postgres): Promise<Kept> {
  const dataFolder = await mkdtemp(join(dataParent, 'rollcall-kept-'))
  const databaseUrl = await postgres?.newStore()
  if (databaseUrl === undefined) await copyEmptyRecord(dataFolder)
  const masterKey = randomBytes(32)
  return {
    env: {
      ROLLCALL_DATA: dataFolder,
      ROLLCALL_MASTER_KEY: masterKey.toString('hex'),
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    },
    where: { databaseUrl, dataFolder },
    open: (now) => openStore({ databaseUrl, dataFolder, masterKey, rules, clock: { now }, threadUrl: builtThread }),
    async within(work) {
      const db =
        databaseUrl === undefined
          ? openSqlite(join(dataFolder, 'rollcall.db'))
          : openPostgres(databaseUrl, { connections: 1 })
      try {
        return await work(db)
      } finally {
        await db.close()
      }
    },
    remove: () => rm(dataFolder, { recursive: true }),
  }
}

const derivedTables = {
  sessions: 'key_id, id',
  participants: 'key_id, session_id, participant_id',
  marks: 'key_id, session_id, participant_id, fact_id, kind',
  seals: 'key_id, session_id',
  media: 'key_id, session_id, participant_id, kind, media_id',
  changes: 'key_id, seq',
  claims: 'key_id, source, fact_id',
  counters: 'key_id',
  session_counts: 'key_id, room_id',
  session_buckets: 'key_id, room_id, level, start_at',
  facts: 'key_id, seq',
}

/** The log and every table that follows from it, as text. */
export function dump(kept: Kept): Promise<{ [table: string]: string[] }> {
  return kept.within(async (db) => {
    const tables: { [table: string]: string[] } = {}
    for (const [table, key] of Object.entries(derivedTables)) {
      const { rows } = await sql.raw(`select * from ${table} order by ${key}`).execute(db.kysely)
      tables[table] = rows.map((row) => JSON.stringify(row))
    }
    return tables
  })
}

/**
 * Records a world in which all that the ledger knows of takes place, under two keys: sessions in any order and in theirs, late and
 * doubled facts, snapshots, restarts, silence, a process that dies with people inside, times that cannot be. Some are sealed.
 */
export async function recordWorld(kept: Kept): Promise<void> {
  let now = toTime(0)
  const store = await kept.open(() => now)
  const keys = [
    await store.writes.keys.add({ name: null, email: null }),
    await store.writes.keys.add({ name: null, email: null }),
  ]
  const random = createRandom(7)
  for (const { keyId } of keys) {
    await store.writes.rooms.create({
      keyId,
      customRoomId: 'closing',
      autoClose: { type: 'session-ends', duration: 1 },
    })
    const world = createWorld(random)
    for (let round = 0; round < 2; round++) {
      for (const { inOrder, facts } of world.nextRound()) {
        const arriving = inOrder ? facts : random.shuffle([...facts, ...facts.filter(() => random.chance(0.2))])
        for (let from = 0; from < arriving.length; ) {
          const some = arriving.slice(from, from + 1 + random.below(9))
          from += some.length
          await store.record(keyId, some)
          if (random.chance(0.3)) await store.sweep(Math.max(...some.map(({ at }) => at)) + 700_000)
        }
      }
    }
    await recordInferred(store, keyId)
    now = toTime(0)
  }
  // Some are sealed, the others were heard of too lately for that.
  await store.seal(toTime(300))
  for (const { keyId } of keys) while ((await store.writes.people.gather({ keyId })) > 0);
  await store.close()

  async function recordInferred({ record, sweep, resume }: Store, keyId: number): Promise<void> {
    const each = async (...facts: Fact[]) => {
      for (const fact of facts) await record(keyId, [fact])
    }
    const named = reporter({ source: 'livekit-1', roomId: 'snapped', sessionKey: 'RM_1' })
    await each(named.joined('ann', 10, { connectionId: 'a', name: 'Ann', metadata: 1 }), named.joined('bob', 20))
    await each(
      named.snapshot(60, ['bob', 'cas']),
      named.snapshot(120, ['bob', { participantId: 'dan', joinedAt: 100 }]),
    )
    await each(named.snapshot(180, ['dan']), named.snapshot(240, []), named.left('cas', 130), named.snapshot(300, []))
    const showing = reporter({ source: 'livekit-1', roomId: 'showing', sessionKey: 'RM_2' })
    const camera = { connectionId: 'l' }
    await each(
      { ...showing.started(45), type: 'recording-stopped', recordingId: 'EG_1' } as Fact,
      { ...showing.seen('lea', 60, camera), type: 'media-stopped', media: 'camera', mediaId: 'TR_1' } as Fact,
      { ...showing.joined('lea', 46, camera), region: 'eu' } as Fact,
      { ...showing.seen('lea', 50, camera), type: 'media-started', media: 'camera', mediaId: 'TR_1' } as Fact,
      { ...showing.started(44), type: 'recording-started', recordingId: 'EG_1' } as Fact,
      showing.left('lea', 70, camera),
      showing.ended(80),
    )
    const unnamed = reporter({ source: 'bridge', roomId: 'snapped too' })
    await each(unnamed.snapshot(400, ['eve']), unnamed.snapshot(460, []), unnamed.snapshot(520, []))
    await sweep(toTime(900))
    await each(
      unnamed.joined('eve', 1000),
      unnamed.restarted(1100),
      unnamed.joined('eve', 1105),
      unnamed.left('eve', 2000),
    )
    await each(unnamed.left('fay', 990, { joinedAt: 985 }), unnamed.left('nobody', 5))
    // A session is overtaken by the next one, and amended after its end.
    await each(unnamed.joined('gus', 3000), unnamed.left('gus', 3010), unnamed.joined('gus', 3100))
    await each(unnamed.joined('hal', 3005, { connectionId: 'h' }), unnamed.left('hal', 3009, { connectionId: 'h' }))
    const odd = reporter({ source: 'jitsi-1', roomId: 'closing' })
    await each(odd.joined('ivy', 99_999_999, { receivedAt: 4000 }), odd.left('ivy', 4060))
    const hosted = reporter({ source: 'hosted', roomId: 'hosted' })
    await each(hosted.joined('jon', 5000, { connectionId: 'j' }), hosted.joined('kim', 5001, { connectionId: 'k' }))
    now = toTime(5100)
    await resume(now)
    await each(hosted.joined('kim', 5105, { connectionId: 'k2' }))
    await sweep(toTime(5000 + 30 * 3600))
  }
}
