import type { Fact } from '@rollcall/protocol'
import type { Rules } from '../ledger/state.ts'
import type { Database } from '../store/database/database.ts'
import { listErasedRooms } from '../store/facts/erased-people.ts'
import { type FactStore, openFacts } from '../store/facts/facts.ts'
import type { Over } from '../store/noun.ts'
import { rooms } from '../store/rooms.ts'
import type { FactText } from './facts/fact-text.ts'
import type { AboutRooms } from './facts/record.ts'
import { inRooms, type NamedFact, nameIn } from './facts/rooms-of-facts.ts'

/** Facts of one key to be recorded. `texts`: theirs, where they were made before. */
export type KeyedFacts = { keyId: number; facts: (Fact | NamedFact)[]; texts?: FactText[] } & AboutRooms

/** The same in their rooms. */
type PlacedFacts = Omit<KeyedFacts, 'facts' | 'newRooms'> & { facts: Fact[] }

/** What a write works over: the writer's connection in a transaction, and what recording facts holds until its commit. */
export type Transaction = Over & {
  facts: FactStore
  rules: Rules
  /** Makes the rooms that are new, and gives the facts in them. */
  place(given: KeyedFacts): Promise<PlacedFacts>
}

export type TransactionParts = Pick<Over, 'box' | 'now' | 'pause'> & { rules: Rules }

/**
 * Runs several writes in one transaction, so that one write to the disk serves them all.
 * @param ahead the facts that they will record: what that takes is read at once
 */
export type Transact = <T>(work: (transaction: Transaction) => Promise<T>, ahead?: KeyedFacts[]) => Promise<T>

export function createTransact(db: Database, { rules, ...parts }: TransactionParts): Transact {
  const over = { db, ...parts }
  return (work, ahead = []) =>
    db.transaction(async () => {
      const facts = openFacts(db)
      const placed = await placeAll(over, ahead)
      if (ahead.length > 0) await facts.prepare([...placed.values()])
      const result = await work({
        ...over,
        facts,
        rules,
        place: async (given) => placed.get(given) ?? placeOne(over, given),
      })
      await facts.flush()
      return result
    })
}

/** In one order: what others make at the same time is waited for. */
async function placeAll(over: Over, all: KeyedFacts[]): Promise<Map<KeyedFacts, PlacedFacts>> {
  const roomIds = new Map<number, Map<string, string>>()
  const inNewRooms = all.filter(({ newRooms = [] }) => newRooms.length > 0)
  for (const [keyId, ofKey] of [...Map.groupBy(inNewRooms, (one) => one.keyId)].sort(([a], [b]) => a - b)) {
    const names = [...new Set(ofKey.flatMap(({ newRooms = [] }) => newRooms))]
    const givenIds = (await withoutErased(over.db, keyId, names, ofKey)).sort()
    roomIds.set(keyId, await rooms.writes.ensure(over, { keyId, givenIds }))
  }
  return new Map(all.map((one) => [one, toPlaced(one, roomIds.get(one.keyId) ?? new Map())]))
}

/** No room is made of what is told of an erased one: of its time before. */
async function withoutErased(db: Database, keyId: number, names: string[], all: KeyedFacts[]): Promise<string[]> {
  const erased = await listErasedRooms(db, keyId, names)
  if (erased.size === 0) return names
  const isAfter = (name: string, until: number) =>
    all.some(({ facts }) => facts.some((fact) => nameIn(fact) === name && fact.at > until))
  return names.filter((name) => isAfter(name, erased.get(name) ?? Number.NEGATIVE_INFINITY))
}

async function placeOne(over: Over, given: KeyedFacts): Promise<PlacedFacts> {
  const placed = (await placeAll(over, [given])).get(given)
  if (placed === undefined) throw new Error('facts were placed and cannot be found')
  return placed
}

/** Where rooms were made for them, the texts that were made before say their names. */
function toPlaced({ newRooms = [], texts, ...one }: KeyedFacts, roomIds: Map<string, string>): PlacedFacts {
  if (newRooms.length > 0) return { ...one, facts: inRooms(one.facts, roomIds) }
  return { ...one, facts: one.facts as Fact[], ...(texts !== undefined && { texts }) }
}
