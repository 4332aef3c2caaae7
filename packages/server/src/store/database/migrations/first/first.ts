import type { Kysely } from 'kysely'
import { createChanges, createClaims, createCounters, createFacts } from './facts.ts'
import { createKeys, createLinks, createSigningKeys } from './keys.ts'
import { createLeases } from './leases.ts'
import { createMarks, createParticipants } from './participants.ts'
import { createQuality } from './quality.ts'
import { createRooms } from './rooms.ts'
import { createSessionCounts } from './session-counts.ts'
import { createErasedSessions, createSessions } from './sessions.ts'
import { createHeard, createSources } from './sources.ts'

export async function first(db: Kysely<unknown>): Promise<void> {
  await createKeys(db)
  await createRooms(db)
  await createSessions(db)
  await createParticipants(db)
  await createMarks(db)
  await createQuality(db)
  await createClaims(db)
  await createFacts(db)
  await createChanges(db)
  await createCounters(db)
  await createErasedSessions(db)
  await createSessionCounts(db)
  await createHeard(db)
  await createLinks(db)
  await createLeases(db)
  await createSources(db)
  await createSigningKeys(db)
}
