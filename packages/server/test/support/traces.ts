import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { EventResults } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Kept } from './kept.ts'
import type { TestServer } from './start-server.ts'

// Somebody who is easily found again, wherever something of them is kept.

export const zoe = { participantId: 'zoe.unforgettable@example.org', name: 'Zoë Unforgettable' }
export const bob = { participantId: 'bob', name: 'Bob' }
/** Whatever would tell of her. */
export const traces = ['unforgettable', 'Unforgettable', 'a secret hobby', 'zoes-laptop']
export const at = Date.now() - 4 * 3_600_000

/** Two sessions that have their names, and one that has none: she is in all, her id in ids of facts too. */
export function eventsOf(): object[] {
  const events: object[] = []
  for (const [n, sessionKey] of ['monday', 'tuesday', undefined].entries()) {
    const told = { roomId: 'class', ...(sessionKey !== undefined && { sessionKey }) }
    const base = at + n * 3_600_000
    const of = (who: typeof zoe, what: string, atMs: number, more: object = {}) => ({
      id: `${n} ${who.participantId} ${what}`,
      at: base + atMs,
      ...told,
      participantId: who.participantId,
      connectionId: `${who.participantId}-connection`,
      ...more,
    })
    events.push(
      of(zoe, 'in', 0, { type: 'participant-joined', name: zoe.name, metadata: { note: 'a secret hobby' } }),
      of(bob, 'in', 1000, { type: 'participant-joined', name: bob.name }),
      of(zoe, 'quality', 30_000, {
        type: 'quality',
        stats: { averageAudioRtt: 5 },
        deviceInfo: { deviceName: 'zoes-laptop' },
      }),
      { id: `${n} snap`, type: 'snapshot', at: base + 40_000, ...told, participants: [zoe, bob] },
      of(zoe, 'out', 60_000, { type: 'participant-left', reason: `${zoe.name} had to go` }),
      of(bob, 'out', 90_000, { type: 'participant-left' }),
      { id: `${n} end`, type: 'session-ended', at: base + 100_000, ...told },
    )
  }
  return events
}

export async function report(server: TestServer, events: object[]): Promise<string[]> {
  const { status, body, text } = await server.call<EventResults>('POST', '/v2/events', { events })
  assert.equal(status, 200, text)
  return body.results.map(({ outcome }) => outcome)
}

type People = { data: { id: string }[] }
export const search = async (server: TestServer, part: string) =>
  (await server.call<People>('GET', `/v2/people?search=${part}`)).body
export const found = ({ data }: People) => data.map(({ id }) => id)

/** All bytes that are kept. */
export async function readKept(kept: Kept): Promise<Buffer[]> {
  if (kept.where.databaseUrl === undefined) {
    const files = await readdir(kept.where.dataFolder)
    return Promise.all(files.map((file) => readFile(join(kept.where.dataFolder, file))))
  }
  return kept.within(async (db) => {
    const tables = await db.kysely.introspection.getTables()
    const all: Buffer[] = []
    for (const { name } of tables) {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(name)} as t`.execute(db.kysely)
      all.push(Buffer.from(rows.map(({ row }) => row).join('\n')))
    }
    return all
  })
}

/**
 * All bytes that are left once the server is stopped and a file is packed: in the unused part of a page SQLite may keep a copy of a row that
 * it had moved, as docs/erasure.md says.
 */
export function readLeft(kept: Kept): Promise<Buffer[]> {
  if (kept.where.databaseUrl === undefined) {
    const file = new DatabaseSync(join(kept.where.dataFolder, 'rollcall.db'))
    file.exec('vacuum')
    file.close()
  }
  return readKept(kept)
}

/** The same in another room, of people who have no part in it. */
export function elsewhere(event: object): object {
  const { id, sessionKey } = event as { id: string; sessionKey?: string }
  const text = JSON.stringify({ ...event, id: `other ${id.replaceAll(zoe.participantId, 'ann')}`, roomId: 'other' })
  const other = text.replaceAll(zoe.participantId, 'ann').replaceAll(zoe.name, 'Ann')
  const told = JSON.parse(other.replace('a secret hobby', 'a hobby').replace('zoes-laptop', 'a laptop'))
  return { ...told, ...(sessionKey !== undefined && { sessionKey: `other ${sessionKey}` }) }
}
