import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Fact } from '@rollcall/protocol'
import { toRules } from '../packages/server/src/config.ts'
import { record } from '../packages/server/src/record/facts/record.ts'
import { openStore } from '../packages/server/src/record/open-store.ts'
import { openSqlite } from '../packages/server/src/store/database/sqlite.ts'
import { openFacts } from '../packages/server/src/store/facts/facts.ts'

const rules = toRules({ graceMs: 20_000 })
const clock = { now: () => Date.now() }
const sessionsPerCommit = 2000
const roomsMax = 1000
const minuteMs = 60_000
/** On average: one to five people, who come and go, and the end. */
export const factsPerSession = 7

/** Makes a history of ended sessions of one to five people, by folding facts as the server does, without waiting for the disk. */
export async function fillSessions(folder: string, sessions: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const store = await openStore({ dataFolder: folder, rules, clock, exclusive: false })
  const { keyId } = await store.writes.keys.add({ name: 'bench', email: null })
  const roomIds: string[] = []
  for (let i = 0; i < Math.min(roomsMax, sessions); i++) {
    roomIds.push((await store.writes.rooms.create({ keyId, customRoomId: `room ${i}` })).roomId)
  }
  await store.close()

  const db = openSqlite(join(folder, 'rollcall.db'))
  await db.kysely.executeQuery({ sql: 'pragma synchronous = off', parameters: [] } as never)
  const first = Date.now() - sessions * minuteMs
  for (let from = 0; from < sessions; from += sessionsPerCommit) {
    await db.transaction(async () => {
      const facts = openFacts(db)
      for (let i = from; i < Math.min(sessions, from + sessionsPerCommit); i++) {
        const roomId = roomIds[i % roomIds.length] ?? ''
        for (const fact of sessionFacts(i, roomId, first + i * minuteMs)) await record({ facts, rules }, keyId, fact)
      }
      await facts.flush()
    })
    if (sessions > sessionsPerCommit)
      process.stderr.write(`\r  ${Math.min(sessions, from + sessionsPerCommit)} of ${sessions} sessions`)
  }
  process.stderr.write('\n')
  await db.close()
}

function sessionFacts(i: number, roomId: string, at: number): Fact[] {
  const of = { source: 'events', roomId, sessionKey: `s${i}` }
  const facts: Fact[] = []
  for (let person = 0; person <= i % 5; person++) {
    const who = { participantId: `p${(i + person) % 10_000}`, connectionId: `c${i}-${person}` }
    const joinedAt = at + person * 1000
    const leftAt = joinedAt + 30_000
    const name = `Person ${person}`
    facts.push(
      { ...of, ...who, type: 'participant-joined', id: `${i}j${person}`, at: joinedAt, receivedAt: joinedAt, name },
      { ...of, ...who, type: 'participant-left', id: `${i}l${person}`, at: leftAt, receivedAt: leftAt },
    )
  }
  return [...facts, { ...of, type: 'session-ended', id: `${i}e`, at: at + 40_000, receivedAt: at + 40_000 }]
}
